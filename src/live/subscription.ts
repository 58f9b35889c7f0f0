import type { EventView } from '../core/batch.ts'

/** Turns a row into what a reader gets, or `undefined` when the reader did not ask for it. Given by `query`. */
export type RowSelector<T> = (event: EventView) => T | undefined

export interface SubscribeOptions<T> {
  select: RowSelector<T>
  /** Events that may wait for this reader; beyond that the oldest are skipped and counted. */
  bufferEventsMax?: number
  /** The same in bytes, as their rows have them; the newest event may wait however large it is. */
  bufferBytesMax?: number
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

export interface BufferLimits {
  eventsMax: number
  /** Asked at each event: it may change. */
  readonly bytesMax: number
}

interface Slot<T> extends LiveItem<T> {
  bytes: number
}

/** Array ring of selected values; grows up to `eventsMax` and `bytesMax`, then the oldest make room for the newest. */
export class BufferedSubscription<T> implements Subscription<T>, Listener {
  readonly #select: RowSelector<T>
  readonly #eventsMax: number
  readonly #limits: BufferLimits
  readonly #onClose: () => void
  #slots: (Slot<T> | undefined)[] = []
  #first = 0
  #count = 0
  #bytes = 0
  #skipped = 0
  #isClosed = false
  #failure: { error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(select: RowSelector<T>, limits: BufferLimits, onClose: () => void) {
    this.#select = select
    this.#eventsMax = Math.max(1, limits.eventsMax)
    this.#limits = limits
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
      if (value === undefined) return false
      return this.#push({ receivedNs: event.receivedNs, value, bytes: event.bytes })
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

  #push(slot: Slot<T>): boolean {
    this.#notify()
    const skippedBefore = this.#skipped
    while (this.#count > 0 && !this.#hasRoom(slot.bytes)) this.#drop()
    if (this.#count === this.#slots.length) this.#grow()
    this.#slots[(this.#first + this.#count) % this.#slots.length] = slot
    this.#count++
    this.#bytes += slot.bytes
    // A reader who has not come since the buffer filled up got its turn already.
    return this.#skipped === skippedBefore && !this.#hasRoom(1)
  }

  #hasRoom(bytes: number): boolean {
    return this.#count < this.#eventsMax && this.#bytes + bytes <= this.#limits.bytesMax
  }

  /** Skips the oldest. */
  #drop(): void {
    this.#bytes -= this.#slots[this.#first]?.bytes ?? 0
    this.#slots[this.#first] = undefined
    this.#first = (this.#first + 1) % this.#slots.length
    this.#count--
    this.#skipped++
  }

  #grow(): void {
    const inOrder = this.#inOrder()
    inOrder.length = Math.min(this.#eventsMax, Math.max(SLOTS_MIN, this.#slots.length * 2))
    this.#slots = inOrder
    this.#first = 0
  }

  #inOrder(): (Slot<T> | undefined)[] {
    return [...this.#slots.slice(this.#first), ...this.#slots.slice(0, this.#first)].slice(0, this.#count)
  }

  /** Empties the buffer and gives its memory back. */
  #drain(): LiveItem<T>[] {
    const items = this.#inOrder().flatMap((slot) => (slot ? [{ receivedNs: slot.receivedNs, value: slot.value }] : []))
    this.#slots = []
    this.#first = 0
    this.#count = 0
    this.#bytes = 0
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
