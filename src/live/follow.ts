/** A whole tail: what was before, then what comes, without gap or repeat. Knows the store by three functions only. */
import type { Live } from './live.ts'
import type { LiveItem, RowSelector, Subscription } from './subscription.ts'

export type FollowItem<T> =
  | { kind: 'log'; receivedNs: bigint; value: T }
  | { kind: 'skipped'; count: number }
  /** Of what follows, events received before `fromNs` may be missing: they are nowhere any more. */
  | { kind: 'incomplete'; fromNs: bigint }

export interface FollowOptions<T> {
  live: Pick<Live, 'subscribe' | 'recent' | 'completeFromNs' | 'publishedThroughNs'>
  select: RowSelector<T>
  /** Ends the iteration without an error. */
  signal: AbortSignal
  /** Received time of the last event that the reader has seen: everything after it follows. Wins over `backlog`. */
  cursor?: bigint
  /** How many of the newest events come first. */
  backlog?: number
  /** Events that may wait for the reader once it is live. */
  bufferEventsMax?: number
  /** There is no store beside the rings: a resume is told when they have lost something that it asks for. */
  isStoreless?: boolean
  /** Resolves when every durable event of this node received at or before this is in the store. */
  waitStored(receivedNs: bigint, signal: AbortSignal): Promise<void>
  /** From the store: the first `limit` selected events of this node with `afterNs < received <= throughNs`, in order. */
  readStored(range: StoredRange): Promise<LiveItem<T>[]>
  /** From the store: the last `limit` selected events of this node with `received <= throughNs`, oldest first. */
  backlogFromStore(range: Omit<StoredRange, 'afterNs'>): Promise<LiveItem<T>[]>
}

export interface StoredRange {
  afterNs: bigint
  throughNs: bigint
  limit: number
  signal: AbortSignal
}

/** Events read from the store in one piece. */
export const STORED_PAGE_EVENTS = 1000
/** Events that a resume takes from the rings; with more to catch up on it pages through the store. */
export const RING_CATCH_UP_EVENTS_MAX = 10_000
/**
 * A resume that has so much to read that the live buffer overflows meanwhile reads the store once more instead of
 * skipping; this often at most, because a reader slower than the flow would never catch up.
 */
export const CATCH_UP_ROUNDS_MAX = 8

/**
 * Subscribes first, so that nothing falls between: whatever was published up to that moment comes from the rings when
 * they still hold all of it, else from the store as soon as it holds all of it; whatever comes later waits in the
 * subscription. Events that a slow reader lost are reported as `skipped` where they are missing. Rejects when a
 * function given to it rejects or the selector throws.
 */
export async function* follow<T>(options: FollowOptions<T>): AsyncGenerator<FollowItem<T>, void, undefined> {
  const { signal } = options
  let subscription = subscribe(options)
  const onAbort = (): void => subscription.close()
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) return
    if (options.cursor === undefined) {
      yield* asLogs(await newest(options, options.backlog ?? 0))
    } else {
      let afterNs = options.cursor
      for (let round = 1; ; round++) {
        const untilNs = options.live.publishedThroughNs
        yield* catchUp(options, afterNs, untilNs)
        if (subscription.skipped === 0 || round === CATCH_UP_ROUNDS_MAX) break
        subscription.close()
        subscription = subscribe(options)
        if (untilNs > afterNs) afterNs = untilNs
      }
    }
    for (let taken = await subscription.take(); taken; taken = await subscription.take()) {
      if (taken.skipped > 0) yield { kind: 'skipped', count: taken.skipped }
      yield* asLogs(taken.items)
    }
  } catch (error) {
    // An aborted wait or read rejects; the reader is gone and the end is what it asked for.
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    subscription.close()
  }
}

function subscribe<T>({ live, select, bufferEventsMax }: FollowOptions<T>): Subscription<T> {
  return live.subscribe({ select, ...(bufferEventsMax === undefined ? {} : { bufferEventsMax }) })
}

function* asLogs<T>(items: readonly LiveItem<T>[]): Generator<FollowItem<T>> {
  for (const { receivedNs, value } of items) yield { kind: 'log', receivedNs, value }
}

/** Everything selected with `afterNs < received <= throughNs`, in order. */
async function* catchUp<T>(
  options: FollowOptions<T>,
  afterNs: bigint,
  throughNs: bigint,
): AsyncGenerator<FollowItem<T>> {
  if (afterNs >= throughNs) return
  const held = await allHeld(options, afterNs, throughNs)
  if (held) {
    yield* asLogs(held)
    return
  }
  const { signal } = options
  await options.waitStored(throughNs, signal)
  const limit = STORED_PAGE_EVENTS
  let lastNs = afterNs
  for (;;) {
    const page = await options.readStored({ afterNs: lastNs, throughNs, limit, signal })
    const fromNs = options.live.completeFromNs
    if (options.isStoreless && lastNs < fromNs - 1n) yield { kind: 'incomplete', fromNs }
    yield* asLogs(page)
    const last = page.at(-1)
    if (!last || page.length < limit) return
    lastNs = last.receivedNs
  }
}

/** The same from the rings; `undefined` when they do not hold all of it, or when it is too much at once. */
async function allHeld<T>(
  options: FollowOptions<T>,
  afterNs: bigint,
  throughNs: bigint,
): Promise<LiveItem<T>[] | undefined> {
  const { live, select } = options
  if (afterNs < live.completeFromNs - 1n) return undefined
  const limit = RING_CATCH_UP_EVENTS_MAX + 1
  const recent = await live.recent({ select, afterNs, throughNs, limit })
  const isWhole = afterNs >= recent.completeFromNs - 1n && recent.items.length < limit
  return isWhole ? recent.items : undefined
}

/** The newest `limit` selected events published so far, oldest first: from the rings, and what they lack from the store. */
async function newest<T>(options: FollowOptions<T>, limit: number): Promise<LiveItem<T>[]> {
  if (limit <= 0) return []
  const { live, select, signal } = options
  const throughNs = live.publishedThroughNs
  const recent = await live.recent({ select, afterNs: -1n, throughNs, limit })
  const held = recent.items.filter((item) => item.receivedNs >= recent.completeFromNs)
  if (held.length >= limit) return held
  const lostNs = recent.completeFromNs - 1n
  const olderNs = lostNs < throughNs ? lostNs : throughNs
  await options.waitStored(olderNs, signal)
  const older = await options.backlogFromStore({ throughNs: olderNs, limit: limit - held.length, signal })
  return [...older, ...held]
}
