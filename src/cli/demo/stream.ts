import type { Random } from './random.ts'
import { openShop } from './shop.ts'
import type { DemoEvent, PlannedEvent } from './trace.ts'

/** Who is further behind than this (the server was away) does not catch up. */
const BEHIND_MS_MAX = 3000
/** Events per request before there is an average. */
const EVENTS_PER_VISIT = 2.5

/** Events of the shop at about `rate` a second, as their time comes. */
export class DemoStream {
  readonly #random: Random
  readonly #rate: number
  readonly #shop: ReturnType<typeof openShop>
  /** In the order of their times. */
  #planned: PlannedEvent[] = []
  #nextVisitMs: number
  #visits = 0
  #events = 0

  constructor(random: Random, rate: number, startedMs: number) {
    this.#random = random
    this.#rate = rate
    this.#shop = openShop(random, startedMs)
    this.#nextVisitMs = startedMs
  }

  /** What has happened up to `nowMs` and was not taken yet, oldest first. */
  take(nowMs: number): DemoEvent[] {
    this.#nextVisitMs = Math.max(this.#nextVisitMs, nowMs - BEHIND_MS_MAX)
    while (this.#nextVisitMs <= nowMs) {
      const events = this.#shop.visit(this.#nextVisitMs)
      this.#planned.push(...events)
      this.#visits++
      this.#events += events.length
      const eventsPerVisit = this.#visits < 50 ? EVENTS_PER_VISIT : this.#events / this.#visits
      // Requests come independently of each other: exponential pauses.
      this.#nextVisitMs += -Math.log(1 - this.#random.next()) * ((eventsPerVisit / this.#rate) * 1000)
    }
    this.#planned.sort((a, b) => a.atMs - b.atMs)
    const due = this.#planned.findIndex(({ atMs }) => atMs > nowMs)
    return this.#planned.splice(0, due === -1 ? this.#planned.length : due).map(({ event }) => event)
  }
}
