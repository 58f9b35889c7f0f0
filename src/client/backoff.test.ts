import { expect, test } from 'vitest'
import { backoffMs } from './backoff.ts'

test('waits double up to a limit, at least half of them', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => backoffMs(attempt, () => 0.999_999))
  expect(longest).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  expect(backoffMs(3, () => 0)).toBe(1000)
})
