import type { EventBatch } from '../../core/batch.ts'
import type { EventDefaults, RowFound } from '../transcode/row-writer.ts'
import type { Multiline } from './continuation.ts'
import { Detection } from './detection.ts'
import type { FieldFormat } from './formats.ts'
import type { LineTimes } from './line-times.ts'
import { TextEvents } from './text-events.ts'
import type { LineTools } from './tools.ts'
import type { Wrapped } from './wrappers.ts'

/** What is in the lines: `auto` finds out, and takes a line that is a JSON object for one whatever the others are. */
export type ContentFormat = 'auto' | 'text' | 'json' | FieldFormat

export interface ContentOptions {
  format: ContentFormat
  times: LineTimes
  multiline: Multiline
  tools: LineTools
  defaults: EventDefaults
}

/** Lines, without what a container runtime wrote around them → events. */
export class LineContent {
  readonly text: TextEvents
  /** Lines that are not of the format. */
  misfits = 0
  /** The line read last was not written as the file is. */
  isStranger = false
  readonly #times: LineTimes
  readonly #tools: LineTools
  readonly #defaults: EventDefaults
  readonly #isAuto: boolean
  readonly #isJson: boolean
  #detection = new Detection()
  #format: FieldFormat | undefined

  constructor({ format, times, multiline, tools, defaults }: ContentOptions) {
    this.text = new TextEvents({ times, multiline, tools, defaults })
    this.#times = times
    this.#tools = tools
    this.#defaults = defaults
    this.#isAuto = format === 'auto'
    this.#isJson = format === 'json'
    this.#format = format === 'auto' || format === 'text' || format === 'json' ? undefined : format
  }

  /** Learns from a line. */
  vote(bytes: Buffer, from: number, to: number): void {
    this.#times.vote(bytes, from, to)
    if (this.#isAuto) this.#detection.vote(this.#tools.formats, bytes, from, to, this.#times.clock)
  }

  /** Something was learned of how the lines are written. */
  get isKnown(): boolean {
    return this.#format !== undefined || this.#times.isTimed
  }

  /** Learning begins anew; what was learned holds until then. */
  relearn(): void {
    this.#detection = new Detection()
    this.#times.forgetVotes()
  }

  /** Settles on what was learned so far. */
  decide(): void {
    this.#times.decide()
    if (this.#isAuto) this.#format = this.#detection.format
  }

  /** One line, not blank, in valid UTF-8. `wrapped`: what the container runtime says about it. */
  line(batch: EventBatch, bytes: Buffer, from: number, to: number, startOffset: number, wrapped?: Wrapped): void {
    const mayBeJson = this.#isJson || (this.#isAuto && bytes[from] === 0x7b && bytes[to - 1] === 0x7d)
    if (!mayBeJson && this.#format === undefined) {
      this.text.line(batch, bytes, from, to, startOffset, wrapped)
      this.isStranger = this.text.isStranger
      return
    }
    this.isStranger = false
    const { transcoder, formats } = this.#tools
    const { clock } = this.#times
    if (mayBeJson && bytes[from] === 0x7b) {
      this.text.flush(batch)
      if (transcoder.json(bytes, from, to, batch, this.#defaults, this.#otherwise(wrapped))) {
        clock.remember(transcoder.seconds, transcoder.nanoseconds)
        return
      }
    }
    if (this.#format !== undefined && formats.read(this.#format, bytes, from, to, clock)) {
      this.text.flush(batch)
      formats.commit(batch, this.#defaults, this.#otherwise(wrapped), clock)
      return
    }
    this.misfits++
    this.text.line(batch, bytes, from, to, startOffset, wrapped)
    // Between lines with fields a trace is no stranger.
    this.isStranger = this.text.isStranger || this.#isAuto
  }

  forget(): void {
    this.text.forget()
    this.#tools.transcoder.forget()
  }

  /** What counts where a line says nothing: the runtime's time, or the one of the line before. */
  #otherwise(wrapped: Wrapped | undefined): RowFound {
    const found = this.#tools.otherwise
    const { seconds, nanoseconds } = wrapped ?? this.#times.clock
    found.seconds = seconds
    found.nanoseconds = nanoseconds
    found.attributes = wrapped?.attributes
    return found
  }
}
