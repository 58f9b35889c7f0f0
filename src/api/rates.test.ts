import { expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { createRates, SAMPLE_MS } from './rates.ts'
import { createSlowQueries, type SlowQuery } from './slow-queries.ts'
import { diskFigures } from './status.ts'

const MINUTE_MS = 60_000

function started() {
  const counters = new Counters()
  let nowMs = 5_000_000
  const rates = createRates(counters, () => nowMs)
  /** Time goes by while so many events a second come in. */
  function pass(ms: number, perSecond: number): void {
    for (let at = 0; at < ms; at += SAMPLE_MS) {
      const step = Math.min(SAMPLE_MS, ms - at)
      nowMs += step
      counters.add('ingest_events_total', { source: 'http' }, (perSecond * step) / 1000)
      counters.add('ingest_bytes_total', { source: 'http' }, (perSecond * step) / 10)
      if (step === SAMPLE_MS) rates.sample()
    }
  }
  return { counters, rates, pass }
}

test('rates are those of the last minute, and of less after a start', () => {
  const { rates, pass } = started()
  expect(rates.bySource()).toEqual({})
  pass(20_000, 100)
  expect(rates.bySource()['http']).toMatchObject({ eventsPerSecond: 100, bytesPerSecond: 10_000 })
  pass(2 * MINUTE_MS, 7)
  expect(rates.bySource()['http']).toMatchObject({ eventsPerSecond: 7, bytesPerSecond: 700 })
  pass(5000, 0)
  expect(rates.bySource()['http']?.eventsPerSecond).toBeLessThan(7)
})

test('the minutes of an hour are counted, the newest last, and none is remembered for longer', () => {
  const { rates, pass } = started()
  for (let minute = 0; minute < 70; minute++) pass(MINUTE_MS, minute)
  const { minutes = [] } = rates.bySource()['http'] ?? {}
  expect(minutes).toEqual(Array.from({ length: 60 }, (_, index) => (10 + index) * 60))
  expect(rates.eventsPerSecond()).toBeCloseTo(39.5)
})

test('after a start the minutes before it are empty', () => {
  const { rates, pass } = started()
  pass(2 * MINUTE_MS, 1)
  expect(rates.bySource()['http']?.minutes.slice(-3)).toEqual([0, 60, 60])
})

test.each([
  [{ rows: 1_000_000, bytesOnDisk: 100_000_000, diskFreeBytes: 86_400_000_000 }, 10, 86_400_000, 1000],
  [{ rows: 1_000_000, bytesOnDisk: 100_000_000, diskFreeBytes: 86_400_000_000 }, 0, 0, null],
  [{ rows: 1_000_000, bytesOnDisk: 100_000_000, diskFreeBytes: null }, 10, 86_400_000, null],
  [{ rows: 999, bytesOnDisk: 100_000, diskFreeBytes: 1000 }, 10, null, null],
  [undefined, 10, null, null],
])('how long the disk lasts: %j at %d events a second', (store, perSecond, bytesPerDay, daysLeft) => {
  expect(diskFigures(store, { eventsPerSecond: () => perSecond })).toMatchObject({ bytesPerDay, daysLeft })
})

const query = (text: string, tookMs: number, id = 'a'): Omit<SlowQuery, 'times'> => ({
  at: String(tookMs),
  tookMs,
  rowsRead: tookMs,
  status: 200,
  route: '/api/v1/query',
  query: text,
  start: '',
  end: '',
  key: { id, name: id },
})

test('slow queries: the same of the same key together, the newest first, the oldest makes room', () => {
  const slow = createSlowQueries(2)
  slow.note(query('x', 5))
  slow.note(query('x', 9))
  slow.note(query('y', 7))
  slow.note(query('x', 6))
  expect(slow.list()).toEqual([
    { ...query('x', 6), tookMs: 9, rowsRead: 9, times: 3 },
    { ...query('y', 7), times: 1 },
  ])
  slow.note(query('x', 1, 'b'))
  expect(slow.list().map(({ key, times }) => [key.id, times])).toEqual([
    ['b', 1],
    ['a', 3],
  ])
})
