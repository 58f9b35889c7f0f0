import { describe, expect, test } from 'vitest'
import { parseRange, parseTimeoutMs } from './times.ts'
import { timeWindows, type Extent } from './time-windows.ts'

const NOW = 1_767_225_600_000_000_000n
const HOUR = 3_600_000_000_000n

describe('range', () => {
  test.each([
    ['-1h', undefined, { fromNs: NOW - HOUR }],
    [undefined, 'now', { toNs: NOW }],
    ['', '', {}],
    ['2026-01-01T00:00:00Z', '1767225600', { fromNs: NOW, toNs: NOW }],
  ])('%s … %s', (start, end, range) => {
    expect(parseRange(start, end, NOW)).toEqual(range)
  })

  test.each([
    ['yesterday', undefined, 'start'],
    ['-1h', '2026-13-01', 'end'],
    ['now', '-1h', 'start (now) lies after end (-1h)'],
  ])('%s … %s is refused and named', (start, end, detail) => {
    expect(() => parseRange(start, end, NOW)).toThrow(
      expect.objectContaining({ code: 'TIME_INVALID', detail: expect.stringContaining(detail) }),
    )
  })

  test('a time ago beyond all time is the beginning of time', () => {
    expect(parseRange('-14000w', undefined, NOW)).toEqual(parseRange('1900-01-01', undefined, NOW))
  })
})

test.each([
  [undefined, 1000],
  ['10ms', 10],
  ['1h', 1000],
  ['1ns', 1],
])('timeout %s is %i ms when the limit is a second', (text, ms) => {
  expect(parseTimeoutMs(text, 1000)).toBe(ms)
})

test.each(['0s', 'soon', '-1s', '5'])('timeout %s is refused', (text) => {
  expect(() => parseTimeoutMs(text, 1000)).toThrow(expect.objectContaining({ code: 'TIME_INVALID' }))
})

describe('time windows', () => {
  const month: Extent = { oldestNs: NOW - 720n * HOUR, newestNs: NOW - 1n, events: 1_000_000_000 }

  test('newest first: growing windows, both ends open', () => {
    expect([...timeWindows({}, 'desc', month)]).toEqual([
      { fromNs: NOW - HOUR },
      { fromNs: NOW - 9n * HOUR, toNs: NOW - HOUR },
      { fromNs: NOW - 73n * HOUR, toNs: NOW - 9n * HOUR },
      { fromNs: NOW - 585n * HOUR, toNs: NOW - 73n * HOUR },
      { toNs: NOW - 585n * HOUR },
    ])
  })

  test('few events need few windows', () => {
    expect([...timeWindows({}, 'desc', { ...month, events: 100_000 })]).toEqual([{}])
    expect([...timeWindows({}, 'desc', { ...month, events: 2_000_000 })]).toEqual([
      { fromNs: NOW - 36n * HOUR },
      { fromNs: NOW - 324n * HOUR, toNs: NOW - 36n * HOUR },
      { toNs: NOW - 324n * HOUR },
    ])
  })

  test('oldest first', () => {
    const range = { fromNs: NOW - 10n * HOUR, toNs: NOW }
    expect([...timeWindows(range, 'asc', month)]).toEqual([
      { fromNs: NOW - 10n * HOUR, toNs: NOW - 9n * HOUR },
      { fromNs: NOW - 9n * HOUR, toNs: NOW - HOUR },
      { fromNs: NOW - HOUR, toNs: NOW },
    ])
  })

  test('centuries end after a few windows', () => {
    const all: Extent = { oldestNs: -2_208_988_800_000_000_000n, newestNs: 9_223_372_036_000_000_000n, events: 1e12 }
    for (const order of ['asc', 'desc'] as const) expect([...timeWindows({}, order, all)]).toHaveLength(6)
  })

  test.each([
    ['a range beside all events', { fromNs: NOW + HOUR, toNs: NOW + 2n * HOUR }, month],
    ['a range older than all events', { toNs: NOW - 900n * HOUR }, month],
    ['a short range', { fromNs: NOW - HOUR, toNs: NOW }, month],
    ['an empty store', {}, undefined],
    ['a store of one event', {}, { oldestNs: NOW, newestNs: NOW, events: 1 }],
  ])('%s is one window', (_case, range, extent) => {
    for (const order of ['asc', 'desc'] as const) expect([...timeWindows(range, order, extent)]).toEqual([range])
  })
})
