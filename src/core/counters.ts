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

/** Something that was counted, for people: the newest of a series are kept. */
export interface CounterExample {
  /** Milliseconds since 1970. */
  atMs: number
  text: string
}

/** At most this many examples of one series are kept. */
export const EXAMPLES_PER_SERIES = 5
/** Series that have examples; further ones have none. */
export const SERIES_WITH_EXAMPLES_MAX = 200
/** Longer texts are cut. */
export const EXAMPLE_CHARS_MAX = 400

/** At most this many different series; further ones are counted together under `overflow="true"`. */
export const COUNTER_SERIES_MAX = 2000

export class Counters {
  readonly #clock: () => number
  readonly #examples = new Map<string, { name: string; labels: Labels; newest: CounterExample[] }>()
  readonly #series = new Map<string, { name: string; labels: Labels; value: number }>()

  /** `clock`: milliseconds since 1970. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock
  }

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

  /** Keeps the text as the newest example of what this series counts, beside counting it. It may hold texts of senders. */
  keepExample(name: string, labels: Labels, text: string): void {
    const key = seriesKey(name, labels)
    const kept = this.#examples.get(key) ?? { name, labels, newest: [] }
    if (kept.newest.length === 0) {
      if (this.#examples.size >= SERIES_WITH_EXAMPLES_MAX) return
      this.#examples.set(key, kept)
    }
    if (kept.newest.length >= EXAMPLES_PER_SERIES) kept.newest.pop()
    kept.newest.unshift({ atMs: this.#clock(), text: text.slice(0, EXAMPLE_CHARS_MAX) })
  }

  /** The examples of every series of this name, newest first. */
  examples(name: string): { labels: Labels; newest: readonly CounterExample[] }[] {
    return [...this.#examples.values()]
      .filter((kept) => kept.name === name)
      .map(({ labels, newest }) => ({ labels, newest: [...newest] }))
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
