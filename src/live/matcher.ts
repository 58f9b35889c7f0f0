import { EventView, type EventBatch } from '../core/batch.ts'
import type { Listener } from './subscription.ts'

/**
 * Work done before the event loop gets a turn, in selector calls: 0.3 µs for a row not wanted, 5 µs for one printed as
 * JSON, so 1 to 10 ms in all. A call that fills a buffer ends the slice as well, so that a reader who keeps up loses
 * nothing in a burst.
 */
export const SLICE_CALLS = 2000

/** A slice ends after so long as well, at the next row: a selector of many terms or long text costs far more. */
const SLICE_MS_MAX = 10

/** Memory of batches that wait to be matched. Beyond it the oldest are passed over and counted as skipped. */
export const WAITING_BYTES_MAX = 32 * 1024 * 1024

interface Entry {
  listener: Listener
  /** Number of the first batch that it shall see. */
  fromBatch: number
}

/**
 * Shows every published row to every listener, in order. Does what fits into one slice at once (so a tail sees an event
 * in the same turn) and the rest in later turns of the event loop: with many listeners the tail falls behind, ingestion
 * does not. Without listeners it does nothing at all.
 */
export class Matcher {
  readonly #view = new EventView()
  readonly #sliceCalls: number
  readonly #waitingBytesMax: number
  readonly #nowMs: () => number
  #entries: Entry[] = []
  /** Batches not yet matched to the end, oldest first; `#batchNumber` is the number of the first of them. */
  readonly #waiting: EventBatch[] = []
  #waitingBytes = 0
  #batchNumber = 0
  /** First row of the oldest waiting batch that was not yet shown. */
  #row = 0
  #turn: NodeJS.Immediate | undefined

  constructor(sliceCalls = SLICE_CALLS, waitingBytesMax = WAITING_BYTES_MAX, nowMs = () => performance.now()) {
    this.#sliceCalls = sliceCalls
    this.#waitingBytesMax = waitingBytesMax
    this.#nowMs = nowMs
  }

  get listeners(): number {
    return this.#entries.length
  }

  /** It will see the batches published from now on. */
  add(listener: Listener): void {
    this.#entries = [...this.#entries, { listener, fromBatch: this.#batchNumber + this.#waiting.length }]
  }

  remove(listener: Listener): void {
    this.#entries = this.#entries.filter((entry) => entry.listener !== listener)
  }

  /** True when it will not look at the batch again. */
  publish(batch: EventBatch): boolean {
    if (this.#entries.length === 0) {
      this.#drop()
      this.#batchNumber++
      return true
    }
    this.#waiting.push(batch)
    this.#waitingBytes += batch.bytes.length
    while (this.#waitingBytes > this.#waitingBytesMax && this.#waiting.length > 1) this.#passOver()
    if (this.#turn === undefined) this.#slice()
    return this.#waiting.at(-1) !== batch
  }

  close(): void {
    this.#entries = []
    this.#drop()
  }

  #slice(): void {
    this.#turn = undefined
    let callsLeft = this.#sliceCalls
    const untilMs = this.#nowMs() + SLICE_MS_MAX
    while (callsLeft > 0) {
      const batch = this.#waiting[0]
      if (!batch) return
      if (this.#entries.length === 0) {
        this.#drop()
        return
      }
      callsLeft = this.#show(batch, callsLeft, untilMs)
      if (this.#row >= batch.rows) this.#finish(batch)
    }
    this.#turn = setImmediate(() => this.#slice())
  }

  /** Shows rows of a batch until it ends or the calls are used up; returns the calls left, 0 when a buffer is full or time is up. */
  #show(batch: EventBatch, calls: number, untilMs: number): number {
    let callsLeft = calls
    while (this.#row < batch.rows && callsLeft > 0) {
      const event = this.#view.at(batch.bytes, batch.offsets[this.#row++] ?? 0)
      let isFull = false
      for (const { listener, fromBatch } of this.#entries) {
        if (fromBatch > this.#batchNumber) continue
        if (listener.offer(event)) isFull = true
        callsLeft--
      }
      if (isFull || this.#nowMs() >= untilMs) return 0
    }
    return callsLeft
  }

  #finish(batch: EventBatch): void {
    this.#waiting.shift()
    this.#waitingBytes -= batch.bytes.length
    this.#batchNumber++
    this.#row = 0
  }

  #passOver(): void {
    const batch = this.#waiting[0]
    if (!batch) return
    for (const { listener, fromBatch } of this.#entries) {
      if (fromBatch <= this.#batchNumber) listener.skip(batch.rows - this.#row)
    }
    this.#finish(batch)
  }

  #drop(): void {
    this.#batchNumber += this.#waiting.length
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#row = 0
    if (this.#turn !== undefined) clearImmediate(this.#turn)
    this.#turn = undefined
  }
}
