import { AppError } from '../core/errors.ts'
import { CHART_BUCKETS_MAX } from './limits.ts'
import type { TimeRange } from './query.ts'

const SECOND = 1_000_000_000n
/** Bucket lengths people can read on an axis. */
const STEPS: readonly bigint[] = [
  ...[1n, 2n, 5n, 10n, 20n, 50n, 100n, 200n, 500n].map((ms) => ms * 1_000_000n),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200].map(
    (s) => BigInt(s) * SECOND,
  ),
  ...[1n, 2n, 7n, 14n, 28n, 91n, 364n].map((days) => days * 86_400n * SECOND),
]
const WEEK = 7n * 86_400n * SECOND
/** 1970-01-05 was the first Monday. */
const MONDAY = 4n * 86_400n * SECOND

/** A bucket length that divides the range into at most `bucketsMax` buckets; one hour when the range is open. */
export function chooseIntervalNs(range: TimeRange, bucketsMax = 120): bigint {
  if (range.fromNs === undefined || range.toNs === undefined) return 3600n * SECOND
  const lengthNs = range.toNs - range.fromNs
  const found = STEPS.find((step) => lengthNs <= step * BigInt(bucketsMax))
  return found ?? (lengthNs / BigInt(bucketsMax) / WEEK + 1n) * WEEK
}

/** Where buckets of this length start: at multiples since 1970, those of whole weeks on Mondays. */
export function bucketOffsetNs(intervalNs: bigint): bigint {
  return intervalNs % WEEK === 0n ? MONDAY : 0n
}

/** The start of the bucket that a time falls into. */
export function bucketStartNs(ns: bigint, intervalNs: bigint): bigint {
  const offset = bucketOffsetNs(intervalNs)
  const past = (ns - offset) % intervalNs
  return ns - (past < 0n ? past + intervalNs : past)
}

/** Throws QUERY_INVALID when the range, if it has both ends, would be cut into too many buckets for a timechart. */
export function checkBuckets({ fromNs, toNs }: TimeRange, intervalNs: bigint): void {
  if (fromNs === undefined || toNs === undefined || (toNs - fromNs) / intervalNs <= BigInt(CHART_BUCKETS_MAX)) return
  throw new AppError('QUERY_INVALID', {
    detail: `the timechart would have more than ${CHART_BUCKETS_MAX} buckets over this time range`,
    hint: 'choose a longer interval or a shorter range',
  })
}
