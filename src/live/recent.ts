import { EventView, ROW_RECEIVED } from '../core/batch.ts'
import type { RingReader, RowRing } from './ring.ts'
import type { LiveItem, RowSelector } from './subscription.ts'

/** Rows looked at before the event loop gets a turn. */
const SLICE_ROWS = 2000

export interface RecentOptions<T> {
  select: RowSelector<T>
  afterNs: bigint
  throughNs: bigint
  limit: number
}

interface Head {
  reader: RingReader
  receivedNs: bigint
}

/**
 * Merges rings by received time, newest first, and selects until the limit or `afterNs` is reached. Gives the event
 * loop a turn now and then: a ring may lose rows meanwhile, and what it loses is missing from the answer.
 */
export async function mergeRings<T>(rings: Iterable<RowRing>, options: RecentOptions<T>): Promise<LiveItem<T>[]> {
  const { select, afterNs, throughNs, limit } = options
  const heads = openHeads(rings)
  const view = new EventView()
  const items: LiveItem<T>[] = []
  let rowsLeft = SLICE_ROWS
  for (let top = heads[0]; top && top.receivedNs > afterNs && items.length < limit; top = heads[0]) {
    const { reader, receivedNs } = top
    if (rowsLeft-- === 0) {
      await new Promise((resolve) => setImmediate(resolve))
      rowsLeft = SLICE_ROWS
    }
    if (receivedNs <= throughNs && reader.again()) {
      const value = select(view.at(reader.bytes, reader.start))
      if (value !== undefined) items.push({ receivedNs, value })
    }
    advance(heads)
  }
  return items.toReversed()
}

function openHeads(rings: Iterable<RowRing>): Head[] {
  const heads: Head[] = []
  for (const ring of rings) {
    const reader = ring.newestFirst()
    if (reader.next()) heads.push({ reader, receivedNs: received(reader) })
  }
  return heads.sort((a, b) => (a.receivedNs > b.receivedNs ? -1 : 1))
}

/** Moves the top's reader on and restores the heap (newest on top). */
function advance(heads: Head[]): void {
  const top = heads[0]
  if (!top) return
  if (top.reader.next()) {
    top.receivedNs = received(top.reader)
  } else {
    const last = heads.pop()
    if (!last || heads.length === 0) return
    heads[0] = last
  }
  for (let at = 0; ;) {
    const left = heads[at * 2 + 1]
    const right = heads[at * 2 + 2]
    const head = heads[at]
    if (!left || !head) return
    const isRight = right !== undefined && right.receivedNs > left.receivedNs
    const child = isRight ? right : left
    if (child.receivedNs <= head.receivedNs) return
    heads[at] = child
    at = at * 2 + (isRight ? 2 : 1)
    heads[at] = head
  }
}

function received(reader: RingReader): bigint {
  return reader.bytes.readBigInt64LE(reader.start + ROW_RECEIVED)
}
