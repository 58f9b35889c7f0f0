/**
 * wire/lines: lines of log files → rows of an EventBatch. It knows no files and no sockets. This file is the door.
 * The first lines of a file are held back to learn how it is written (`line-times.ts`: where its times stand, and in
 * which form); after that every line is read at byte level, without a string or an object of its own
 * (`text-events.ts`), and what belongs together becomes one event (`continuation.ts`).
 */
import { isUtf8 } from 'node:buffer'
import type { EventBatch } from '../../core/batch.ts'
import type { EventDefaults } from '../transcode/row-writer.ts'
import { type ContentFormat, LineContent } from './content.ts'
import type { Multiline } from './continuation.ts'
import { findWrapper } from './detection.ts'
import { LineTimes } from './line-times.ts'
import { Partials } from './partials.ts'
import { LineSample, type SampleLine } from './sample.ts'
import type { LineTools } from './tools.ts'
import type { Wrapped, Wrapper } from './wrappers.ts'

/** `auto` looks at the first lines. `docker` and `cri`: lines of containers, whatever is in them. */
export type LineFormat = ContentFormat | 'docker' | 'cri'

export const LINE_FORMATS: readonly LineFormat[] = ['auto', 'text', 'json', 'logfmt', 'clf', 'syslog', 'docker', 'cri']

export interface LineOptions {
  format: LineFormat
  /** Shared by all files with the same time zone and limits. */
  tools: LineTools
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
}

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

/** Throws a RangeError for a pattern that does not exist. */
export function createLineInterpreter(options: LineOptions): LineInterpreter {
  return new Interpreter(options)
}

/** After so many strange lines in a row the file is looked at again; then after twice as many, as long as nothing helps. */
const RELEARN_LINES = 4
const RELEARN_LINES_MAX = 8192
/** A wrapper that none of so many lines was written by is not the one of the file any more. */
const WRAPPED_LINES_MIN = 16

class Interpreter implements LineInterpreter {
  readonly #times: LineTimes
  readonly #content: LineContent
  readonly #isAuto: boolean
  readonly #tools: LineTools
  #partials: Partials | undefined
  #wrapper: Wrapper | undefined
  #take: (line: Wrapped, startOffset: number) => void = takeNothing
  #takerBatch: EventBatch | undefined
  #sample = new LineSample()
  /** Lines in a row that are not written as the file is, and how many of them are put up with. */
  #strangers = 0
  #strangersMax = RELEARN_LINES
  #repaired = 0
  #misfits = 0
  /** Where the next line begins. */
  #offset: number

  constructor(options: LineOptions) {
    const { tools, timestampPattern: pattern, referenceSeconds, defaults, format } = options
    const { docker, cri } = tools
    const times = new LineTimes({ tools, pattern, referenceSeconds })
    const inner = format === 'docker' || format === 'cri' ? 'auto' : format
    const multiline = options.multiline ?? 'auto'
    this.#times = times
    this.#content = new LineContent({ format: inner, times, multiline, tools, defaults })
    this.#isAuto = format === 'auto'
    this.#tools = tools
    this.#wrapper = format === 'docker' ? docker : format === 'cri' ? cri : undefined
    this.#offset = options.startOffset ?? 0
  }

  get settledOffset(): number {
    const { text } = this.#content
    if (text.isHolding) return text.heldFrom
    return this.#partials?.heldFrom ?? (this.#sample.count > 0 ? this.#sample.startOffset : this.#offset)
  }

  get counts(): LineCounts {
    const { text, misfits } = this.#content
    return { joined: text.joinedCount, cut: text.cutCount, repaired: this.#repaired, misfits: misfits + this.#misfits }
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
    if (!this.#sample.isLearning) this.#readSample(batch)
  }

  part(batch: EventBatch, bytes: Buffer, from: number, to: number, endOffset: number, number: number): void {
    this.flush(batch)
    this.#offset = endOffset
    if (!isUtf8(bytes.subarray(from, to))) {
      bytes = this.#repair(bytes, from, to)
      from = 0
      to = bytes.length
    }
    this.#content.text.part(batch, bytes, from, to, number)
  }

  flush(batch: EventBatch): void {
    this.#readSample(batch)
    this.#partials?.endAll(this.#taker(batch))
    this.#content.text.flush(batch)
    this.#content.text.rest()
  }

  forget(): void {
    this.#content.forget()
  }

  /** A copy in valid UTF-8 of what is not. */
  #repair(bytes: Buffer, from: number, to: number): Buffer {
    this.#repaired++
    return Buffer.from(bytes.toString('utf8', from, to))
  }

  /** What was learned is settled for now, and the lines held back for it are read. */
  #readSample(batch: EventBatch): void {
    const sample = this.#sample.take()
    if (!sample) return
    if (this.#isAuto) this.#wrapper = findWrapper(sample, this.#tools.wrappers) ?? this.#wrapperLeft(sample)
    const { clock } = this.#times
    for (const line of sample) this.#learn(line)
    this.#content.decide()
    // Lines above the first one with a time happened about then.
    if (Number.isNaN(clock.seconds)) sample.some(({ bytes, from, to }) => this.#times.read(bytes, from, to))
    this.#strangers = 0
    for (const { bytes, from, to, startOffset } of sample) this.#read(batch, bytes, from, to, startOffset)
  }

  /** The wrapper of the lines so far, unless there is none left. */
  #wrapperLeft(sample: readonly SampleLine[]): Wrapper | undefined {
    const wrapper = this.#wrapper
    const isLeft =
      sample.length < WRAPPED_LINES_MIN || sample.some(({ bytes, from, to }) => wrapper?.read(bytes, from, to))
    return isLeft ? wrapper : undefined
  }

  /** Takes notice of whether the line read last was written as the file is. */
  #notice(): void {
    if (!this.#content.isStranger) {
      this.#strangers = 0
      this.#strangersMax = RELEARN_LINES
    } else if (++this.#strangers >= this.#strangersMax && !this.#sample.isLearning) {
      this.#strangers = 0
      this.#strangersMax = Math.min(RELEARN_LINES_MAX, this.#strangersMax * 2)
      this.#sample = new LineSample()
      this.#content.relearn()
    }
  }

  #learn({ bytes, from, to }: SampleLine): void {
    const wrapper = this.#wrapper
    if (!wrapper) this.#content.vote(bytes, from, to)
    else if (wrapper.read(bytes, from, to)) {
      const { wrapped } = wrapper
      if (!isBlank(wrapped.bytes, wrapped.from, wrapped.to)) {
        this.#content.vote(wrapped.bytes, wrapped.from, wrapped.to)
      }
    }
  }

  #read(batch: EventBatch, bytes: Buffer, from: number, to: number, startOffset: number): void {
    const wrapper = this.#wrapper
    if (!wrapper) {
      this.#content.line(batch, bytes, from, to, startOffset)
      this.#notice()
    } else if (wrapper.read(bytes, from, to)) {
      this.#partials ??= new Partials(this.#tools.limits.lineBytesMax)
      this.#partials.add(wrapper.wrapped, startOffset, this.#taker(batch))
    } else {
      // What is being put together begins before this line.
      this.#partials?.endAll(this.#taker(batch))
      this.#misfits++
      this.#content.line(batch, bytes, from, to, startOffset)
      this.#content.isStranger = true
      this.#notice()
    }
  }

  /** Takes whole lines of containers. */
  #taker(batch: EventBatch): (line: Wrapped, startOffset: number) => void {
    if (batch !== this.#takerBatch) {
      this.#takerBatch = batch
      this.#take = (line, startOffset) => {
        if (isBlank(line.bytes, line.from, line.to)) return
        this.#content.line(batch, line.bytes, line.from, line.to, startOffset, line)
        // The time is there, whatever is in the line.
        if (!this.#content.isKnown) this.#content.isStranger = false
        this.#notice()
        // The wrapper will use its buffer again.
        this.#content.forget()
      }
    }
    return this.#take
  }
}

function takeNothing(): void {
  // Before the first line of a container.
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  }
  return true
}
