import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventView } from '../core/batch.ts'
import { openLive, type Live } from './live.ts'
import { stampedBatch, turn } from './testing/batches.ts'

const message = (event: EventView): string => event.text('message')
const WHOLE = { afterNs: -1n, throughNs: 2n ** 62n, limit: 1_000_000 }

/** Events received at `from` … `to` ns with the number as message, spread over some services. */
function publish(live: Live, from: number, to: number, services = 3): void {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    receivedNs: BigInt(from + i),
    service: `s${((from + i) * 7) % services}`,
    message: String(from + i),
  }))
  live.publish(stampedBatch(events))
}

const valuesOf = async (live: Live, options: Partial<typeof WHOLE> = {}): Promise<number[]> => {
  const { items } = await live.oldest({ select: (event) => Number(message(event)), ...WHOLE, ...options })
  return items.map(({ value }) => value)
}

test('the oldest of a piece of time, in order over all services', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: -1, max: 220 }),
      fc.integer({ min: -1, max: 220 }),
      fc.integer({ min: 1, max: 60 }),
      async (count, services, after, through, limit) => {
        const live = openLive({ startNs: 1n })
        publish(live, 1, count, services)
        const held = Array.from({ length: count }, (_, index) => index + 1)
        const expected = held.filter((n) => n > after && n <= through).slice(0, limit)
        expect(await valuesOf(live, { afterNs: BigInt(after), throughNs: BigInt(through), limit })).toEqual(expected)
        live.close()
      },
    ),
    { numRuns: 200 },
  )
})

test('what the rings no longer hold is passed over, and completeFromNs tells', async () => {
  const live = openLive({ startNs: 1n, ringBytesMax: 4096 })
  publish(live, 1, 1000)
  const values = await valuesOf(live)
  expect(values.at(-1)).toBe(1000)
  expect(values.length).toBeLessThan(1000)
  expect(values).toEqual(values.toSorted((a, b) => a - b))
  expect((await live.oldest({ select: message, ...WHOLE })).completeFromNs).toBeGreaterThan(1n)
})

test('rings that are overwritten during a turn lose what they lost, nothing is given twice', async () => {
  const live = openLive({ startNs: 1n, ringBytesMax: 100_000 })
  publish(live, 1, 9000)
  const reading = valuesOf(live, { throughNs: 9000n })
  // It has come to its first turn.
  publish(live, 9001, 16_000)
  const values = await reading
  expect(values.length).toBeGreaterThan(2000)
  expect(values.length).toBeLessThan(9000)
  expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b))
  expect(values.at(-1)).toBeLessThanOrEqual(9000)
})

test('others get turns meanwhile', async () => {
  const live = openLive({ startNs: 1n, ringBytesMax: 2 ** 22 })
  publish(live, 1, 20_000)
  const seen = { turns: 0, isDone: false }
  const reading = valuesOf(live).finally(() => (seen.isDone = true))
  while (!seen.isDone) {
    await turn()
    seen.turns++
  }
  expect(await reading).toHaveLength(20_000)
  expect(seen.turns).toBeGreaterThan(5)
})
