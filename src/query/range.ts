import type { TimeRange } from './query.ts'

/** Both ranges together. */
export function intersectRanges(a: TimeRange, b: TimeRange): TimeRange {
  const fromNs = a.fromNs === undefined || (b.fromNs !== undefined && b.fromNs > a.fromNs) ? b.fromNs : a.fromNs
  const toNs = a.toNs === undefined || (b.toNs !== undefined && b.toNs < a.toNs) ? b.toNs : a.toNs
  return { ...(fromNs !== undefined && { fromNs }), ...(toNs !== undefined && { toNs }) }
}
