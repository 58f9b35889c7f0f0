import { expect, test } from 'vitest'
import { levelOf, severityFromName } from '../../core/severity.ts'
import { createRandom } from './random.ts'
import { DemoStream } from './stream.ts'
import type { DemoEvent } from './trace.ts'

const START_MS = Date.parse('2026-01-05T10:00:00Z')

function run(seed: number, rate: number, seconds: number): DemoEvent[] {
  const stream = new DemoStream(createRandom(seed), rate, START_MS)
  return Array.from({ length: seconds * 10 + 1 }, (_, tick) => stream.take(START_MS + tick * 100)).flat()
}

test('the same seed tells the same story, another one another', () => {
  expect(run(1, 50, 30)).toEqual(run(1, 50, 30))
  expect(run(1, 50, 30)).not.toEqual(run(2, 50, 30))
})

test.each([1, 50, 2000])('about %d events a second, in the order of their times', (rate) => {
  const seconds = rate === 1 ? 1000 : 30
  const events = run(3, rate, seconds)
  expect(events.length / seconds / rate).toBeGreaterThan(0.8)
  expect(events.length / seconds / rate).toBeLessThan(1.2)
  const times = events.map(({ timestamp }) => timestamp)
  expect(times).toEqual([...times].sort())
})

test('what it tells is believable: services, traces, levels, troubles that come and go', () => {
  const events = run(1, 200, 400)
  expect(new Set(events.map(({ service }) => service)).size).toBe(10)
  for (const { level } of events) expect(levelOf(severityFromName(level) ?? 0)).toBe(level)
  const traces = new Map<unknown, Set<string>>()
  for (const { trace_id, service } of events) {
    traces.set(trace_id, (traces.get(trace_id) ?? new Set()).add(service))
  }
  const services = [...traces.values()].map(({ size }) => size)
  expect(Math.max(...services)).toBeGreaterThanOrEqual(5)
  const errorsByMinute = [0, 1, 2, 3, 4, 5, 6].map(
    (minute) =>
      events.filter(({ level, timestamp }) => level === 'error' && timestamp.includes(`T10:0${minute}`)).length,
  )
  expect(Math.max(...errorsByMinute)).toBeGreaterThan(5 * Math.max(1, Math.min(...errorsByMinute)))
})

test('who was held up does not catch up with everything', () => {
  const stream = new DemoStream(createRandom(1), 1000, START_MS)
  stream.take(START_MS + 100)
  expect(stream.take(START_MS + 3_600_000).length).toBeLessThan(5000)
})
