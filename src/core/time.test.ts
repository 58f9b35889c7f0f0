import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, formatTimestamp, parseDuration, parseTime, parseTimestamp, TIMESTAMP_MAX_NS } from './time.ts'

const MS = 1_000_000n

test.each<[string, bigint | undefined]>([
  ['1970-01-01T00:00:00Z', 0n],
  ['2026-01-05T10:11:12.123456789Z', 1_767_607_872_123_456_789n],
  ['2026-01-05T10:11:12.1234567899Z', 1_767_607_872_123_456_789n],
  ['2026-01-05T10:11:12.5+02:00', 1_767_600_672_500_000_000n],
  ['2026-01-05T10:11:12-0330', 1_767_620_472_000_000_000n],
  ['2026-01-05 10:11:12,123', 1_767_607_872_123_000_000n],
  ['2026-01-05 10:11', 1_767_607_860_000_000_000n],
  ['2026-01-05', 1_767_571_200_000_000_000n],
  ['2026-06-30T23:59:60Z', 1_782_864_000_000_000_000n],
  ['2026-02-30T00:00:00Z', undefined],
  ['2026-13-01T00:00:00Z', undefined],
  ['2026-01-05T25:00:00Z', undefined],
  ['2026-01-05T10:00:00+25:00', undefined],
  ['1899-12-31T23:59:59Z', undefined],
  ['2300-01-01T00:00:00Z', undefined],
  ['yesterday', undefined],
  ['', undefined],
  ['1767607872', 1_767_607_872_000_000_000n],
  ['1767607872.25', 1_767_607_872_250_000_000n],
  ['1767607872123', 1_767_607_872_123_000_000n],
  ['1767607872123.5', 1_767_607_872_123_500_000n],
  ['1767607872123456', 1_767_607_872_123_456_000n],
  ['1767607872123456789', 1_767_607_872_123_456_789n],
  ['0', 0n],
  ['-1.5', -1_500_000_000n],
  ['99999999999999999999', undefined],
])('timestamp %s', (text, expected) => expect(parseTimestamp(text)).toBe(expected))

test('a printed timestamp reads back as itself', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, TIMESTAMP_MAX_NS), (ns) => {
      expect(parseTimestamp(formatTimestamp(ns))).toBe(ns)
    }),
  )
})

test.each([
  [0n, '1970-01-01T00:00:00.000Z'],
  [1n, '1970-01-01T00:00:00.000000001Z'],
  [1000n, '1970-01-01T00:00:00.000001Z'],
  [1_500_000n, '1970-01-01T00:00:00.001500Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
])('%s prints as %s', (ns, text) => expect(formatTimestamp(ns)).toBe(text))

test.each<[string, bigint | undefined]>([
  ['90s', 90_000n * MS],
  ['1h30m', 5_400_000n * MS],
  ['250ms', 250n * MS],
  ['1.5h', 5_400_000n * MS],
  ['2w', 1_209_600_000n * MS],
  ['5', undefined],
  ['', undefined],
  ['1h x', undefined],
  ['999999999w', undefined],
])('duration %s', (text, expected) => expect(parseDuration(text)).toBe(expected))

test.each<[string, bigint | undefined]>([
  ['now', 1000n * MS],
  ['-1ms', 999n * MS],
  ['1ms', 999n * MS],
  ['+1ms', 1001n * MS],
  ['1970-01-01T00:00:01Z', 1000n * MS],
  ['tomorrow', undefined],
])('time %s', (text, expected) => expect(parseTime(text, 1000n * MS)).toBe(expected))

test.each([
  [0n, '0s'],
  [90_000n * MS, '1m30s'],
  [-250n * MS, '-250ms'],
  [2_592_000_000n * MS, '30d'],
])('%s lasts %s', (ns, text) => expect(formatDuration(ns)).toBe(text))
