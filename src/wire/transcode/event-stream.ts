/**
 * wire: codecs, pure bytes ⇄ values, shared by sources and clients. It knows no transport and no store. Here, in
 * `transcode/`, log lines become rows of an EventBatch: this file is the door (bytes of a body in, batches and rejects
 * out); `transcoder.ts` tells what happens to one line.
 */
import { isUtf8 } from 'node:buffer'
import { EventBatch } from '../../core/batch.ts'
import { MarkStripper } from './byte-order-mark.ts'
import { ElementSplitter } from './element-splitter.ts'
import { REJECT_REASONS, type RejectReason } from './limits.ts'
import { LineSplitter, type SpanReceiver, type Splitter } from './line-splitter.ts'
import type { EventDefaults } from './row-writer.ts'
import type { LineTranscoder } from './transcoder.ts'

/**
 * `lines`: NDJSON. `json`: objects, or arrays of them. `text`: a line is an event. `detect`: JSON if the first byte
 * that is not white space opens an object or array, else text.
 */
export type StreamFormat = 'lines' | 'json' | 'text' | 'detect'

export interface Reject {
  /** Line, or position in the JSON array; from 1. */
  line: number
  reason: string
}

export interface EventStreamOptions {
  transcoder: LineTranscoder
  format: StreamFormat
  defaults: EventDefaults
  /** Whether JSON that is more than one text, or lacks commas, is a reject of its own, at the end. */
  isOneText?: boolean
  /** Seconds since 1970: places text dates that have no year. */
  nowSeconds: number
  /** How many bytes the first batch will have, about: it starts with room for that. */
  capacityBytes?: number
  /** Makes an empty batch with room for so many bytes. */
  newBatch?: (capacityBytes: number) => EventBatch
  /** Sees every line that is not taken. Detail is for a person; excerpt is how the line begins. */
  onReject: (line: number, reason: RejectReason, detail: string, excerpt: string) => void
}

/** Chunks are worked on in pieces of this size, so that the batch cannot outgrow its owner's limit by much. */
const PIECE_BYTES = 256 * 1024
/** To tell the format this much is held back, or the first line that is not blank, whichever is less. */
const HEAD_BYTES = 4096
/** Of a line that is not taken. */
const EXCERPT_BYTES = 200
const CAPACITY_BYTES_MIN = 4 * 1024

/**
 * Bytes of a stream, in whatever pieces they come, → rows of `batch`. Never throws for what is in them. The owner takes
 * the batch whenever it is large enough: call `takeBatch` between pushes.
 */
export class EventStream implements SpanReceiver {
  /** Lines that became events, and lines that did not. */
  acceptedCount = 0
  rejectedCount = 0
  readonly #options: EventStreamOptions
  readonly #mark = new MarkStripper()
  readonly #newBatch: (capacityBytes: number) => EventBatch
  #format: StreamFormat
  #splitter: Splitter | undefined
  #batch: EventBatch | undefined
  /** Room the next batch begins with. */
  #capacityBytes: number
  readonly #lineOptions: { nowSeconds: number; cutBytes: number }
  /** What came before the format could be told. */
  #head = Buffer.alloc(0)
  /** Whether every line that lies within the chunk at hand is valid UTF-8. */
  #isChunkValid = true
  #chunk: Buffer | undefined

  constructor(options: EventStreamOptions) {
    this.#options = options
    this.#newBatch =
      options.newBatch ?? ((capacityBytes) => new EventBatch(capacityBytes, Math.max(16, capacityBytes >> 8)))
    this.#format = options.format
    this.#lineOptions = { nowSeconds: options.nowSeconds, cutBytes: 0 }
    this.#capacityBytes = Math.max(CAPACITY_BYTES_MIN, options.capacityBytes ?? 0)
  }

  get batchBytes(): number {
    return this.#batch?.length ?? 0
  }

  /** Takes the rows gathered so far; `undefined` when there are none. */
  takeBatch(): EventBatch | undefined {
    const taken = this.#batch
    if (!taken || taken.rows === 0) return undefined
    this.#capacityBytes = taken.bytes.length
    this.#batch = undefined
    return taken
  }

  /**
   * The next bytes, handled at once. `onPiece` is called after every 256 KiB of a large chunk, for `takeBatch`.
   * The chunk may be reused once this returns.
   */
  push(chunk: Buffer, onPiece?: () => void): void {
    const plain = this.#mark.push(chunk)
    for (let at = 0; at < plain.length; at += PIECE_BYTES) {
      this.#piece(plain.length <= PIECE_BYTES ? plain : plain.subarray(at, at + PIECE_BYTES))
      onPiece?.()
    }
  }

  /** No more bytes: what was left becomes the last line. */
  end(): void {
    const rest = this.#mark.end()
    if (rest.length > 0) this.#piece(rest)
    if (!this.#splitter && this.#head.length > 0) this.#split(this.#head, detectFormat(this.#head))
    const splitter = this.#splitter
    if (splitter && !splitter.end()) this.#reject(0, 'not_closed', REJECT_REASONS.not_closed, '')
    else if (this.#options.isOneText && splitter instanceof ElementSplitter && !splitter.isOneText) {
      this.#reject(0, 'not_separated', REJECT_REASONS.not_separated, '')
    }
  }

  span(bytes: Buffer, start: number, end: number, lineNumber: number, cutBytes: number): void {
    const { transcoder, defaults } = this.#options
    const isText = this.#format === 'text'
    if (cutBytes > 0 && !isText) {
      const { lineBytesMax } = transcoder.limits
      const detail = `${REJECT_REASONS.line_too_long} (${lineBytesMax} bytes)`
      this.#reject(lineNumber, 'line_too_long', detail, excerptOf(bytes, start, end))
      return
    }
    if (cutBytes > 0) {
      const whole = characterStart(bytes, start, end)
      cutBytes += end - whole
      end = whole
    }
    if (!((bytes === this.#chunk && this.#isChunkValid) || isUtf8(bytes.subarray(start, end)))) {
      bytes = Buffer.from(bytes.toString('utf8', start, end))
      start = 0
      end = bytes.length
    }
    if (isBlank(bytes, start, end)) return
    const batch = (this.#batch ??= this.#newBatch(this.#capacityBytes))
    if (isText) {
      this.#lineOptions.cutBytes = cutBytes
      transcoder.text(bytes, start, end, batch, defaults, this.#lineOptions)
      this.acceptedCount++
    } else if (transcoder.json(bytes, start, end, batch, defaults)) {
      this.acceptedCount++
    } else {
      const { reason, position } = transcoder
      const where = reason === 'not_json' ? ` at byte ${position + 1}` : ''
      this.#reject(lineNumber, reason, REJECT_REASONS[reason] + where, excerptOf(bytes, start, end))
    }
  }

  #piece(chunk: Buffer): void {
    if (this.#format !== 'detect') return this.#split(chunk, this.#format)
    const head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    if (head.length < HEAD_BYTES && !hasLine(head)) this.#head = Buffer.from(head)
    else this.#split(head, detectFormat(head))
  }

  #split(chunk: Buffer, format: StreamFormat): void {
    this.#format = format
    const { lineBytesMax } = this.#options.transcoder.limits
    this.#splitter ??=
      format === 'json' ? new ElementSplitter(this, lineBytesMax) : new LineSplitter(this, lineBytesMax)
    this.#chunk = chunk
    this.#isChunkValid = isUtf8(wholeCharacters(chunk, this.#splitter.isOpen))
    this.#splitter.push(chunk)
    this.#chunk = undefined
    this.#options.transcoder.forget()
  }

  #reject(line: number, reason: RejectReason, detail: string, excerpt: string): void {
    this.rejectedCount++
    this.#options.onReject(line, reason, detail, excerpt)
  }
}

function excerptOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, Math.min(end, start + EXCERPT_BYTES))
}

/** Whether a line that is not blank has come to its end. */
function hasLine(head: Buffer): boolean {
  const first = head.findIndex((byte) => !isSpace(byte))
  return first >= 0 && head.includes(0x0a, first)
}

/** One object per line reads as lines; an array, or an object laid out over several lines, as JSON. */
function detectFormat(head: Buffer): 'lines' | 'json' | 'text' {
  const text = head.toString('latin1', 0, HEAD_BYTES).trimStart()
  if (text.startsWith('[')) return /^\[\s*[{\]]/.test(text) ? 'json' : 'text'
  if (!text.startsWith('{')) return 'text'
  const newline = text.indexOf('\n')
  if (newline < 0) return 'json'
  const firstLine = text.slice(0, newline).trimEnd()
  return firstLine.endsWith('}') && !firstLine.includes('}{') ? 'lines' : 'json'
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isSpace(bytes[at])) return false
  return true
}

/**
 * The chunk without the parts of characters at its borders. At its begin only when a line goes on there: that line is
 * put together elsewhere and checked by itself.
 */
function wholeCharacters(chunk: Buffer, isContinued: boolean): Buffer {
  let start = 0
  if (isContinued) while (start < 3 && ((chunk[start] as number) & 0xc0) === 0x80) start++
  const end = characterStart(chunk, start, chunk.length)
  return start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end)
}

/** The end of the last whole character before `end`, where a cut may have gone through one. */
function characterStart(bytes: Buffer, start: number, end: number): number {
  for (let at = end - 1; at >= start && at >= end - 4; at--) {
    const byte = bytes[at] as number
    if (byte < 0x80) return end
    if (byte >= 0xc0) return at + (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > end ? at : end
  }
  return end
}
