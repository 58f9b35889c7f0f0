import type { EventJson } from '../../src/core/event.ts'
import { isGap, type Gap, type ListItem } from './items.ts'

/** Events that a live list holds; older ones leave it. */
export const LIVE_ROWS_MAX = 10_000
/** How many more there may be until the oldest leave together: each leaving moves all others. */
const LIVE_ROWS_SLACK = 1000
/** Events that wait while the list is paused; beyond that the oldest are skipped, and the list says so. */
export const LIVE_WAITING_MAX = 10_000

/** What arrives, until it is shown. Without clock and without connection. */
export class LiveBuffer {
  #rows: ListItem[] = []
  #waiting: ListItem[] = []
  #waitingEvents = 0
  #skippedWaiting = 0
  #gaps = 0
  isPaused = false

  get rows(): readonly ListItem[] {
    return this.#rows
  }

  /** Events that will be shown when the list goes on. */
  get waiting(): number {
    return this.#waitingEvents + this.#skippedWaiting
  }

  add(event: EventJson): void {
    this.#waiting.push(event)
    this.#waitingEvents++
    this.#bound()
  }

  addGap(skipped: number): void {
    this.#waiting.push(this.#gap(skipped))
  }

  /** Moves what waits into the rows, unless paused. Whether the rows changed. */
  flush(): boolean {
    if (this.isPaused || (this.#waiting.length === 0 && this.#skippedWaiting === 0)) return false
    const gap = this.#skippedWaiting > 0 ? [this.#gap(this.#skippedWaiting)] : []
    const all = [...this.#rows, ...gap, ...this.#waiting]
    this.#rows = all.length > LIVE_ROWS_MAX + LIVE_ROWS_SLACK ? all.slice(-LIVE_ROWS_MAX) : all
    this.#waiting = []
    this.#waitingEvents = 0
    this.#skippedWaiting = 0
    return true
  }

  #gap(skipped: number): Gap {
    this.#gaps++
    return { id: `gap-${this.#gaps}`, skipped }
  }

  #bound(): void {
    if (this.#waiting.length <= LIVE_WAITING_MAX + LIVE_ROWS_SLACK) return
    for (const item of this.#waiting.splice(0, this.#waiting.length - LIVE_WAITING_MAX)) {
      this.#skippedWaiting += isGap(item) ? item.skipped : 1
      if (!isGap(item)) this.#waitingEvents--
    }
  }
}
