import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventView } from '../core/batch.ts'
import { openLive, type LiveOptions, type Subscription } from './live.ts'
import { Matcher } from './matcher.ts'
import { BufferedSubscription } from './subscription.ts'
import { stampedBatch, turn, turnsUntil } from './testing/batches.ts'

const message = (event: EventView): string => event.text('message')

/** Events received at `from` … `to` ns with the number as message, spread over three services. */
function numbered(from: number, to: number): ReturnType<typeof stampedBatch> {
  const events = Array.from({ length: to - from + 1 }, (_, i) => ({
    receivedNs: BigInt(from + i),
    service: `s${(from + i) % 3}`,
    message: String(from + i),
  }))
  return stampedBatch(events)
}

function open(options: Partial<LiveOptions> = {}): ReturnType<typeof openLive> {
  return openLive({ startNs: 1n, ...options })
}

/** Takes everything until the flow has come to rest. */
async function takeAll<T>(subscription: Subscription<T>, total: number): Promise<{ values: T[]; skipped: number }> {
  const values: T[] = []
  let skipped = 0
  while (values.length + skipped < total) {
    const taken = await subscription.take()
    if (!taken) break
    values.push(...taken.items.map((item) => item.value))
    skipped += taken.skipped
  }
  return { values, skipped }
}

describe('subscribers', () => {
  test('see what is published after they came, selected, in order', async () => {
    const live = open()
    live.publish(numbered(1, 5))
    const even = live.subscribe({ select: (event) => (Number(message(event)) % 2 === 0 ? message(event) : undefined) })
    live.publish(numbered(6, 9))
    expect(await even.take()).toEqual({
      items: [
        { receivedNs: 6n, value: '6' },
        { receivedNs: 8n, value: '8' },
      ],
      skipped: 0,
    })
    const next = even.take()
    live.publish(numbered(10, 10))
    expect((await next)?.items.map((item) => item.value)).toEqual(['10'])
    live.close()
    expect(await even.take()).toBeUndefined()
  })

  test('that wait are woken by close', async () => {
    const live = open()
    const subscription = live.subscribe({ select: message })
    const waiting = subscription.take()
    subscription.close()
    expect(await waiting).toBeUndefined()
    expect(subscription.isClosed).toBe(true)
    expect(live.status().subscribers).toBe(0)
  })

  test('whose selector throws are closed alone, and told after what came before', async () => {
    const live = open()
    const broken = live.subscribe({
      select: (event) => {
        if (message(event) === '3') throw new Error('broken selector')
        return message(event)
      },
    })
    const sound = live.subscribe({ select: message })
    live.publish(numbered(1, 5))
    expect((await broken.take())?.items.map((item) => item.value)).toEqual(['1', '2'])
    await expect(broken.take()).rejects.toThrow('broken selector')
    expect(live.status().subscribers).toBe(1)
    expect((await sound.take())?.items.length).toBe(5)
  })

  test('that are too slow lose the oldest, counted exactly', async () => {
    const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })
    const check = fc.asyncProperty(counts, fc.integer({ min: 1, max: 70 }), async (sizes, bufferEventsMax) => {
      const live = open()
      const subscription = live.subscribe({ select: message, bufferEventsMax })
      let last = 0
      for (const size of sizes) {
        live.publish(numbered(last + 1, last + size))
        last += size
        while (live.status().subscribers > 0 && subscription.skipped < last - bufferEventsMax) await turn()
      }
      const { values, skipped } = await takeAll(subscription, last)
      expect(skipped).toBe(Math.max(0, last - bufferEventsMax))
      expect(values).toEqual(Array.from({ length: last - skipped }, (_, i) => String(skipped + i + 1)))
      live.close()
    })
    await fc.assert(check, { numRuns: 100 })
  })

  test('that are too slow hold no more bytes than they may, and always the newest event', async () => {
    const check = fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 2000 }),
      async (last, bufferBytesMax) => {
        const live = open()
        const subscription = live.subscribe({ select: message, bufferBytesMax })
        const batch = numbered(1, last)
        live.publish(batch)
        let bytes = 0
        let fitting = 0
        for (let row = last - 1; row >= 0; row--) {
          bytes += batch.rowEnd(row) - (batch.offsets[row] ?? 0)
          if (bytes > bufferBytesMax && fitting > 0) break
          fitting++
        }
        await turnsUntil(() => subscription.skipped >= last - fitting, 'the oldest are skipped')
        const { values, skipped } = await takeAll(subscription, last)
        expect(values.length).toBe(fitting)
        expect(skipped).toBe(last - fitting)
        live.close()
      },
    )
    await fc.assert(check, { numRuns: 100 })
  })

  test('that are too slow share one bound of bytes, however many they are', async () => {
    const live = open({ buffersBytesMax: 1000 })
    const subscriptions = Array.from({ length: 5 }, () => live.subscribe({ select: message }))
    const batch = numbered(1, 60)
    const rowBytes = batch.rowEnd(59) - (batch.offsets[59] ?? 0)
    const fitting = Math.floor(200 / rowBytes)
    live.publish(batch)
    await turnsUntil(() => subscriptions.every(({ skipped }) => skipped > 0), 'the oldest are skipped')
    for (const subscription of subscriptions) {
      const { values, skipped } = await takeAll(subscription, 60)
      expect(values).toEqual(Array.from({ length: fitting }, (_, index) => String(61 - fitting + index)))
      expect(skipped).toBe(60 - fitting)
    }
    live.close()
  })

  test('that keep up lose nothing in a burst larger than their buffer', async () => {
    const live = open()
    const subscription = live.subscribe({ select: message, bufferEventsMax: 50 })
    const taking = takeAll(subscription, 5000)
    live.publish(numbered(1, 5000))
    const { values, skipped } = await taking
    expect(skipped).toBe(0)
    expect(values.length).toBe(5000)
  })
})

function listen(matcher: Matcher): BufferedSubscription<string> {
  const subscription = new BufferedSubscription(message, { eventsMax: 1_000_000, bytesMax: 1e9 }, () =>
    matcher.remove(subscription),
  )
  matcher.add(subscription)
  return subscription
}

describe('the matcher', () => {
  test('does one slice at once and the rest, in order, in later turns', async () => {
    const matcher = new Matcher(100)
    const readers = [listen(matcher), listen(matcher)]
    matcher.publish(numbered(1, 120))
    const late = listen(matcher)
    matcher.publish(numbered(121, 200))
    const first = await readers[0]?.take()
    expect(first?.items.length).toBe(50)
    for (const [reader, from] of [
      [readers[0], 51],
      [readers[1], 1],
      [late, 121],
    ] as const) {
      const { values } = reader ? await takeAll(reader, 201 - from) : { values: [] }
      expect(values).toEqual(Array.from({ length: 201 - from }, (_, i) => String(from + i)))
    }
  })

  test('ends a slice when its time is up, however few calls it has made', async () => {
    let nowMs = 0
    const matcher = new Matcher(1000, Infinity, () => nowMs)
    const slow = (event: EventView): string => {
      nowMs += 3
      return message(event)
    }
    const reader = new BufferedSubscription(slow, { eventsMax: 1000, bytesMax: Infinity }, () => undefined)
    matcher.add(reader)
    matcher.publish(numbered(1, 100))
    expect((await reader.take())?.items.length).toBe(4)
    expect(await takeAll(reader, 96)).toEqual({
      values: Array.from({ length: 96 }, (_, i) => String(i + 5)),
      skipped: 0,
    })
  })

  test('passes over the oldest batches when too much waits, and counts them', async () => {
    const batch = numbered(1, 100)
    const matcher = new Matcher(10, batch.bytes.length * 3)
    const reader = listen(matcher)
    for (let n = 0; n < 10; n++) matcher.publish(numbered(n * 100 + 1, n * 100 + 100))
    const { values, skipped } = await takeAll(reader, 1000)
    expect(skipped).toBe(690)
    expect(values).toEqual(Array.from({ length: 310 }, (_, i) => String(i < 10 ? i + 1 : 691 + i)))
  })

  test('lets go of what waits when the last reader leaves', async () => {
    const matcher = new Matcher(10)
    const first = listen(matcher)
    matcher.publish(numbered(1, 100))
    first.close()
    matcher.publish(numbered(101, 200))
    const second = listen(matcher)
    matcher.publish(numbered(201, 205))
    await turnsUntil(() => matcher.listeners === 1, 'one listener')
    expect((await takeAll(second, 5)).values).toEqual(['201', '202', '203', '204', '205'])
  })
})

describe('recent', () => {
  test('is the newest of all services in received order, within the bounds', async () => {
    const live = open()
    live.publish(numbered(1, 40))
    live.publish(numbered(41, 100))
    const values = async (afterNs: bigint, throughNs: bigint, limit: number): Promise<string[]> => {
      const { items, completeFromNs } = await live.recent({ select: message, afterNs, throughNs, limit })
      expect(completeFromNs).toBe(1n)
      return items.map((item) => item.value)
    }
    expect(await values(0n, 100n, 1000)).toEqual(Array.from({ length: 100 }, (_, i) => String(i + 1)))
    expect(await values(0n, 100n, 3)).toEqual(['98', '99', '100'])
    expect(await values(37n, 42n, 1000)).toEqual(['38', '39', '40', '41', '42'])
    expect(await values(0n, 5n, 2)).toEqual(['4', '5'])
    expect(await values(100n, 200n, 2)).toEqual([])
    expect(await values(0n, 100n, 0)).toEqual([])
    expect(live.publishedThroughNs).toBe(100n)
  })

  test('agrees with a plain array while the rings are overwritten', async () => {
    const check = fc.asyncProperty(
      fc.integer({ min: 100, max: 200_000 }),
      fc.integer({ min: 1, max: 9000 }),
      fc.integer({ min: 0, max: 3000 }),
      async (ringBytesMax, events, later) => {
        const live = open({ ringBytesMax })
        live.publish(numbered(1, events))
        const asked = live.recent({ select: message, afterNs: 0n, throughNs: BigInt(events), limit: events })
        if (later > 0) live.publish(numbered(events + 1, events + later))
        const { items, completeFromNs } = await asked
        const whole = items.filter((item) => item.receivedNs >= completeFromNs).map((item) => item.receivedNs)
        const expected: bigint[] = []
        for (let ns = completeFromNs; ns <= BigInt(events); ns++) expected.push(ns)
        expect(whole).toEqual(expected)
        for (const item of items) expect(item.value).toBe(String(item.receivedNs))
        live.close()
      },
    )
    await fc.assert(check, { numRuns: 40 })
  })

  test('never shows a row that was overwritten while it waited for its turn', async () => {
    const live = open({ ringBytesMax: 24_000 })
    live.publish(numbered(1001, 9000))
    const asked = live.recent({ select: message, afterNs: 0n, throughNs: 9000n, limit: 9000 })
    live.publish(numbered(9001, 12_000))
    const { items, completeFromNs } = await asked
    expect(items.map((item) => item.value)).toEqual(items.map((item) => String(item.receivedNs)))
    expect(items.length).toBe(2000)
    expect(completeFromNs).toBeGreaterThan(9000n)
    live.close()
  })
})

test('status tells what is held', () => {
  const live = open({ startNs: 1_760_000_000_000_000_000n, budgetBytes: 100_000 })
  expect(live.publishedThroughNs).toBe(1_759_999_999_999_999_999n)
  live.publish(stampedBatch([{ message: 'm', service: 'a', receivedNs: 1_760_000_000_000_000_001n }]))
  expect(live.status()).toMatchObject({
    rings: 1,
    ringBytesMax: 100_000,
    ringEvents: 1,
    ringsEvicted: 0,
    subscribers: 0,
    completeFrom: '2025-10-09T08:53:20.000Z',
  })
  live.close()
  expect(live.status()).toMatchObject({ rings: 0, ringBytes: 0 })
})
