import { expect, test } from 'vitest'
import { openLive, type Live } from './live.ts'
import { stampedBatch } from './testing/batches.ts'

function publish(live: Live, from: number, to: number): void {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    receivedNs: BigInt(from + i),
    service: `s${(from + i) % 3}`,
    message: String(from + i),
  }))
  live.publish(stampedBatch(events))
}

test('every event that is held is shown once, with its bytes', async () => {
  const live = openLive({ startNs: 1n })
  publish(live, 1, 5000)
  const seen: number[] = []
  let bytes = 0
  const visited = await live.visit({
    visit(event) {
      seen.push(Number(event.text('message')))
      bytes += event.bytes
    },
    onTurn: () => undefined,
  })
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1))
  expect(visited).toEqual({ rows: 5000, bytes, missed: 0 })
})

test('nothing that comes meanwhile, and what is lost meanwhile is counted', async () => {
  const live = openLive({ startNs: 1n, ringBytesMax: 100_000 })
  publish(live, 1, 9000)
  const seen: number[] = []
  const isSlow = { until: 3 }
  const visiting = live.visit({
    visit(event) {
      seen.push(Number(event.text('message')))
      // As long as a slice of time may be: the walk has to stop at the next look at the clock.
      if (isSlow.until-- > 0) for (const endMs = performance.now() + 11; performance.now() < endMs;);
    },
    onTurn: () => undefined,
  })
  // It has come to its first turn.
  publish(live, 9001, 14_000)
  const { rows, missed } = await visiting
  expect(rows).toBe(seen.length)
  expect(new Set(seen).size).toBe(seen.length)
  expect(Math.max(...seen)).toBeLessThanOrEqual(9000)
  expect(missed).toBeGreaterThan(0)
  expect(rows + missed).toBe(9000 - (await lostBefore()))
})

/** Rows that were gone before the walk began, from the same events in other rings. */
async function lostBefore(): Promise<number> {
  const live = openLive({ startNs: 1n, ringBytesMax: 100_000 })
  publish(live, 1, 9000)
  return 9000 - live.status().ringEvents
}

const fail = (): never => {
  throw new Error('enough')
}

test('what the visitor or the turn throws ends the walk', async () => {
  const live = openLive({ startNs: 1n })
  publish(live, 1, 1000)
  await expect(live.visit({ visit: fail, onTurn: () => undefined })).rejects.toThrow('enough')
  let shown = 0
  const slow = (): void => {
    shown++
    for (const endMs = performance.now() + 1; performance.now() < endMs;);
  }
  await expect(live.visit({ visit: slow, onTurn: fail })).rejects.toThrow('enough')
  expect(shown).toBeLessThan(1000)
})
