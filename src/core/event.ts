/**
 * core: the nouns every room speaks: event, severity, EventBatch, Sink, errors, units. No IO, and it knows no other
 * room. Start with `event.ts` (what an event is), then `batch.ts` (how many of them travel).
 *
 * An event has the meaning of an OpenTelemetry log record, with these fields in this order.
 */
import { levelOf, type Level } from './severity.ts'
import { formatTimestamp } from './time.ts'

/** The text fields of an event in their storage order (see `batch.ts` for the row layout). */
export const TEXT_FIELDS = ['service', 'host', 'source', 'message', 'trace_id', 'span_id'] as const
export type TextField = (typeof TEXT_FIELDS)[number]

/** Attribute of the last event of an agent's delivery: which one it came with. */
export const DELIVERY_ATTRIBUTE = 'agent.delivery'
/** What the server keeps beside events for itself: people see it only where they look at all of an event. */
export const OWN_ATTRIBUTES: ReadonlySet<string> = new Set([DELIVERY_ATTRIBUTE])

/** One event as plain values: for slow paths, tests and readers. The hot path never builds one. */
export interface LogEvent {
  /** Nanoseconds since 1970 UTC: when it happened, as the sender says. */
  timestampNs: bigint
  /** Nanoseconds since 1970 UTC: when this server took it. Strictly increasing within one node. */
  receivedNs: bigint
  /** OpenTelemetry severity number, 0–24. */
  severity: number
  service: string
  host: string
  source: string
  message: string
  trace_id: string
  span_id: string
  /** Flattened with dots; numbers and booleans in their JSON form. */
  attributes: ReadonlyMap<string, string>
}

/** An event as the API, the tail and the CLI print it. */
export interface EventJson {
  id: string
  timestamp: string
  received: string
  severity: number
  level: Level
  service: string
  host: string
  source: string
  message: string
  trace_id: string
  span_id: string
  attributes: Record<string, string>
}

/** Event → its printed form. `node` is the server that took it. */
export function eventJson(event: LogEvent, node: string): EventJson {
  return {
    id: formatEventId(event.receivedNs, node),
    timestamp: formatTimestamp(event.timestampNs),
    received: formatTimestamp(event.receivedNs),
    severity: event.severity,
    level: levelOf(event.severity),
    service: event.service,
    host: event.host,
    source: event.source,
    message: event.message,
    trace_id: event.trace_id,
    span_id: event.span_id,
    attributes: Object.fromEntries(event.attributes),
  }
}

/** Identity of an event, and the tail's cursor: 16 hex digits of the received time, a dash, the node's name. */
export function formatEventId(receivedNs: bigint, node: string): string {
  return `${BigInt.asUintN(64, receivedNs).toString(16).padStart(16, '0')}-${node}`
}

/** The reverse of `formatEventId`; `undefined` for anything else. */
export function parseEventId(id: string): { receivedNs: bigint; node: string } | undefined {
  const match = /^([0-9a-f]{16})-([A-Za-z0-9_.-]{1,64})$/.exec(id)
  if (!match) return undefined
  return { receivedNs: BigInt(`0x${match[1]}`), node: match[2] ?? '' }
}
