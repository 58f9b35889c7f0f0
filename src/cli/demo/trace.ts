import type { Random } from './random.ts'

/** One event of the demo, in the form that the server takes. */
export interface DemoEvent {
  timestamp: string
  level: string
  service: string
  host: string
  message: string
  [field: string]: string | number | boolean
}

/** An event that lies a little ahead. */
export interface PlannedEvent {
  atMs: number
  event: DemoEvent
}

export type DemoFields = Readonly<Record<string, string | number | boolean>>

/** Hosts each service runs on. */
const REPLICAS = 3

/** What one request leaves behind in the logs of the services it passes: one trace id, rising times. */
export class Trace {
  readonly events: PlannedEvent[] = []
  readonly startedMs: number
  readonly #random: Random
  readonly #traceId: string
  #atMs: number

  constructor(random: Random, startedMs: number) {
    this.#random = random
    this.startedMs = startedMs
    this.#atMs = startedMs
    this.#traceId = random.hex(32)
  }

  /** Milliseconds since the request began, with one decimal. */
  get elapsedMs(): number {
    return Math.round((this.#atMs - this.startedMs) * 10) / 10
  }

  /** Lets time go by: about so many milliseconds. Returns how many. */
  take(meanMs: number): number {
    const ms = Math.round(this.#random.around(meanMs) * 10) / 10
    this.#atMs += ms
    return ms
  }

  log(level: string, service: string, message: string, fields: DemoFields = {}): void {
    const event: DemoEvent = {
      timestamp: new Date(this.#atMs).toISOString(),
      level,
      service,
      host: `${service}-${this.#random.integer(1, REPLICAS)}`,
      message,
      trace_id: this.#traceId,
      span_id: this.#random.hex(16),
      ...fields,
    }
    this.events.push({ atMs: this.#atMs, event })
  }
}
