/**
 * wire/transcode: bytes of log lines → rows of an EventBatch. It knows no transport and no store. Stages: chunks are
 * split into lines (`line-splitter.ts`) or JSON elements (`element-splitter.ts`); a line becomes a table of spans, by
 * the fast `scanner.ts` or, whatever is unusual, the careful `json-parser.ts`; `row-writer.ts` copies the spans in
 * column order. No strings and no objects are built on the fast way. Start at `event-stream.ts`, the door.
 */
import type { EventBatch } from '../../core/batch.ts'
import { FieldTable, KIND_JSON, KIND_NULL, KIND_STRING } from './field-table.ts'
import { textOfByteArray } from './journal-bytes.ts'
import { JsonParser } from './json-parser.ts'
import type { EventLimits, RejectReason } from './limits.ts'
import { KNOWN_NAMES, knownNameIndex, ROLE_MESSAGE } from './names.ts'
import { type EventDefaults, type RowAttribute, type RowFound, RowWriter, SLACK_BYTES } from './row-writer.ts'
import { JsonScanner } from './scanner.ts'
import { TextReader } from './text-line.ts'
import type { TimeZone } from './timestamp.ts'

const MESSAGE = knownNameIndex('message')

/**
 * Single lines → rows. Holds what was learned from the lines before, so share one among all requests of a source; it
 * keeps nothing else between calls.
 */
export class LineTranscoder {
  readonly limits: EventLimits
  /** Why the last line was rejected, and at which byte of it. */
  reason: RejectReason = 'not_json'
  position = 0
  /** Name of the field that is no text, where that is the reason. */
  field = ''
  /** Lines that took the careful way: not many of them, in a healthy flow. */
  carefulLines = 0
  readonly #table: FieldTable
  readonly #scanner: JsonScanner
  readonly #parser: JsonParser
  readonly #writer: RowWriter
  readonly #text = new TextReader()
  #padded = Buffer.allocUnsafeSlow(4096)

  /** By index in `KNOWN_NAMES`: 1 where the value has to be a text. */
  readonly #texts: Uint8Array | undefined

  /** `zone`: of times that do not say; UTC without. `texts`: known names under which nothing but text is taken. */
  constructor(limits: EventLimits, zone?: TimeZone, texts: readonly string[] = []) {
    this.limits = limits
    const known = new Set(texts.map(knownNameIndex))
    this.#texts =
      texts.length === 0 ? undefined : Uint8Array.from(KNOWN_NAMES, (_, index) => (known.has(index) ? 1 : 0))
    this.#writer = new RowWriter(zone)
    this.#table = new FieldTable(limits.keysMax)
    this.#scanner = new JsonScanner(limits.keyBytesMax, limits.depthMax)
    this.#parser = new JsonParser(limits)
  }

  /** Time of the event appended last by `json`: seconds since 1970, NaN when it has none, and nanoseconds. */
  get seconds(): number {
    return this.#writer.seconds
  }
  get nanoseconds(): number {
    return this.#writer.nanoseconds
  }

  /** Must be called before bytes that were given in change. */
  forget(): void {
    this.#scanner.forget()
  }

  /**
   * Appends the event of one JSON object in valid UTF-8. False: rejected, see `reason` and `position`. `found` counts
   * where the object says nothing.
   */
  json(
    bytes: Buffer,
    start: number,
    end: number,
    batch: EventBatch,
    defaults: EventDefaults,
    found?: RowFound,
  ): boolean {
    const hasEscapes = this.#scanner.hasBackslash(bytes, start, end)
    const given = bytes
    const givenStart = start
    const givenEnd = end
    if (hasEscapes || end + SLACK_BYTES > bytes.length) {
      bytes = this.#pad(bytes, start, end)
      end -= start
      start = 0
    }
    const table = this.#table
    if (this.#scanner.scan(bytes, start, end, table, hasEscapes)) {
      // Escapes were undone in place.
      if (hasByteArray(table)) return this.jsonCarefully(given, givenStart, givenEnd, batch, defaults, found)
      if (found?.isLineMessage === true && (table.winner[ROLE_MESSAGE] as number) < 0) {
        // Escapes were undone in place.
        if (hasEscapes) return this.jsonCarefully(given, givenStart, givenEnd, batch, defaults, found)
        table.addText(MESSAGE, start, end)
      }
      return this.#write(bytes, batch, defaults, found)
    }
    return this.jsonCarefully(bytes, start, end, batch, defaults, found)
  }

  /** The same by the careful way only. */
  jsonCarefully(
    bytes: Buffer,
    start: number,
    end: number,
    batch: EventBatch,
    defaults: EventDefaults,
    found?: RowFound,
  ): boolean {
    this.carefulLines++
    const parser = this.#parser
    if (!parser.parse(bytes, start, end, this.#table)) {
      this.reason = parser.reason
      this.position = parser.position
      return false
    }
    if (hasByteArray(this.#table)) readByteArray(parser.bytes, this.#table)
    const hasMessage = (this.#table.winner[ROLE_MESSAGE] as number) >= 0
    // Its buffer begins with a copy of the line.
    if (found?.isLineMessage === true && !hasMessage) this.#table.addText(MESSAGE, 0, end - start)
    return this.#write(parser.bytes, batch, defaults, found)
  }

  #write(bytes: Buffer, batch: EventBatch, defaults: EventDefaults, found: RowFound | undefined): boolean {
    if (this.#texts !== undefined && !this.#areTexts(this.#table, this.#texts)) return false
    this.#writer.write(bytes, this.#table, batch, defaults, found)
    return true
  }

  #areTexts({ count, name, kind }: FieldTable, texts: Uint8Array): boolean {
    for (let at = 0; at < count; at++) {
      const known = name[at] as number
      if (texts[known] === 0 || kind[at] === KIND_STRING || kind[at] === KIND_NULL) continue
      this.reason = 'not_text'
      this.field = KNOWN_NAMES[known]?.name ?? ''
      return false
    }
    return true
  }

  /**
   * Appends one text line in valid UTF-8 as an event. `cutBytes`: how much of the line is missing at its end.
   * `nowSeconds` since 1970 places dates without a year.
   */
  text(
    bytes: Buffer,
    start: number,
    end: number,
    batch: EventBatch,
    defaults: EventDefaults,
    options: { nowSeconds: number; cutBytes: number; attributes?: readonly RowAttribute[] },
  ): void {
    if (end + SLACK_BYTES > bytes.length) {
      bytes = this.#pad(bytes, start, end)
      end -= start
      start = 0
    }
    const found = this.#text.read(bytes, start, end, options.nowSeconds)
    const { attributes, cutBytes } = options
    const cut = { name: CUT_ATTRIBUTE, value: String(cutBytes) }
    found.attributes = cutBytes > 0 ? [...(attributes ?? []), cut] : attributes
    this.#writer.writeText(bytes, start, end, found, batch, defaults)
  }

  /** The line in a buffer of our own, with slack behind it. */
  #pad(bytes: Buffer, start: number, end: number): Buffer {
    const size = end - start + SLACK_BYTES
    if (size > this.#padded.length) this.#padded = Buffer.allocUnsafeSlow(Math.max(size, this.#padded.length * 2))
    bytes.copy(this.#padded, 0, start, end)
    return this.#padded
  }
}

/** The journal's own name of it. */
const JOURNAL_MESSAGE = knownNameIndex('MESSAGE')

function hasByteArray({ winner, kind, name }: FieldTable): boolean {
  const at = winner[ROLE_MESSAGE] as number
  return at >= 0 && kind[at] === KIND_JSON && name[at] === JOURNAL_MESSAGE
}

/** In the parser's own copy of the line. */
function readByteArray(bytes: Buffer, table: FieldTable): void {
  const at = table.winner[ROLE_MESSAGE] as number
  const end = textOfByteArray(bytes, table.valueStart[at] as number, table.valueEnd[at] as number)
  if (end >= 0) table.valueEnd[at] = end
}

/** Attribute of a text line that was too long: how many bytes were cut off its end. */
export const CUT_ATTRIBUTE = 'truncated.bytes'
