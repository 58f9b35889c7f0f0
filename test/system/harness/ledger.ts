import { setTimeout as delay } from 'node:timers/promises'
import { ingest, queryStream } from './http.ts'
import { seededRandom } from '../../../src/core/testing/seeded-random.ts'
import { until } from './wait.ts'

const REFUSED_PAUSE_MS = 50
const BODY_EVENTS_MAX = 40

/** Where the server is at this moment; senders wait here while there is none. */
export class Target {
  #url: string | undefined
  #waiting: ((url: string) => void)[] = []

  up(url: string): void {
    this.#url = url
    for (const go of this.#waiting.splice(0)) go(url)
  }

  down(): void {
    this.#url = undefined
  }

  url(): Promise<string> {
    const url = this.#url
    return url === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(url)
  }
}

export interface LedgerOptions {
  target: Target
  seed: number
  producers?: number
  /** Makes each event about this much larger. */
  padBytes?: number
}

export interface LedgerResult {
  /** Acknowledged and not in the store. */
  missing: string[]
  /** In the store more than once. */
  repeated: string[]
  /** 200, but not for every event. */
  wrongAnswers: string[]
}

export const FAULTLESS: LedgerResult = { missing: [], repeated: [], wrongAnswers: [] }

/**
 * Producers that send numbered events over kept-alive connections, one body after the other, and write down which
 * numbers were acknowledged. A body whose answer was lost is not sent again: the next one bears new numbers, so no
 * number may ever be in the store twice, and every acknowledged one has to be there.
 */
export class Ledger {
  /** By producer: the acknowledged ranges `[first, end)`. */
  readonly #acknowledged: [first: number, end: number][][]
  readonly #options: Required<LedgerOptions>
  #acknowledgedEvents = 0
  readonly #wrongAnswers: string[] = []
  #isRunning = true
  #producers: Promise<void>[] = []
  /** Answers that were not 200, by code. */
  readonly refused = new Map<string, number>()
  /** Bodies whose answer never came. */
  lost = 0

  constructor(options: LedgerOptions) {
    this.#options = { producers: 4, padBytes: 0, ...options }
    this.#acknowledged = Array.from({ length: this.#options.producers }, () => [])
  }

  get acknowledged(): number {
    return this.#acknowledgedEvents
  }

  start(): this {
    this.#producers = this.#acknowledged.map((ranges, producer) => this.#produce(producer, ranges))
    return this
  }

  /** Resolves when this many more events were acknowledged: proof that ingestion goes on. */
  async progress(events: number, timeoutMs = 30_000): Promise<void> {
    const goal = this.#acknowledgedEvents + events
    await until(`${events} more events are acknowledged`, () => this.#acknowledgedEvents >= goal, timeoutMs)
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#producers)
  }

  async #produce(producer: number, ranges: [number, number][]): Promise<void> {
    const random = seededRandom(this.#options.seed * 1000 + producer)
    const pad = 'x'.repeat(this.#options.padBytes)
    let next = 0
    while (this.#isRunning) {
      const url = await this.#options.target.url()
      const first = next
      next += 1 + Math.floor(random() * BODY_EVENTS_MAX)
      const events = Array.from({ length: next - first }, (_, index) => ({
        service: serviceOf(producer),
        message: String(first + index),
        pad,
      }))
      try {
        const { status, json } = await ingest(url, events)
        if (status === 200) {
          const accepted = Number(json['accepted'])
          if (accepted !== events.length) this.#wrongAnswers.push(JSON.stringify(json))
          ranges.push([first, next])
          this.#acknowledgedEvents += events.length
        } else {
          const code = String(json['code'])
          this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
          await delay(REFUSED_PAUSE_MS)
        }
      } catch {
        // The connection broke with the server: whether the body was kept is not known, and does not matter.
        this.lost++
        await delay(1)
      }
    }
  }

  /** Compares with what the store has: `FAULTLESS` is what it should be. The spool has to be empty (`settled`). */
  async check(url: string): Promise<LedgerResult> {
    const result: LedgerResult = { missing: [], repeated: [], wrongAnswers: this.#wrongAnswers }
    for (const [producer, ranges] of this.#acknowledged.entries()) {
      const service = serviceOf(producer)
      const stored = new Map<number, number>()
      for await (const row of queryStream(url, `service:${service} | fields message`)) {
        const number = Number(row['message'])
        stored.set(number, (stored.get(number) ?? 0) + 1)
      }
      for (const [first, end] of ranges) {
        for (let number = first; number < end; number++) {
          if (!stored.has(number)) result.missing.push(`${service} ${number}`)
        }
      }
      for (const [number, times] of stored) if (times > 1) result.repeated.push(`${service} ${number}: ${times} times`)
    }
    return result
  }
}

function serviceOf(producer: number): string {
  return `ledger-${producer}`
}
