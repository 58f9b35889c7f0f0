import { afterEach, beforeEach, expect, test } from 'vitest'
import { timeParameter } from './times.ts'

const NOW_MS = Date.parse('2026-07-05T12:00:00Z')
let zone: string | undefined
beforeEach(() => {
  zone = process.env['TZ']
  process.env['TZ'] = 'Europe/Berlin'
})
afterEach(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

test.each([
  ['15m', '-15m', '-15m'],
  ['-1h30m', '-1h30m', '-1h30m'],
  ['now', 'now', 'now'],
  ['2026-01-05T10:00:00Z', '2026-01-05T10:00:00Z', '2026-01-05T10:00:00Z'],
  ['2026-01-05T10:00:00+05:00', '2026-01-05T10:00:00+05:00', '2026-01-05T10:00:00+05:00'],
  ['1767607872', '1767607872', '1767607872'],
  ['2026-01-05', '2026-01-04T23:00:00Z', '2026-01-05'],
  ['2026-07-05 10:30', '2026-07-05T08:30:00Z', '2026-07-05 10:30'],
  ['2026-07-05T10:30:00.123456', '2026-07-05T08:30:00.123456Z', '2026-07-05T10:30:00.123456'],
  // The night in which 2:00 becomes 3:00.
  ['2026-03-29 01:59:59', '2026-03-29T00:59:59Z', '2026-03-29 01:59:59'],
  ['2026-03-29 03:00:00', '2026-03-29T01:00:00Z', '2026-03-29 03:00:00'],
  ['9:15', '2026-07-05T07:15:00Z', '2026-07-05 09:15'],
])('%s', (text, local, utc) => {
  expect(timeParameter('since', text, NOW_MS, false)).toBe(local)
  expect(timeParameter('since', text, NOW_MS, true)).toBe(utc)
})

test.each(['yesterday', '', '25:00', '1x'])('%j is no time', (text) => {
  expect(() => timeParameter('until', text, NOW_MS, false)).toThrow('--until is a time')
})
