import type { EventView } from '../core/batch.ts'

/** Turns a row into what a reader gets, or `undefined` when the reader did not ask for it. Given by `query`. */
export type RowSelector<T> = (event: EventView) => T | undefined

export interface SubscribeOptions<T> {
  select: RowSelector<T>
  /** Events that may wait for this reader; beyond that the oldest are skipped and counted. */
  bufferEventsMax?: number
}

export interface LiveItem<T> {
  receivedNs: bigint
  value: T
}

/** One reader of the live flow, with a bounded buffer. Single consumer. */
export interface Subscription<T> {
  /**
   * Takes what is waiting: items in received order, and how many were skipped before them since the last take because
   * this reader was too slow. Resolves at once when something waits, else with the next event, or with `undefined`
   * after `close`. Rejects when the selector has thrown, after everything before that was taken.
   */
  take(): Promise<{ items: LiveItem<T>[]; skipped: number } | undefined>
  close(): void
  readonly isClosed: boolean
  /** Events skipped since the last take. */
  readonly skipped: number
}

/** What the matcher sees of a subscription, whatever its type of value. */
export interface Listener {
  /** Shows one row. True when this event has filled the buffer: the reader should get a turn. */
  offer(event: EventView): boolean
  /** Counts events that nobody could look at. */
  skip(events: number): void
  readonly isClosed: boolean
}

const SLOTS_MIN = 16

/** Array ring of selected values; grows up to `eventsMax`, then the newest overwrites the oldest. */
export class BufferedSubscription<T> implements Subscription<T>, Listener {
  readonly #select: RowSelector<T>
  readonly #eventsMax: number
  readonly #onClose: () => void
  #slots: (LiveItem<T> | undefined)[] = []
  #first = 0
  #count = 0
  #skipped = 0
  #isClosed = false
  #failure: { error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(select: RowSelector<T>, eventsMax: number, onClose: () => void) {
    this.#select = select
    this.#eventsMax = Math.max(1, eventsMax)
    this.#onClose = onClose
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get skipped(): number {
    return this.#skipped
  }

  async take(): Promise<{ items: LiveItem<T>[]; skipped: number } | undefined> {
    while (this.#count === 0 && this.#skipped === 0) {
      if (this.#failure) throw this.#failure.error
      if (this.#isClosed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const taken = { items: this.#drain(), skipped: this.#skipped }
    this.#skipped = 0
    return taken
  }

  close(): void {
    this.#drain()
    this.#skipped = 0
    this.#failure = undefined
    this.#end()
  }

  offer(event: EventView): boolean {
    if (this.#isClosed) return false
    try {
      const value = this.#select(event)
      return value !== undefined && this.#push({ receivedNs: event.receivedNs, value })
    } catch (error) {
      this.#failure = { error }
      this.#end()
      return false
    }
  }

  skip(events: number): void {
    if (this.#isClosed || events === 0) return
    this.#skipped += events
    this.#notify()
  }

  #push(item: LiveItem<T>): boolean {
    if (this.#count === this.#slots.length) this.#grow()
    const size = this.#slots.length
    this.#notify()
    if (this.#count === size) {
      this.#slots[this.#first] = item
      this.#first = (this.#first + 1) % size
      this.#skipped++
      return false
    }
    this.#slots[(this.#first + this.#count) % size] = item
    this.#count++
    return this.#count === this.#eventsMax
  }

  #grow(): void {
    if (this.#slots.length >= this.#eventsMax) return
    const size = Math.min(this.#eventsMax, Math.max(SLOTS_MIN, this.#slots.length * 2))
    const slots = this.#drain()
    this.#count = slots.length
    this.#slots = slots
    this.#slots.length = size
  }

  /** Empties the buffer and gives its memory back. */
  #drain(): LiveItem<T>[] {
    const items: LiveItem<T>[] = []
    const size = this.#slots.length
    for (let i = 0; i < this.#count; i++) {
      const item = this.#slots[(this.#first + i) % size]
      if (item) items.push(item)
    }
    this.#slots = []
    this.#first = 0
    this.#count = 0
    return items
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose()
    this.#notify()
  }
}
