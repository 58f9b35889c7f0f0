import { intersectRanges, type TimeRange } from '../query/query.ts'

/** What the store holds. May be a little out of date. */
export interface Extent {
  /** Timestamps, both inclusive. */
  oldestNs: bigint
  newestNs: bigint
  events: number
}

/** The first window is an hour long, or as long as it takes to hold about so many events, whichever is longer. */
const FIRST_WINDOW_NS = 3_600_000_000_000n
const FIRST_WINDOW_EVENTS = 100_000n
const GROWTH = 8n
/** The last of them is all the rest. */
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
  let lengthNs = extent === undefined ? FIRST_WINDOW_NS : firstLength(extent)
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

function firstLength({ oldestNs, newestNs, events }: Extent): bigint {
  const lengthNs = ((newestNs - oldestNs + 1n) * FIRST_WINDOW_EVENTS) / BigInt(Math.max(events, 1))
  return lengthNs > FIRST_WINDOW_NS ? lengthNs : FIRST_WINDOW_NS
}

function splitAt(range: TimeRange, ns: bigint): [older: TimeRange, newer: TimeRange] {
  return [
    { ...range, toNs: ns },
    { ...range, fromNs: ns },
  ]
}
