import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RowRing, type RingReader } from './ring.ts'

/** Row n: `size` bytes that tell which row it is and where in it they stand. */
function rowBytes(row: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (row * 31 + i) & 0xff)
}

/** The plain array: sizes of all rows ever appended, and which of them a ring of `bytesMax` holds. */
function firstHeld(sizes: readonly number[], bytesMax: number): number {
  let first = sizes.length
  let used = 0
  while (first > 0 && used + (sizes[first - 1] ?? 0) <= bytesMax) used += sizes[--first] ?? 0
  return first
}

function append(ring: RowRing, row: number, size: number): void {
  const source = new Uint8Array(size + 5).fill(255)
  source.set(rowBytes(row, size), 3)
  ring.append(source, 3, 3 + size)
}

function rowsOf(reader: RingReader): { row: number; bytes: Uint8Array }[] {
  const rows: { row: number; bytes: Uint8Array }[] = []
  while (reader.next()) {
    rows.push({ row: reader.row, bytes: Uint8Array.from(reader.bytes.subarray(reader.start, reader.end)) })
  }
  return rows
}

function expectedRows(sizes: readonly number[], first: number): { row: number; bytes: Uint8Array }[] {
  return sizes.map((size, row) => ({ row, bytes: rowBytes(row, size) })).slice(first)
}

describe('a ring holds the newest rows that fit, at every size', () => {
  for (let bytesMax = 1; bytesMax <= 70; bytesMax++) {
    test(`${bytesMax} bytes`, () => {
      const sizes = fc.array(fc.integer({ min: 1, max: 1 + Math.min(bytesMax, 24) }), { maxLength: 90 })
      fc.assert(
        fc.property(sizes, (all) => {
          const ring = new RowRing(bytesMax)
          for (const [row, size] of all.entries()) {
            const keeps = ring.firstKeptWith(size)
            append(ring, row, size)
            const first = firstHeld(all.slice(0, row + 1), bytesMax)
            expect(Math.min(keeps, row)).toBe(Math.min(first, row))
            expect([ring.first, ring.next]).toEqual([first, row + 1])
            expect(ring.usedBytes).toBeLessThanOrEqual(bytesMax)
          }
          const expected = expectedRows(all, firstHeld(all, bytesMax))
          expect(rowsOf(ring.oldestFirst())).toEqual(expected)
          expect(rowsOf(ring.newestFirst())).toEqual(expected.toReversed())
          for (const skip of [1, 2, 7]) {
            expect(rowsOf(ring.newestFirst(skip))).toEqual(expected.toReversed().slice(skip))
          }
        }),
        { numRuns: 20 },
      )
    })

    test(`${bytesMax} rows`, () => {
      const size = 3
      const appends = fc.integer({ min: 0, max: bytesMax * 3 + 2 })
      fc.assert(
        fc.property(appends, fc.nat(bytesMax + 2), fc.nat(bytesMax + 2), (count, skip, limit) => {
          const ring = new RowRing(bytesMax * size)
          for (let row = 0; row < count; row++) append(ring, row, size)
          const newest = expectedRows(Array<number>(count).fill(size), Math.max(0, count - bytesMax)).toReversed()
          expect(rowsOf(ring.newestFirst(skip)).slice(0, limit)).toEqual(newest.slice(skip, skip + limit))
          expect(ring.rows).toBe(newest.length)
        }),
        {
          numRuns: 30,
          examples: [
            [bytesMax, 0, bytesMax],
            [bytesMax, 1, 1],
            [bytesMax + 1, bytesMax, 1],
          ],
        },
      )
    })
  }
})

test('a reader that is overtaken says by how many rows, in both directions', () => {
  const steps = fc.array(fc.oneof(fc.constant('read' as const), fc.integer({ min: 1, max: 12 })), { maxLength: 120 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), steps, fc.nat(20), (bytesMax, actions, before) => {
      const ring = new RowRing(bytesMax)
      const sizes: number[] = []
      const grow = (size: number): void => {
        append(ring, sizes.length, size)
        sizes.push(size)
      }
      for (let i = 0; i < before; i++) grow(3)
      const forward = { reader: ring.oldestFirst(), seen: 0, from: ring.first }
      const backward = { reader: ring.newestFirst(), seen: 0, expected: ring.rows }
      for (const action of [...actions, ...Array.from({ length: 200 }, () => 'read' as const)]) {
        if (action !== 'read') {
          grow(action)
          continue
        }
        for (const side of [forward, backward]) {
          if (!side.reader.next()) continue
          side.seen++
          const { bytes, start, end, row } = side.reader
          expect(Uint8Array.from(bytes.subarray(start, end))).toEqual(rowBytes(row, sizes[row] ?? -1))
        }
      }
      expect(forward.seen + forward.reader.missed).toBe(sizes.length - forward.from)
      expect(backward.seen + backward.reader.missed).toBe(backward.expected)
    }),
    { numRuns: 500 },
  )
})

test('`again` finds a row that moved when the ring grew, and notices one that is gone', () => {
  const ring = new RowRing(10_000)
  for (let row = 0; row < 5; row++) append(ring, row, 60)
  const reader = ring.newestFirst()
  expect(reader.next()).toBe(true)
  for (let row = 5; row < 100; row++) append(ring, row, 60)
  expect(reader.again()).toBe(true)
  expect(Uint8Array.from(reader.bytes.subarray(reader.start, reader.end))).toEqual(rowBytes(4, 60))
  for (let row = 100; row < 300; row++) append(ring, row, 60)
  expect(reader.again()).toBe(false)
  expect(reader.missed).toBe(5)
})

test('memory grows with what is held and is given back', () => {
  const ring = new RowRing(1024 * 1024)
  append(ring, 0, 100)
  expect(ring.allocatedBytes).toBeLessThan(512)
  for (let row = 1; row < 20_000; row++) append(ring, row, 100)
  expect(ring.allocatedBytes).toBeLessThanOrEqual(1024 * 1024 + 16_384 * 8)
  ring.release()
  expect(ring.allocatedBytes).toBe(0)
  append(ring, 20_000, 100)
  expect(rowsOf(ring.oldestFirst())).toEqual([{ row: 20_000, bytes: rowBytes(20_000, 100) }])
})
