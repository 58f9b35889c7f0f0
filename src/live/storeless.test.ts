/** Tails where the rings are all there is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { follow, type FollowItem } from './follow.ts'
import { openLive, type Live } from './live.ts'
import { stampedBatch, turn, turnsUntil } from './testing/batches.ts'

/** Events received at `from` … `to` ns with the number as message, spread over three services. */
function publish(live: Live, from: number, to: number): void {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    receivedNs: BigInt(from + i),
    service: `s${(from + i) % 3}`,
    message: String(from + i),
  }))
  live.publish(stampedBatch(events))
}

const select = (event: { text(field: 'message'): string }): number => Number(event.text('message'))

function openTail(live: Live, cursor: number, signal: AbortSignal): AsyncGenerator<FollowItem<number>> {
  return follow({
    live,
    select,
    signal,
    cursor: BigInt(cursor),
    isStoreless: true,
    waitStored: () => Promise.resolve(),
    readStored: async ({ afterNs, throughNs, limit }) =>
      (await live.oldest({ select, afterNs, throughNs, limit })).items,
    backlogFromStore: async () => [],
  })
}

test('a resume gives what is left, and says so when something is missing', async () => {
  const check = fc.asyncProperty(
    fc.integer({ min: 1, max: 4000 }),
    fc.integer({ min: 200, max: 60_000 }),
    fc.integer({ min: 0, max: 300 }),
    async (count, ringBytesMax, cursor) => {
      const live = openLive({ startNs: 1n, ringBytesMax })
      publish(live, 1, count)
      const held = live.completeFromNs
      const abort = new AbortController()
      const seen: FollowItem<number>[] = []
      const reading = (async () => {
        for await (const item of openTail(live, Math.min(cursor, count), abort.signal)) seen.push(item)
      })()
      publish(live, count + 1, count + 5)
      const last = (): number => seen.findLast((item) => item.kind === 'log')?.value ?? 0
      await turnsUntil(() => last() === count + 5, 'the newest event is seen')
      abort.abort()
      await reading
      live.close()
      const values = seen.flatMap((item) => (item.kind === 'log' ? [item.value] : []))
      const whole = Array.from({ length: count + 5 }, (_, i) => i + 1).filter((n) => n > Math.min(cursor, count))
      expect(values).toEqual(values.toSorted((a, b) => a - b))
      // What is missing stands before the time that is told.
      const told = seen.reduce((ns, item) => (item.kind === 'incomplete' && item.fromNs > ns ? item.fromNs : ns), 0n)
      expect(whole.filter((n) => BigInt(n) >= told)).toEqual(values.filter((n) => BigInt(n) >= told))
      if (BigInt(Math.min(cursor, count)) < held - 1n) expect(told).toBeGreaterThan(0n)
      else if (told === 0n) expect(values).toEqual(whole)
    },
  )
  await fc.assert(check, { numRuns: 150 })
})

test('what is lost while a long resume is read is told as well', async () => {
  const live = openLive({ startNs: 1n, ringBytesMax: 2 ** 21 })
  publish(live, 1, 30_000)
  const abort = new AbortController()
  const tail = openTail(live, 0, abort.signal)
  const seen: FollowItem<number>[] = []
  for await (const item of tail) {
    seen.push(item)
    if (seen.length === 500) publish(live, 30_001, 300_000)
    if (seen.length % 500 === 0) await turn()
    if (item.kind === 'incomplete') break
  }
  expect(seen.at(-1)?.kind).toBe('incomplete')
  expect(seen.length).toBeGreaterThan(500)
  abort.abort()
  live.close()
})
