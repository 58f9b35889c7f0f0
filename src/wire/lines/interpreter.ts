/**
 * wire/lines: lines of log files → rows of an EventBatch. It knows no files and no sockets. This file is the door.
 * The first lines of a file are held back to learn how it is written (`line-times.ts`: where its times stand, and in
 * which form); after that every line is read at byte level, without a string or an object of its own
 * (`text-events.ts`), and what belongs together becomes one event (`continuation.ts`).
 */
import { isUtf8 } from 'node:buffer'
import type { EventBatch } from '../../core/batch.ts'
import { EVENT_LIMITS, type EventLimits } from '../transcode/limits.ts'
import type { EventDefaults } from '../transcode/row-writer.ts'
import { LineTranscoder } from '../transcode/transcoder.ts'
import type { Multiline } from './continuation.ts'
import { LineTimes } from './line-times.ts'
import { LineSample } from './sample.ts'
import { type JoinLimits, TextEvents } from './text-events.ts'

/** `auto` looks at the first lines. */
export type LineFormat = 'auto' | 'text' | 'json'

export interface LineOptions {
  format: LineFormat
  /** Of times that do not say: an IANA name (`Europe/Berlin`), `UTC`, or an offset (`+02:00`). */
  timeZone: string
  /** The form of the times (`time-pattern.ts`), instead of looking for it. */
  timestampPattern?: string
  /** `auto` without. */
  multiline?: Multiline
  /** Seconds since 1970: dates without a year are the latest ones not after it. The time the file was written last. */
  referenceSeconds: number
  /** Fields of events that do not have them. */
  defaults: EventDefaults
  /** Where in the file the first line begins. */
  startOffset?: number
  limits?: Partial<EventLimits & JoinLimits>
}

/** Events of several lines are ended there. */
export const JOIN_LIMITS: JoinLimits = { linesMax: 500, bytesMax: 256 * 1024 }

/** Lines of one file, in order → events. Nothing it is given makes it throw, and nothing of it is left out. */
export interface LineInterpreter {
  /**
   * A whole line without its end, `from` to `to` of `bytes`. `endOffset`: where the next line begins in the file.
   * `isValid`: the caller knows that it is valid UTF-8 (ask once for a chunk); else it is checked and repaired.
   * The bytes must stay as they are until `forget` was called. Its event may come into the batch only later.
   */
  line(batch: EventBatch, bytes: Buffer, from: number, to: number, endOffset: number, isValid?: boolean): void
  /**
   * A piece of a line that is too long to be one event; `number` counts its pieces from 1. Each piece is an event with
   * the attribute `line.part` and the time of the first; nothing is joined to it.
   */
  part(batch: EventBatch, bytes: Buffer, from: number, to: number, endOffset: number, number: number): void
  /** Call before bytes that were given in change. */
  forget(): void
  /** Ends what is held back: after a while without a line, and at the end of the file. */
  flush(batch: EventBatch): void
  /** Up to this offset of the file everything is in batches. */
  readonly settledOffset: number
  /** Call when the file was written to: see `referenceSeconds`. */
  setReference(seconds: number): void
  readonly counts: LineCounts
}

export interface LineCounts {
  /** Lines joined to the one above them, and events that a limit ended. */
  joined: number
  cut: number
  /** Lines that were not valid UTF-8, and lines that should have been of the format but are not: kept as text. */
  repaired: number
  misfits: number
}

/** Throws a RangeError for a time zone or pattern that does not exist. */
export function createLineInterpreter(options: LineOptions): LineInterpreter {
  return new Interpreter(options)
}

class Interpreter implements LineInterpreter {
  readonly #transcoder: LineTranscoder
  readonly #times: LineTimes
  readonly #text: TextEvents
  readonly #defaults: EventDefaults
  readonly #isJson: boolean
  readonly #isAuto: boolean
  readonly #sample = new LineSample()
  #repaired = 0
  #misfits = 0
  /** Where the next line begins. */
  #offset: number

  constructor(options: LineOptions) {
    const limits = { ...EVENT_LIMITS, ...JOIN_LIMITS, ...options.limits }
    const { timeZone, timestampPattern: pattern, referenceSeconds, defaults } = options
    this.#times = new LineTimes({ timeZone, pattern, referenceSeconds })
    this.#text = new TextEvents({ times: this.#times, multiline: options.multiline ?? 'auto', limits, defaults })
    this.#transcoder = new LineTranscoder(limits)
    this.#defaults = defaults
    this.#isJson = options.format === 'json'
    this.#isAuto = options.format === 'auto'
    this.#offset = options.startOffset ?? 0
  }

  get settledOffset(): number {
    if (this.#text.isHolding) return this.#text.heldFrom
    return this.#sample.count > 0 ? this.#sample.startOffset : this.#offset
  }

  get counts(): LineCounts {
    const { joinedCount: joined, cutCount: cut } = this.#text
    return { joined, cut, repaired: this.#repaired, misfits: this.#misfits }
  }

  setReference(seconds: number): void {
    this.#times.setReference(seconds)
  }

  line(batch: EventBatch, bytes: Buffer, from: number, to: number, endOffset: number, isValid = false): void {
    const startOffset = this.#offset
    this.#offset = endOffset
    if (isBlank(bytes, from, to)) return
    if (!isValid && !isUtf8(bytes.subarray(from, to))) {
      bytes = this.#repair(bytes, from, to)
      from = 0
      to = bytes.length
    }
    if (!this.#sample.isLearning) return this.#read(batch, bytes, from, to, startOffset)
    this.#sample.add(bytes, from, to, startOffset)
    this.#times.vote(bytes, from, to)
    if (!this.#sample.isLearning) this.#readSample(batch)
  }

  part(batch: EventBatch, bytes: Buffer, from: number, to: number, endOffset: number, number: number): void {
    this.flush(batch)
    this.#offset = endOffset
    const whole = this.#repair(bytes, from, to)
    this.#text.part(batch, whole, number)
  }

  flush(batch: EventBatch): void {
    this.#readSample(batch)
    this.#text.flush(batch)
  }

  forget(): void {
    this.#text.forget()
    this.#transcoder.forget()
  }

  /** A copy in valid UTF-8. */
  #repair(bytes: Buffer, from: number, to: number): Buffer {
    if (isUtf8(bytes.subarray(from, to))) return Buffer.from(bytes.subarray(from, to))
    this.#repaired++
    return Buffer.from(bytes.toString('utf8', from, to))
  }

  /** What was learned is settled for now, and the lines held back for it are read. */
  #readSample(batch: EventBatch): void {
    const sample = this.#sample.take()
    if (!sample) return
    this.#times.decide()
    // Lines above the first one with a time happened about then.
    if (Number.isNaN(this.#times.clock.seconds)) sample.some(({ bytes, from, to }) => this.#times.read(bytes, from, to))
    for (const { bytes, from, to, startOffset } of sample) this.#read(batch, bytes, from, to, startOffset)
  }

  #read(batch: EventBatch, bytes: Buffer, from: number, to: number, startOffset: number): void {
    if (this.#isJson || (this.#isAuto && bytes[from] === 0x7b && bytes[to - 1] === 0x7d)) {
      if (this.#text.isHolding) this.#text.flush(batch)
      if (this.#transcoder.json(bytes, from, to, batch, this.#defaults)) return
      this.#misfits++
    }
    this.#text.line(batch, bytes, from, to, startOffset)
  }
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  }
  return true
}
