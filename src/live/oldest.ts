import { EventView } from '../core/batch.ts'
import { received, restoreHeap, type Head } from './heads.ts'
import type { RecentOptions } from './recent.ts'
import type { RowRing, RowWindow } from './ring.ts'
import type { LiveItem } from './subscription.ts'

/** Rows looked at before the event loop gets a turn, or sooner when they take so long. */
const SLICE_ROWS = 2000
const SLICE_MS_MAX = 10
const EMPTY = Buffer.alloc(0)

/**
 * Merges rings by received time, oldest first, and selects what was received after `afterNs` until the limit or
 * `throughNs` is reached. Gives the event loop a turn now and then: what a ring loses before the walk comes to it is
 * missing.
 */
export async function oldestFirst<T>(rings: Iterable<RowRing>, options: RecentOptions<T>): Promise<LiveItem<T>[]> {
  const { select, afterNs, throughNs, limit } = options
  const heads = openHeads(rings, afterNs)
  const view = new EventView()
  const items: LiveItem<T>[] = []
  let rows = 0
  let untilMs = performance.now() + SLICE_MS_MAX
  for (let top = heads[0]; top && top.receivedNs <= throughNs && items.length < limit; top = heads[0]) {
    const { reader, receivedNs } = top
    // A row that was overwritten during a turn is passed over: its reader goes on with the oldest that is left.
    if (reader.again()) {
      const value = select(view.at(reader.bytes, reader.start))
      if (value !== undefined) items.push({ receivedNs, value })
    }
    advance(heads)
    if (++rows % SLICE_ROWS > 0 && performance.now() < untilMs) continue
    await new Promise((resolve) => setImmediate(resolve))
    untilMs = performance.now() + SLICE_MS_MAX
  }
  return items
}

function openHeads(rings: Iterable<RowRing>, afterNs: bigint): Head[] {
  const heads: Head[] = []
  for (const ring of rings) {
    const reader = ring.oldestFirst(firstAfter(ring, afterNs))
    if (reader.next()) heads.push({ reader, receivedNs: received(reader) })
  }
  return heads.sort((a, b) => (a.receivedNs < b.receivedNs ? -1 : 1))
}

/** Number of the first row received after `ns`: rows of a ring stand in the order in which they were received. */
function firstAfter(ring: RowRing, ns: bigint): number {
  const window: RowWindow = { bytes: EMPTY, start: 0, end: 0 }
  let low = ring.first
  let high = ring.next
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (ring.locate(middle, window) && received(window) <= ns) low = middle + 1
    else high = middle
  }
  return low
}

/** Moves the top's reader on. */
function advance(heads: Head[]): void {
  const top = heads[0]
  if (!top) return
  const isLeft = top.reader.next()
  if (isLeft) top.receivedNs = received(top.reader)
  restoreHeap(heads, isLeft, isOlder)
}

function isOlder(one: bigint, other: bigint): boolean {
  return one < other
}
