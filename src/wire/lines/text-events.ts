import type { EventBatch } from '../../core/batch.ts'
import { readLevel } from '../transcode/level.ts'
import { type EventDefaults, type RowFound, SLACK_BYTES } from '../transcode/row-writer.ts'
import { Continuation, type Multiline } from './continuation.ts'
import type { LineTimes } from './line-times.ts'
import type { LineTools } from './tools.ts'
import type { Wrapped } from './wrappers.ts'

/** What bounds an event of several lines; the line that would exceed it begins another event. */
export interface JoinLimits {
  linesMax: number
  bytesMax: number
}

export interface TextEventsOptions {
  times: LineTimes
  multiline: Multiline
  tools: LineTools
  defaults: EventDefaults
}

const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)
/** Attribute of a piece of a line that was too long: which piece it is, from 1. */
export const PART_ATTRIBUTE = 'line.part'

/**
 * Plain lines → events. The last one is held back, as a span of the caller's bytes, until the line after it shows that
 * it is complete: nothing is copied on the usual way.
 */
export class TextEvents {
  isHolding = false
  /** Offset in the file at which the event held back begins. */
  heldFrom = 0
  /** The line read last neither had a time in the form of the file nor belonged to the one above. */
  isStranger = false
  /** Lines that were joined to the one above. */
  joinedCount = 0
  /** Events that were ended by a limit. */
  cutCount = 0
  readonly #times: LineTimes
  readonly #continuation: Continuation
  readonly #tools: LineTools
  readonly #defaults: EventDefaults
  /** The event held back: lines `#from` to `#to` of these bytes. */
  #bytes: Buffer = NOTHING
  #from = 0
  #to = 0
  #lines = 0
  readonly #found: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }
  /** Of a container: lines of different streams are never one event. */
  #stream = ''
  /** Where lines are put together that do not lie side by side, and what outlives the caller's bytes. */
  #own = NOTHING

  constructor({ times, multiline, tools, defaults }: TextEventsOptions) {
    this.#times = times
    this.#continuation = new Continuation(multiline)
    this.#tools = tools
    this.#defaults = defaults
  }

  /**
   * A line that is not blank, in valid UTF-8. `startOffset`: where it begins in the file. The time of a container's line
   * is what its runtime says.
   */
  line(batch: EventBatch, bytes: Buffer, from: number, to: number, startOffset: number, wrapped?: Wrapped): void {
    const times = this.#times
    const hasTime = times.read(bytes, from, to)
    const stream = wrapped ? wrapped.stream : ''
    const joins =
      this.isHolding && stream === this.#stream && this.#continuation.joins(bytes, from, to, hasTime, times.isTimed)
    this.isStranger = !joins && (!hasTime || times.isOther)
    if (joins && this.#join(bytes, from, to)) return this.#raise()
    if (this.isHolding) this.flush(batch)
    if (!joins) this.#continuation.begin(bytes, from, to)
    this.#find(bytes, from, to, hasTime, wrapped)
    this.#raise()
    this.#stream = stream
    this.#bytes = bytes
    this.#from = from
    this.#to = to
    this.#lines = 1
    this.heldFrom = startOffset
    this.isHolding = true
  }

  /** A piece of a line, in valid UTF-8, which is an event at once; nothing may be held back. */
  part(batch: EventBatch, bytes: Buffer, from: number, to: number, number: number): void {
    const hasTime = number === 1 && this.#times.read(bytes, from, to)
    if (number === 1) this.#find(bytes, from, to, hasTime)
    this.#bytes = bytes
    this.#from = from
    this.#to = to
    this.#found.attributes = [{ name: PART_ATTRIBUTE, value: String(number) }]
    this.#write(batch)
    this.#found.attributes = undefined
    this.rest()
  }

  /** Ends the event that is held back. */
  flush(batch: EventBatch): void {
    if (!this.isHolding) return
    this.isHolding = false
    this.#write(batch)
  }

  #write(batch: EventBatch): void {
    if (this.#to + SLACK_BYTES > this.#bytes.length) this.#takeOwn(0)
    this.#tools.writer.writeText(this.#bytes, this.#from, this.#to, this.#found, batch, this.#defaults)
  }

  /** Time and level of a line; without a time of its own it has the one of the line before. */
  #find(bytes: Buffer, from: number, to: number, hasTime: boolean, wrapped?: Wrapped): void {
    const { clock, severity, after } = this.#times
    const found = this.#found
    found.seconds = wrapped ? wrapped.seconds : clock.seconds
    found.nanoseconds = wrapped ? wrapped.nanoseconds : clock.nanoseconds
    found.attributes = wrapped?.attributes
    found.severity = (hasTime && severity) || readLevel(bytes, hasTime ? after : from, to)
  }

  /** A trace is an error where nothing says what it is; what nobody has caught always is. */
  #raise(): void {
    const { severity, isCrash } = this.#continuation
    const found = this.#found
    if (severity > 0 && (found.severity === 0 || (isCrash && found.severity < severity))) found.severity = severity
  }

  /** Lets go of the caller's bytes, which are about to change. */
  forget(): void {
    if (!this.isHolding) this.#bytes = NOTHING
    else if (this.#bytes !== this.#own) this.#takeOwn(0)
  }

  /** Nothing is held back, and it may be long before there is another line: keeps no memory until then. */
  rest(): void {
    this.#bytes = NOTHING
    this.#own = NOTHING
  }

  #join(bytes: Buffer, from: number, to: number): boolean {
    const { linesMax, bytesMax } = this.#tools.limits
    if (this.#lines >= linesMax || this.#to - this.#from + to - from + 1 > bytesMax) {
      this.cutCount++
      return false
    }
    this.joinedCount++
    this.#lines++
    if (bytes === this.#bytes && liesBehind(bytes, this.#to, from)) {
      this.#to = to
      return true
    }
    this.#takeOwn(to - from + 1)
    this.#own[this.#to] = NEWLINE
    bytes.copy(this.#own, this.#to + 1, from, to)
    this.#to += 1 + to - from
    return true
  }

  /** Moves the event held back into a buffer of our own that has room for so many bytes more. */
  #takeOwn(bytesMore: number): void {
    const size = this.#to - this.#from
    const needed = size + bytesMore + SLACK_BYTES
    const target =
      needed > this.#own.length ? Buffer.allocUnsafeSlow(Math.max(needed, this.#own.length * 2)) : this.#own
    if (target !== this.#bytes) {
      this.#bytes.copy(target, 0, this.#from, this.#to)
      this.#from = 0
      this.#to = size
    }
    this.#own = target
    this.#bytes = target
  }
}

/** Whether nothing but the ends of lines, perhaps of blank ones, stands between two offsets. */
function liesBehind(bytes: Buffer, to: number, from: number): boolean {
  if (from <= to) return false
  for (let at = to; at < from; at++) if (bytes[at] !== NEWLINE) return false
  return true
}
