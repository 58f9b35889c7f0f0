/**
 * For tests of who sees what: three groups of events, told apart by a word that stands in every text of theirs, in a real
 * store. `osprey` has nothing in common with `kestrel`, but says in its messages what a kestrel's attributes say;
 * `merlin` comes from the same service, host and source as `kestrel`, between its events.
 */
import type { EventInput } from '../../core/batch.ts'
import { formatEventId } from '../../core/event.ts'
import { parseTimestamp } from '../../core/time.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../store/testing/temporary-store.ts'

export const BIRDS = ['kestrel', 'osprey', 'merlin'] as const
export type Bird = (typeof BIRDS)[number]

/** Name of a filter, used as its key → the filter, and what it lets through. */
export const BIRD_FILTERS: Readonly<Record<string, [filter: string, visible: readonly Bird[]]>> = {
  attribute: ['tenant:a', ['kestrel']],
  service: ['service:svc-falcon', ['kestrel', 'merlin']],
  glob: ['host:*-falcon -tenant:c', ['kestrel']],
  either: ['tenant:c OR tenant:nobody', ['merlin']],
  neither: ['NOT (tenant:b OR tenant:c)', ['kestrel']],
  regex: ['service:/^svc-f/ tenant:/[ac]/', ['kestrel', 'merlin']],
  range: ['time:2026-01-04..2026-01-06 tenant:a', ['kestrel']],
  relative: ['time:-6d..now', ['kestrel', 'merlin']],
  nothing: ['tenant:nobody', []],
}

export const BIRDS_NODE = 'n1'
/** What `now` is. */
export const BIRDS_NOW_NS = at('2026-01-10T00:00:00Z')
export const EVENTS_PER_BIRD = 40

const TENANTS: Readonly<Record<Bird, string>> = { kestrel: 'a', osprey: 'b', merlin: 'c' }
const RECEIVED_NS = at('2026-01-09T00:00:00Z')
const MINUTE_NS = 60_000_000_000n

function at(text: string): bigint {
  return parseTimestamp(text) ?? 0n
}

/** Ospreys are the oldest and the newest of all. */
function timeOf(bird: Bird, number: number): bigint {
  const startNs =
    bird !== 'osprey' ? '2026-01-05T00:00:00Z' : number % 2 === 0 ? '2025-03-01T00:00:00Z' : '2027-03-01T00:00:00Z'
  return at(startNs) + BigInt(number * 2 + (bird === 'merlin' ? 1 : 0)) * MINUTE_NS
}

export function birdEvent(bird: Bird, number: number): EventInput {
  const place = bird === 'osprey' ? bird : 'falcon'
  const json = JSON.stringify({ tenant: 'a', seen: bird, [`json.${bird}`]: bird })
  return {
    timestampNs: timeOf(bird, number),
    severity: 1 + (number % 24),
    service: `svc-${place}`,
    host: `host-${place}`,
    // Half of them belong to the event log.
    source: number % 2 === 0 ? `${place}.log` : 'eventlog',
    message: number % 2 === 0 ? `${bird} ${number} tenant=a seen=${bird}` : json,
    trace_id: `trace-${bird}`,
    span_id: `span-${bird}`,
    attributes: new Map([
      ['tenant', TENANTS[bird]],
      ['bird', bird],
      [`attribute.${bird}`, bird],
      ['n', String(number)],
    ]),
  }
}

const numbers = Array.from({ length: EVENTS_PER_BIRD }, (_, number) => number)

export function birdEvents(): EventInput[] {
  return numbers.flatMap((number) => BIRDS.map((bird) => birdEvent(bird, number)))
}

/** Ids as the events have them in the store, in the order of `birdEvents`. */
export function birdId(bird: Bird, number: number): string {
  return formatEventId(RECEIVED_NS + BigInt(number * BIRDS.length + BIRDS.indexOf(bird)), BIRDS_NODE)
}

/** Received time just after all of them. */
export const AFTER_BIRDS_NS = RECEIVED_NS + BigInt(EVENTS_PER_BIRD * BIRDS.length)

export async function openBirds(): Promise<TemporaryStore> {
  const temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  await loadBatch(temporary.store, stampedBatch(birdEvents(), RECEIVED_NS), BIRDS_NODE)
  return temporary
}
