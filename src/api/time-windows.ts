import { intersectRanges, type TimeRange } from '../query/query.ts'

/** Oldest and newest stored timestamp, both inclusive. May be a little out of date. */
export interface Extent {
  oldestNs: bigint
  newestNs: bigint
}

const FIRST_WINDOW_NS = 3_600_000_000_000n
const GROWTH = 8n
/** 1 h, 8 h, 3 d, 21 d, 171 d, and then all the rest at once. */
const WINDOWS_MAX = 6

/**
 * Cuts a range into windows, in the order in which they are to be read: newest first (`desc`) from the newest stored
 * event backwards, or oldest first (`asc`). Each is eight times as long as the one before, so that a common match is
 * found in a small window and a rare one costs little more than one scan of all. Together they cover the whole range
 * exactly, and an open end stays open, whatever the extent says.
 */
export function* timeWindows(
  range: TimeRange,
  order: 'desc' | 'asc',
  extent: Extent | undefined,
): Generator<TimeRange> {
  const held = extent === undefined ? {} : { fromNs: extent.oldestNs, toNs: extent.newestNs + 1n }
  const { fromNs, toNs } = intersectRanges(range, held)
  if (fromNs === undefined || toNs === undefined) {
    yield range
    return
  }
  let rest = range
  let edgeNs = order === 'desc' ? toNs : fromNs
  let lengthNs = FIRST_WINDOW_NS
  for (let count = 1; count < WINDOWS_MAX; count++) {
    edgeNs += order === 'desc' ? -lengthNs : lengthNs
    if (order === 'desc' ? edgeNs <= fromNs : edgeNs >= toNs) break
    const [older, newer] = splitAt(rest, edgeNs)
    yield order === 'desc' ? newer : older
    rest = order === 'desc' ? older : newer
    lengthNs *= GROWTH
  }
  yield rest
}

function splitAt(range: TimeRange, ns: bigint): [older: TimeRange, newer: TimeRange] {
  return [
    { ...range, toNs: ns },
    { ...range, fromNs: ns },
  ]
}
