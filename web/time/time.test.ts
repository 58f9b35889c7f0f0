import { describe, expect, test } from 'vitest'
import { absoluteRange, rangeName, resolveRange, shiftRange, zoomOut } from './range.ts'
import { ageText, clockText, momentText, readMoment } from './zone.ts'

const NOW = Date.parse('2026-11-28T09:30:00.000Z')

describe('ranges', () => {
  test.each([
    ['-15m', undefined, '2026-11-28T09:15:00.000Z', '2026-11-28T09:30:00.000Z'],
    ['-2h', '-1h', '2026-11-28T07:30:00.000Z', '2026-11-28T08:30:00.000Z'],
    ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z', '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z'],
  ])('%s to %s', (start, end, from, to) => {
    const range = resolveRange({ start, end }, NOW)
    expect(range && absoluteRange(range)).toEqual({ start: from, end: to })
  })

  test.each([
    ['all', undefined],
    ['nonsense', undefined],
    ['-1h', '-2h'],
  ])('%s to %s is none', (start, end) => expect(resolveRange({ start, end }, NOW)).toBeUndefined())

  test('move and grow, not into the future', () => {
    const range = { fromMs: NOW - 60_000, toMs: NOW }
    expect(shiftRange(range, -1)).toEqual({ fromMs: NOW - 120_000, toMs: NOW - 60_000 })
    expect(zoomOut(range, NOW)).toEqual({ fromMs: NOW - 90_000, toMs: NOW })
    expect(zoomOut({ fromMs: 0, toMs: 100 }, NOW)).toEqual({ fromMs: -50, toMs: 150 })
  })

  test.each([
    ['-15m', undefined, 'Last 15 minutes'],
    ['-3h', undefined, 'Last 3h'],
    ['all', undefined, 'All time'],
    ['2026-11-28T09:00:00Z', '2026-11-28T09:30:00Z', '28 Nov 09:00 – 28 Nov 09:30'],
    ['2026-11-28T09:00:00Z', '2026-11-28T09:00:30Z', '2026-11-28 09:00:00 – 2026-11-28 09:00:30'],
    ['2026-11-28T09:00:00Z', undefined, 'Since 28 Nov 09:00'],
    ['soon', undefined, 'A time that cannot be read'],
  ])('%s to %s is called %s', (start, end, name) => expect(rangeName({ start, end }, 'utc')).toBe(name))
})

describe('moments', () => {
  test('are written to the millisecond and read again', () => {
    const time = new Date('2026-01-05T03:04:05.006Z')
    expect(clockText(time, 'utc')).toBe('03:04:05.006')
    for (const zone of ['utc', 'local'] as const) expect(readMoment(momentText(time, zone), zone)).toEqual(time)
  })

  test.each([
    ['2026-01-05', '2026-01-05T00:00:00.000Z'],
    ['2026-1-5 7:30', '2026-01-05T07:30:00.000Z'],
    ['2026-01-05T07:30:10,25', '2026-01-05T07:30:10.250Z'],
  ])('%s', (text, expected) => expect(readMoment(text, 'utc')?.toISOString()).toBe(expected))

  test.each(['', 'yesterday', '2026-13-05', '2026-02-31', '2026-01-05 25:00', '2026-01-05 10:61'])(
    '%j is none',
    (text) => expect(readMoment(text, 'utc')).toBeUndefined(),
  )

  test.each([
    [500, 'just now'],
    [1000, '1 second ago'],
    [3 * 3_600_000 + 5, '3 hours ago'],
    [-120_000, 'in 2 minutes'],
  ])('%d ms: %s', (ms, text) => expect(ageText(new Date(NOW - ms), NOW)).toBe(text))
})
