import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventView } from '../core/batch.ts'
import { follow, type FollowItem, type FollowOptions, type StoredRange } from './follow.ts'
import { openLive, type Live, type LiveItem } from './live.ts'
import { stampedBatch, turn, turnsUntil, type StampedEvent } from './testing/batches.ts'

/** Messages are the received time as a number; a reader wants those not divisible by `without`. */
const WITHOUT = 5
function select(event: EventView): number | undefined {
  const value = Number(event.text('message'))
  return value % WITHOUT === 0 ? undefined : value
}

/** A durable log with a store that lags behind: what spool and store are in the server. */
class World {
  readonly events: number[] = []
  readonly live: Live
  storedThrough = 0
  readonly #waiting: { throughNs: bigint; done: () => void }[] = []
  reads = 0

  /** `before` events come from an earlier process: durable, but never published here. */
  constructor(before: number, ringBytesMax: number) {
    for (let n = 1; n <= before; n++) this.events.push(n)
    this.live = openLive({ startNs: BigInt(before + 1), ringBytesMax })
  }

  publish(count: number): void {
    const events: StampedEvent[] = []
    for (let i = 0; i < count; i++) {
      const n = this.events.length + 1
      this.events.push(n)
      events.push({ receivedNs: BigInt(n), service: `s${n % 3}`, message: String(n) })
    }
    this.live.publish(stampedBatch(events))
  }

  store(count: number): void {
    this.storedThrough = Math.min(this.events.length, this.storedThrough + count)
    for (const waiter of this.#waiting.splice(0)) {
      if (this.#isStored(waiter.throughNs)) waiter.done()
      else this.#waiting.push(waiter)
    }
  }

  options(signal: AbortSignal, more: Partial<FollowOptions<number>>): FollowOptions<number> {
    return {
      live: this.live,
      select,
      signal,
      waitStored: (throughNs, abort) =>
        new Promise((resolve, reject) => {
          abort.addEventListener('abort', () => reject(new Error('aborted')))
          if (this.#isStored(throughNs)) resolve()
          else this.#waiting.push({ throughNs, done: resolve })
        }),
      readStored: async ({ afterNs, throughNs, limit }) => (await this.#read(afterNs, throughNs)).slice(0, limit),
      backlogFromStore: async ({ throughNs, limit }: Omit<StoredRange, 'afterNs'>) =>
        (await this.#read(0n, throughNs)).slice(-limit),
      ...more,
    }
  }

  /** What a reader should see with `after < received`. */
  wanted(after: number): number[] {
    return this.events.filter((n) => n > after && n % WITHOUT !== 0)
  }

  async #read(afterNs: bigint, throughNs: bigint): Promise<LiveItem<number>[]> {
    this.reads++
    await turn()
    return this.events
      .slice(0, this.storedThrough)
      .filter((n) => n > afterNs && n <= throughNs && n % WITHOUT !== 0)
      .map((n) => ({ receivedNs: BigInt(n), value: n }))
  }

  #isStored(throughNs: bigint): boolean {
    return throughNs <= BigInt(this.storedThrough) || this.storedThrough === this.events.length
  }
}

/** Reads a tail into `seen`, staying away for a number of turns before each item. */
async function readInto(
  seen: FollowItem<number>[],
  tail: AsyncIterable<FollowItem<number>>,
  pauses: () => number,
): Promise<void> {
  for await (const item of tail) {
    seen.push(item)
    for (let left = pauses(); left > 0; left--) await turn()
  }
}

function countSeen(seen: readonly FollowItem<number>[]): number {
  return seen.reduce((sum, item) => sum + (item.kind === 'skipped' ? item.count : 1), 0)
}

/** Every wanted event stands in its place, or is part of a skip of exactly as many as are missing there. */
function expectNoGapNoRepeat(seen: readonly FollowItem<number>[], wanted: readonly number[]): void {
  let at = 0
  for (const item of seen) {
    if (item.kind === 'skipped') {
      at += item.count
      continue
    }
    if (item.kind !== 'log') throw new Error('there is a store')
    expect(item.value).toBe(wanted[at])
    expect(item.receivedNs).toBe(BigInt(item.value))
    at++
  }
  expect(at).toBe(wanted.length)
}

const step = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ do: fc.constant('store' as const), count: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 6 }) }),
)
const world = fc.record({
  before: fc.integer({ min: 0, max: 40 }),
  ringBytesMax: fc.integer({ min: 1, max: 3000 }),
  earlier: fc.array(step, { maxLength: 8 }),
  later: fc.array(step, { maxLength: 30 }),
  bufferEventsMax: fc.integer({ min: 1, max: 120 }),
  pauses: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 10 }),
})

async function run(all: World, steps: readonly { do: 'publish' | 'store' | 'turns'; count: number }[]): Promise<void> {
  for (const { do: action, count } of steps) {
    if (action === 'publish') all.publish(count)
    else if (action === 'store') all.store(count)
    else for (let i = 0; i < count; i++) await turn()
  }
}

interface Tail {
  seen: FollowItem<number>[]
  /** Lets the store catch up and the reader come to the end, then ends the tail. */
  finish(expected: () => number): Promise<void>
}

function openTail(all: World, more: Partial<FollowOptions<number>>, pauses: readonly number[]): Tail {
  const seen: FollowItem<number>[] = []
  const abort = new AbortController()
  let pause = 0
  const reading = readInto(seen, follow(all.options(abort.signal, more)), () => pauses[pause++ % pauses.length] ?? 0)
  return {
    seen,
    async finish(expected) {
      all.store(Infinity)
      await turnsUntil(() => countSeen(seen) >= expected(), 'everything seen or skipped')
      for (let i = 0; i < 3; i++) await turn()
      abort.abort()
      await reading
      all.live.close()
    },
  }
}

describe('follow, whatever the store lags and however slow the reader', () => {
  test('with a cursor: no gap, no repeat, skips counted exactly', async () => {
    const check = fc.asyncProperty(world, fc.nat(200), async (given, cursor) => {
      const all = new World(given.before, given.ringBytesMax)
      await run(all, given.earlier)
      const after = Math.min(cursor, all.events.length)
      const { bufferEventsMax } = given
      const tail = openTail(all, { cursor: BigInt(after), bufferEventsMax }, given.pauses)
      await run(all, given.later)
      await tail.finish(() => all.wanted(after).length)
      expectNoGapNoRepeat(tail.seen, all.wanted(after))
    })
    await fc.assert(check, { numRuns: 400 })
  })

  test('with a backlog: the last n, then everything', async () => {
    const check = fc.asyncProperty(world, fc.integer({ min: 0, max: 100 }), async (given, backlog) => {
      const all = new World(given.before, given.ringBytesMax)
      await run(all, given.earlier)
      const wantedBefore = all.wanted(0)
      const from = wantedBefore.length - Math.min(backlog, wantedBefore.length)
      const { bufferEventsMax } = given
      const tail = openTail(all, { backlog, bufferEventsMax }, given.pauses)
      await run(all, given.later)
      await tail.finish(() => all.wanted(0).length - from)
      expectNoGapNoRepeat(tail.seen, all.wanted(0).slice(from))
    })
    await fc.assert(check, { numRuns: 400 })
  })
})

describe('follow', () => {
  test('answers from the rings without the store when they hold everything', async () => {
    const all = new World(0, 100_000)
    all.publish(100)
    const resumed = openTail(all, { cursor: 40n }, [0])
    const backlog = openTail(all, { backlog: 10 }, [0])
    await turnsUntil(() => countSeen(resumed.seen) === 48 && countSeen(backlog.seen) === 10, 'both tails caught up')
    expect(all.reads).toBe(0)
    expect(all.storedThrough).toBe(0)
    await resumed.finish(() => 48)
  })

  test('turns to the store when the rings lose rows while they are read', async () => {
    const all = new World(0, 60_000)
    all.publish(4000)
    const tail = openTail(all, { cursor: 0n }, [0])
    all.publish(6000)
    await tail.finish(() => all.wanted(0).length)
    expect(all.reads).toBeGreaterThan(0)
    expectNoGapNoRepeat(tail.seen, all.wanted(0))
  })

  test('reads again instead of skipping while a long resume overflows its buffer', async () => {
    const all = new World(5000, 500)
    all.store(Infinity)
    const tail = openTail(all, { cursor: 0n, bufferEventsMax: 10 }, [0])
    for (let i = 0; i < 20; i++) {
      all.publish(40)
      all.store(Infinity)
    }
    await tail.finish(() => all.wanted(0).length)
    expect(tail.seen.every((item) => item.kind === 'log')).toBe(true)
    expectNoGapNoRepeat(tail.seen, all.wanted(0))
  })

  test('a cursor from the future does not silence the tail', async () => {
    const all = new World(0, 1000)
    all.publish(3)
    const tail = openTail(all, { cursor: 1_000_000n }, [0])
    await turn()
    all.publish(3)
    await tail.finish(() => all.wanted(3).length)
    expectNoGapNoRepeat(tail.seen, all.wanted(3))
  })

  test('passes on what the store says, and closes its subscription', async () => {
    const all = new World(10, 1000)
    const { signal } = new AbortController()
    const failing = follow(
      all.options(signal, { cursor: 0n, waitStored: () => Promise.reject(new Error('store is down')) }),
    )
    await expect(failing.next()).rejects.toThrow('store is down')
    expect(all.live.status().subscribers).toBe(0)
  })

  test('ends quietly when it is aborted, wherever it stands', async () => {
    for (const stored of [0, 10]) {
      const all = new World(10, 1000)
      all.store(stored)
      const abort = new AbortController()
      const seen: FollowItem<number>[] = []
      const reading = readInto(seen, follow(all.options(abort.signal, { cursor: 0n })), () => 0)
      await turnsUntil(() => all.live.status().subscribers === 1 && (stored === 0 || seen.length === 8), 'it follows')
      abort.abort()
      await reading
      expect(all.live.status().subscribers).toBe(0)
    }
    const aborted = follow(new World(3, 10).options(AbortSignal.abort(), { cursor: 0n }))
    expect(await aborted.next()).toEqual({ done: true, value: undefined })
  })

  test('leaves no subscription behind when the reader stops', async () => {
    const all = new World(0, 1000)
    all.publish(10)
    const { signal } = new AbortController()
    for await (const item of follow(all.options(signal, { cursor: 0n }))) {
      expect(item).toEqual({ kind: 'log', receivedNs: 1n, value: 1 })
      break
    }
    expect(all.live.status().subscribers).toBe(0)
  })
})
