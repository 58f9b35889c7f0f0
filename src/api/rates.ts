import type { Counters, CounterSample } from '../core/counters.ts'

/** What came in per second, by source: over the last minute, and minute by minute. */
export interface SourceRate {
  eventsPerSecond: number
  bytesPerSecond: number
  /** Events of each of the last minutes, oldest first; the last one is not over yet. */
  minutes: number[]
}

export interface Rates {
  /** Looks at the counters; to be called every `SAMPLE_MS`. */
  sample(): void
  bySource(): Record<string, SourceRate>
  /** Events of all sources a second, over all that is remembered: an hour at most. */
  eventsPerSecond(): number
}

export const SAMPLE_MS = 10_000
const MINUTE_MS = 60_000
const HISTORY_MS = 60 * MINUTE_MS
/** Below this a rate says nothing yet. */
const SPAN_MS_MIN = 1000

/** Source → what it had counted by then. */
interface Sample {
  atMs: number
  events: ReadonlyMap<string, number>
  bytes: ReadonlyMap<string, number>
}

/** `nowMs`: a clock that nobody sets. */
export function createRates(counters: Pick<Counters, 'samples'>, nowMs: () => number): Rates {
  const history: Sample[] = [take()]

  function take(): Sample {
    const samples = counters.samples()
    return {
      atMs: nowMs(),
      events: sumsOf(samples, 'ingest_events_total'),
      bytes: sumsOf(samples, 'ingest_bytes_total'),
    }
  }

  /** The newest sample that is at least this old, else the oldest. */
  function before(now: Sample, ageMs: number): Sample {
    return history.findLast((sample) => sample.atMs <= now.atMs - ageMs) ?? history[0] ?? now
  }

  return {
    sample() {
      const sample = take()
      history.push(sample)
      const endMs = sample.atMs - HISTORY_MS - SAMPLE_MS
      while ((history[0]?.atMs ?? Infinity) < endMs) history.shift()
    },
    bySource() {
      const now = take()
      const then = before(now, MINUTE_MS)
      return Object.fromEntries(
        [...now.events].map(([source, events]) => [
          source,
          {
            eventsPerSecond: perSecond(events - (then.events.get(source) ?? 0), now.atMs - then.atMs),
            bytesPerSecond: perSecond(
              (now.bytes.get(source) ?? 0) - (then.bytes.get(source) ?? 0),
              now.atMs - then.atMs,
            ),
            minutes: minutesOf(source, now, before),
          },
        ]),
      )
    },
    eventsPerSecond() {
      const now = take()
      const then = before(now, HISTORY_MS)
      return perSecond(total(now.events) - total(then.events), now.atMs - then.atMs)
    },
  }
}

function minutesOf(source: string, now: Sample, before: (now: Sample, ageMs: number) => Sample): number[] {
  const minutes = HISTORY_MS / MINUTE_MS
  const edges = Array.from({ length: minutes }, (_, index) => before(now, (minutes - index) * MINUTE_MS))
  return [...edges, now].flatMap((edge, index, all) => {
    const next = all[index + 1]
    return next ? [(next.events.get(source) ?? 0) - (edge.events.get(source) ?? 0)] : []
  })
}

function sumsOf(samples: readonly CounterSample[], name: string): Map<string, number> {
  const sums = new Map<string, number>()
  for (const sample of samples) {
    if (sample.name !== name) continue
    const source = sample.labels['source'] ?? 'other'
    sums.set(source, (sums.get(source) ?? 0) + sample.value)
  }
  return sums
}

function total(sums: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const value of sums.values()) sum += value
  return sum
}

function perSecond(count: number, ms: number): number {
  return ms < SPAN_MS_MIN ? 0 : Math.round((count / ms) * 100_000) / 100
}
