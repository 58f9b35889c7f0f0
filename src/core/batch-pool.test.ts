import { expect, test } from 'vitest'
import { BatchPool } from './batch-pool.ts'

test('a batch that came back is handed out again, empty', () => {
  const pool = new BatchPool({ bytesMax: 10_000 })
  const first = pool.take(1000)
  first.append({ message: 'secret' })
  pool.give(first)
  expect(pool.idleBytes).toBe(1000)
  const again = pool.take(800)
  expect(again).toBe(first)
  expect([again.rows, again.length, pool.idleBytes]).toEqual([0, 0, 0])
  expect(pool.take(800)).not.toBe(first)
})

test('neither too small nor far too large ones fit', () => {
  const pool = new BatchPool({ bytesMax: 10_000 })
  const batch = pool.take(1000)
  pool.give(batch)
  expect(pool.take(1001)).not.toBe(batch)
  expect(pool.take(100)).not.toBe(batch)
  expect(pool.take(250)).toBe(batch)
})

test('what is kept is bounded', () => {
  const pool = new BatchPool({ bytesMax: 2500 })
  for (let i = 0; i < 5; i++) pool.give(new BatchPool({ bytesMax: 0 }).take(1000))
  expect(pool.idleBytes).toBe(2000)
})
