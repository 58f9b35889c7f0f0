import { isUtf8 } from 'node:buffer'
import type { EventBatch } from '../../core/batch.ts'
import { hasControls, plainLine } from '../../wire/terminal-text.ts'
import { LineSplitter, type SpanReceiver } from '../../wire/transcode/line-splitter.ts'
import type { EventDefaults } from '../../wire/transcode/row-writer.ts'
import type { LineTranscoder } from '../../wire/transcode/transcoder.ts'

/** Attributes of the events that lines become: which line of which stream it was. */
export const LINE_ATTRIBUTE = 'stream.line'
export const ID_ATTRIBUTE = 'stream.id'

export interface LineRowsOptions {
  transcoder: LineTranscoder
  defaults: EventDefaults
  /** Id of the stream. */
  id: string
  /** Lines before the first byte. */
  linesBefore: number
  /** Lines up to this one are events already. */
  linesKnown: number
  newBatch: () => EventBatch
  /** A line has a byte that no text has, and becomes no event. */
  onBinary: (line: number) => void
  /** Now, seconds since 1970. */
  clock: () => number
}

/** Bytes of a stream → rows, one a line that shows something, as it stands on a terminal in the end. */
export class LineRows implements SpanReceiver {
  readonly #options: LineRowsOptions
  readonly #splitter: LineSplitter
  readonly #line = { name: LINE_ATTRIBUTE, value: '' }
  readonly #lineOptions
  #batch: EventBatch | undefined
  #mayHaveControls = false
  #bytes = 0
  /** Bytes up to the end of the last whole line. */
  #wholeBytes = 0

  constructor(options: LineRowsOptions) {
    this.#options = options
    this.#splitter = new LineSplitter(this, options.transcoder.limits.lineBytesMax)
    const attributes = [this.#line, { name: ID_ATTRIBUTE, value: options.id }]
    this.#lineOptions = { nowSeconds: 0, cutBytes: 0, attributes }
  }

  /** Of the rows that were not taken yet. */
  get batchBytes(): number {
    return this.#batch?.length ?? 0
  }

  /** How far all lines are rows: bytes since the beginning, and the number of the last line. */
  get place(): { bytes: number; lines: number } {
    return { bytes: this.#wholeBytes, lines: this.#options.linesBefore + this.#splitter.lines }
  }

  push(bytes: Buffer): void {
    // A line that began before this piece may have some as well.
    this.#mayHaveControls = this.#splitter.isOpen || hasControls(bytes)
    this.#lineOptions.nowSeconds = this.#options.clock()
    this.#splitter.push(bytes)
    const newline = bytes.lastIndexOf(0x0a)
    if (newline >= 0) this.#wholeBytes = this.#bytes + newline + 1
    this.#bytes += bytes.length
    this.#options.transcoder.forget()
  }

  /** What is left is the last line. */
  end(): void {
    this.#mayHaveControls = true
    this.#splitter.end()
    this.#wholeBytes = this.#bytes
    this.#options.transcoder.forget()
  }

  takeBatch(): EventBatch | undefined {
    const batch = this.#batch
    this.#batch = undefined
    return batch
  }

  span(bytes: Buffer, start: number, end: number, lineNumber: number, cutBytes: number): void {
    const { transcoder, defaults, linesBefore, linesKnown, newBatch, onBinary } = this.#options
    const line = linesBefore + lineNumber
    if (line <= linesKnown) return
    let text = bytes.subarray(start, end)
    if (text.includes(0)) return onBinary(line)
    if (this.#mayHaveControls) text = plainLine(text)
    if (!isUtf8(text)) text = Buffer.from(text.toString())
    if (isBlank(text)) return
    this.#line.value = String(line)
    this.#lineOptions.cutBytes = cutBytes
    this.#batch ??= newBatch()
    transcoder.text(text, 0, text.length, this.#batch, defaults, this.#lineOptions)
  }
}

function isBlank(text: Buffer): boolean {
  for (const byte of text) if (byte !== 0x20 && byte !== 0x09) return false
  return true
}
