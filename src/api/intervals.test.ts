import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration } from '../core/time.ts'
import { chooseBuckets, givenBuckets } from './intervals.ts'

const T0 = 1_767_225_600_000_000_000n
const MINUTE = 60_000_000_000n
const DAY = 1440n * MINUTE

test.each([
  [60n * MINUTE, 60, '1m'],
  [60n * MINUTE, 12, '5m'],
  [61n * MINUTE, 60, '2m'],
  [DAY, 60, '30m'],
  [30n * DAY, 60, '12h'],
  [1n, 60, '1ms'],
])('%i ns in about %i buckets of %s', (lengthNs, count, interval) => {
  const buckets = chooseBuckets(T0, T0 + lengthNs, count)
  expect(formatDuration(buckets.intervalNs)).toBe(interval)
})

test('buckets cover the range, without one too many', () => {
  const time = fc.bigInt({ min: 0n, max: 9_223_372_036_000_000_000n })
  fc.assert(
    fc.property(time, time, fc.integer({ min: 1, max: 1000 }), (a, b, wanted) => {
      const [fromNs, toNs] = a < b ? [a, b] : [b, a + 1n]
      const { firstNs, intervalNs, count } = chooseBuckets(fromNs, toNs, wanted)
      const endNs = firstNs + intervalNs * BigInt(count)
      expect(firstNs <= fromNs && fromNs < firstNs + intervalNs).toBe(true)
      expect(endNs - intervalNs < toNs && toNs <= endNs).toBe(true)
      expect(count).toBeLessThanOrEqual(wanted + 1)
    }),
  )
})

test('an interval that would make too many buckets is refused', () => {
  expect(givenBuckets(T0, T0 + 60n * MINUTE, MINUTE).count).toBe(60)
  expect(() => givenBuckets(0n, T0, MINUTE)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
})
