import { EventView } from '../core/batch.ts'
import { received, restoreHeap, type Head } from './heads.ts'
import type { RowRing } from './ring.ts'
import type { LiveItem, RowSelector } from './subscription.ts'

/** Rows looked at before the event loop gets a turn. */
const SLICE_ROWS = 2000

const TIME_MIN_NS = -(2n ** 63n)
const TIME_MAX_NS = 2n ** 63n - 1n

export interface RecentOptions<T> {
  select: RowSelector<T>
  afterNs: bigint
  throughNs: bigint
  limit: number
}

export interface NewestFirstOptions<T> {
  /** What the service has to begin with; empty: any. */
  servicePrefix: string
  select: RowSelector<T>
}

export interface NewestFirstSlice<T> {
  /** Newest first. */
  items: LiveItem<T>[]
  /** Rows that were overwritten or evicted before the walk came to them, since the last slice. */
  missed: number
}

/** Walks rings merged by received time, newest first. They may be written between two slices. */
export class RingWalk<T> {
  readonly #select: RowSelector<T>
  readonly #afterNs: bigint
  readonly #throughNs: bigint
  readonly #heads: Head[]
  readonly #view = new EventView()

  constructor(
    rings: Iterable<RowRing>,
    { select, afterNs, throughNs }: Pick<RecentOptions<T>, 'select' | 'afterNs' | 'throughNs'>,
  ) {
    this.#select = select
    this.#afterNs = afterNs
    this.#throughNs = throughNs
    this.#heads = openHeads(rings)
  }

  /** What is selected of the next rows, `itemsMax` of them at most; `undefined` when there are no more rows. */
  slice(itemsMax = Infinity): NewestFirstSlice<T> | undefined {
    const items: LiveItem<T>[] = []
    let missed = 0
    let rowsLeft = SLICE_ROWS
    let top = this.#heads[0]
    if (!top || top.receivedNs <= this.#afterNs) return undefined
    while (top && top.receivedNs > this.#afterNs && items.length < itemsMax && rowsLeft > 0) {
      rowsLeft--
      const { reader, receivedNs } = top
      const before = reader.missed
      if (receivedNs <= this.#throughNs && reader.again()) {
        const value = this.#select(this.#view.at(reader.bytes, reader.start))
        if (value !== undefined) items.push({ receivedNs, value })
      }
      const isLeft = reader.next()
      if (isLeft) top.receivedNs = received(reader)
      missed += reader.missed - before
      restoreHeap(this.#heads, isLeft, isNewer)
      top = this.#heads[0]
    }
    return { items, missed }
  }
}

/**
 * Merges rings by received time, newest first, and selects until the limit or `afterNs` is reached; oldest first in the
 * result. Gives the event loop a turn now and then: a ring may lose rows meanwhile, and what it loses is missing.
 */
export async function mergeRings<T>(rings: Iterable<RowRing>, options: RecentOptions<T>): Promise<LiveItem<T>[]> {
  const walk = new RingWalk(rings, options)
  const items: LiveItem<T>[] = []
  for (;;) {
    const part = walk.slice(options.limit - items.length)
    if (part) for (const item of part.items) items.push(item)
    if (!part || items.length >= options.limit) return items.toReversed()
    await turn()
  }
}

/** The same to the end, slice by slice, as the reader comes for them. */
export async function* newestFirst<T>(
  rings: Iterable<RowRing>,
  select: RowSelector<T>,
): AsyncGenerator<NewestFirstSlice<T>, void, undefined> {
  const walk = new RingWalk(rings, { select, afterNs: TIME_MIN_NS, throughNs: TIME_MAX_NS })
  for (let part = walk.slice(); part; part = walk.slice()) {
    yield part
    await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function openHeads(rings: Iterable<RowRing>): Head[] {
  const heads: Head[] = []
  for (const ring of rings) {
    const reader = ring.newestFirst()
    if (reader.next()) heads.push({ reader, receivedNs: received(reader) })
  }
  return heads.sort((a, b) => (a.receivedNs > b.receivedNs ? -1 : 1))
}

function isNewer(one: bigint, other: bigint): boolean {
  return one > other
}
