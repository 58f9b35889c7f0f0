/**
 * For tests: what every source must do, whatever its protocol. A source brings `deliver`, which sends bytes to a running
 * instance and waits until it has answered or closed; the suite brings the cases and judges by sink and counters.
 */
import { describe, expect, test } from 'vitest'
import type { Counters } from '../../core/counters.ts'
import type { LogEvent } from '../../core/event.ts'
import type { MemorySink } from './memory-sink.ts'

export interface ContractInstance {
  sink: MemorySink
  counters: Counters
  /** Sends one submission. Resolves with whether the sender was told that all is well, `undefined` if it is told nothing. */
  deliver(bytes: Buffer): Promise<boolean | undefined>
  close(): Promise<void>
}

export interface ContractCase {
  name: string
  bytes: Buffer
  /** Fields of the events that must come out, in order. */
  events: readonly Partial<LogEvent>[]
  /** Rejects by reason. */
  rejected: Readonly<Record<string, number>>
}

export function sourceContract(
  source: string,
  open: () => Promise<ContractInstance>,
  cases: readonly ContractCase[],
): void {
  async function using(work: (instance: ContractInstance) => Promise<void>): Promise<void> {
    const instance = await open()
    try {
      await work(instance)
      expect(instance.sink.holders).toBe(0)
    } finally {
      await instance.close()
    }
  }

  describe(`contract of source ${source}`, () => {
    test.each(cases)('$name', ({ bytes, events, rejected }) =>
      using(async ({ sink, counters, deliver }) => {
        const isWell = await deliver(bytes)
        expect(sink.events()).toMatchObject(events)
        expect(counters.total('ingest_events_total', { source })).toBe(events.length)
        const counted = Object.keys(rejected).map((reason) => [
          reason,
          counters.total('ingest_rejected_total', { source, reason }),
        ])
        expect(Object.fromEntries(counted)).toEqual(rejected)
        const rejects = Object.values(rejected).reduce((sum, count) => sum + count, 0)
        expect(counters.total('ingest_rejected_total', { source })).toBe(rejects)
        if (isWell !== undefined) expect(isWell).toBe(events.length > 0 || rejects === 0)
      }),
    )

    test('says nothing is well when the sink refuses, counts no event, and serves the next', () =>
      using(async ({ sink, counters, deliver }) => {
        const good = cases.find((one) => one.events.length > 0) ?? expect.unreachable()
        sink.onWrite = () => {
          throw new Error('refused by the test')
        }
        expect(await deliver(good.bytes)).not.toBe(true)
        expect(counters.total('ingest_events_total', { source })).toBe(0)
        sink.onWrite = () => {}
        expect(await deliver(good.bytes)).not.toBe(false)
        expect(sink.events()).toMatchObject(good.events)
      }))

    test('survives noise', () =>
      using(async ({ sink, deliver }) => {
        const good = cases.find((one) => one.events.length > 0) ?? expect.unreachable()
        let state = 12_345
        const noise = Buffer.from(Array.from({ length: 20_000 }, () => (state = (state * 75 + 74) % 65_537) & 255))
        await deliver(noise)
        sink.batches = []
        expect(await deliver(good.bytes)).not.toBe(false)
        expect(sink.events()).toMatchObject(good.events)
      }))
  })
}
