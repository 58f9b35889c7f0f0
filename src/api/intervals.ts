import { AppError } from '../core/errors.ts'
import { formatDuration } from '../core/time.ts'
import { bucketStartNs, chooseIntervalNs } from '../query/query.ts'

/** Most buckets that one histogram may have. */
export const BUCKETS_MAX = 10_000

/** Evenly long buckets that cover a range and start where those of a timechart do. */
export interface Buckets {
  intervalNs: bigint
  /** Start of the first. */
  firstNs: bigint
  count: number
}

/** About as many buckets as asked for, of a length that people count in. The range must not be empty. */
export function chooseBuckets(fromNs: bigint, toNs: bigint, bucketsMax: number): Buckets {
  return layBuckets(fromNs, toNs, chooseIntervalNs({ fromNs, toNs }, bucketsMax))
}

/** REQUEST_INVALID when the range would need more than `BUCKETS_MAX`. */
export function givenBuckets(fromNs: bigint, toNs: bigint, intervalNs: bigint): Buckets {
  const buckets = layBuckets(fromNs, toNs, intervalNs)
  if (buckets.count <= BUCKETS_MAX) return buckets
  throw new AppError('REQUEST_INVALID', {
    detail: `interval ${formatDuration(intervalNs)} would cut this range into more than ${BUCKETS_MAX} buckets.`,
    hint: 'Ask for a longer interval or a shorter range.',
  })
}

function layBuckets(fromNs: bigint, toNs: bigint, intervalNs: bigint): Buckets {
  const firstNs = bucketStartNs(fromNs, intervalNs)
  const lastNs = bucketStartNs(toNs - 1n, intervalNs)
  return { intervalNs, firstNs, count: Number((lastNs - firstNs) / intervalNs) + 1 }
}
