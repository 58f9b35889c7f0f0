/**
 * Counters: one flat, append-only table of what happened, by name and labels. Handed to rooms as a parameter; read by
 * status and metrics. Names follow Prometheus: `ingest_events_total`, labels such as `source` and `reason`.
 */

export type Labels = Readonly<Record<string, string>>

export interface Counter {
  add(count?: number): void
  readonly value: number
}

export interface CounterSample {
  name: string
  labels: Labels
  value: number
}

/** At most this many different series; further ones are counted together under `overflow="true"`. */
export const COUNTER_SERIES_MAX = 2000

export class Counters {
  readonly #series = new Map<string, { name: string; labels: Labels; value: number }>()

  /** The counter for this name and these labels; the same one each time. Keep it where it is used often. */
  counter(name: string, labels: Labels = {}): Counter {
    const key = seriesKey(name, labels)
    let series = this.#series.get(key)
    if (!series) {
      if (this.#series.size >= COUNTER_SERIES_MAX && labels['overflow'] === undefined) {
        return this.counter(name, { overflow: 'true' })
      }
      series = { name, labels, value: 0 }
      this.#series.set(key, series)
    }
    const found = series
    return {
      add: (count = 1) => {
        found.value += count
      },
      get value() {
        return found.value
      },
    }
  }

  add(name: string, labels: Labels = {}, count = 1): void {
    this.counter(name, labels).add(count)
  }

  /** Every series, in the order in which they first appeared. */
  samples(): CounterSample[] {
    return [...this.#series.values()].map(({ name, labels, value }) => ({ name, labels, value }))
  }

  /** The sum over all series of a name whose labels include these. */
  total(name: string, labels: Labels = {}): number {
    let sum = 0
    for (const series of this.#series.values()) {
      if (series.name === name && Object.entries(labels).every(([k, v]) => series.labels[k] === v)) sum += series.value
    }
    return sum
  }
}

function seriesKey(name: string, labels: Labels): string {
  const keys = Object.keys(labels).sort()
  return keys.length === 0 ? name : `${name}|${keys.map((key) => `${key}=${labels[key]}`).join('|')}`
}
