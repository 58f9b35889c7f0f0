import type { TimeRange } from './query.ts'

/** A range that ends before it begins holds nothing, like one that ends where it begins, which a chart can be of. */
export function forwards(range: TimeRange): TimeRange {
  const { fromNs, toNs } = range
  return fromNs !== undefined && toNs !== undefined && toNs < fromNs ? { fromNs, toNs: fromNs } : range
}

/** Both ranges together. */
export function intersectRanges(a: TimeRange, b: TimeRange): TimeRange {
  const fromNs = a.fromNs === undefined || (b.fromNs !== undefined && b.fromNs > a.fromNs) ? b.fromNs : a.fromNs
  const toNs = a.toNs === undefined || (b.toNs !== undefined && b.toNs < a.toNs) ? b.toNs : a.toNs
  return { ...(fromNs !== undefined && { fromNs }), ...(toNs !== undefined && { toNs }) }
}
