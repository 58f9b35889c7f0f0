import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchPool } from '../core/batch-pool.ts'
import { EventBatch, EventView, type EventInput } from '../core/batch.ts'
import type { LogEvent } from '../core/event.ts'
import type { Sink } from '../core/sink.ts'
import { stampingSink } from './stamps.ts'

async function stamped(events: readonly EventInput[], stamps: Record<string, string>): Promise<LogEvent[]> {
  const written: EventBatch[] = []
  const sink: Sink = { hold: () => () => undefined, write: async (batch) => void written.push(batch) }
  const batch = new EventBatch(16)
  for (const event of events) batch.append(event)
  const batches = new BatchPool({ bytesMax: 1_000_000 })
  await stampingSink(sink, new Map(Object.entries(stamps)), batches).write(batch)
  const view = new EventView()
  return written.flatMap((found) =>
    Array.from({ length: found.rows }, (_, row) => view.at(found.bytes, found.offsets[row] ?? 0).toEvent()),
  )
}

const EVENT: EventInput = {
  timestampNs: 5n,
  severity: 9,
  service: 'claimed',
  host: 'h',
  source: 's',
  message: 'm',
  trace_id: 't',
  span_id: 'p',
  attributes: new Map([
    ['env', 'claimed'],
    ['user', 'u'],
  ]),
}

describe('stamps', () => {
  const cases: [stamps: Record<string, string>, changes: Partial<LogEvent>][] = [
    [{}, {}],
    [{ service: '/ops/x' }, { service: '/ops/x' }],
    [
      { host: '', source: 'é'.repeat(100) },
      { host: '', source: 'é'.repeat(100) },
    ],
    [{ level: 'error' }, { severity: 17 }],
    [
      { env: 'prod' },
      {
        attributes: new Map([
          ['user', 'u'],
          ['env', 'prod'],
        ]),
      },
    ],
    [
      { team: 'a' },
      {
        attributes: new Map([
          ['env', 'claimed'],
          ['user', 'u'],
          ['team', 'a'],
        ]),
      },
    ],
  ]
  test.each(cases)('%j', async (stamps, changes) => {
    const bare: EventInput = { message: 'bare' }
    const [event, second] = await stamped([EVENT, bare], stamps)
    expect(event).toEqual({ ...EVENT, receivedNs: 0n, ...changes })
    expect(second?.message).toBe('bare')
    if (stamps['service'] !== undefined) expect(second?.service).toBe(stamps['service'])
    if (stamps['env'] !== undefined) expect(second?.attributes).toEqual(new Map([['env', 'prod']]))
  })

  test('a key that stands twice is gone wholly', async () => {
    const batch = new EventBatch(16)
    batch.append({ message: 'm', attributes: new Map([['env', '1']]) })
    // Two entries of the same name, as a sender may write them: the map of `append` cannot.
    const row = batch.bytes.subarray(0, batch.length)
    const entry = row.subarray(row.length - 6)
    const doubled = new EventBatch(256)
    Buffer.concat([row, entry]).copy(doubled.bytes)
    doubled.bytes[row.length - 7] = 2
    doubled.commitRow(row.length + 6)
    const written: EventBatch[] = []
    const sink: Sink = { hold: () => () => undefined, write: async (found) => void written.push(found) }
    await stampingSink(sink, new Map([['env', 'x']]), new BatchPool({ bytesMax: 0 })).write(doubled)
    const [found] = written
    expect(found?.bytes.subarray(0, found.length).toString('latin1')).not.toContain('\u00011')
    expect(new EventView().at(found?.bytes ?? Buffer.alloc(0), 0).attributes).toEqual(new Map([['env', 'x']]))
  })

  test('all but the stamped fields stay as they are, whatever they hold', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 })
    const event = fc.record({
      message: text,
      service: text,
      host: text,
      attributes: fc.dictionary(text, text).map((found) => new Map(Object.entries(found))),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 5 }), text, text, async (events, name, value) => {
        fc.pre(!['service', 'host', 'source', 'message', 'trace_id', 'span_id', 'level'].includes(name))
        const found = await stamped(events, { service: 'S', [name]: value })
        expect(found).toHaveLength(events.length)
        for (const [index, { message, service, host, attributes }] of found.entries()) {
          const given = events[index]
          expect({ message, service, host }).toEqual({ message: given?.message, service: 'S', host: given?.host })
          expect(attributes).toEqual(new Map([...(given?.attributes ?? []), [name, value]]))
        }
      }),
      { numRuns: 200 },
    )
  })
})
