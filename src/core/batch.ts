/**
 * EventBatch: many events as the very bytes that the store loads (ClickHouse RowBinary, see `ROW_COLUMNS`) plus where
 * each row starts. Sources append to it, the spool writes `bytes` as they are, `live` decodes a row only when somebody
 * looks at it (`EventView`).
 *
 * One row:
 *
 *     offset 0   timestamp   Int64 LE, ns since 1970; NO_TIMESTAMP until the pipeline has put the received time there
 *     offset 8   received    Int64 LE, ns since 1970; stamped by the pipeline
 *     offset 16  severity    UInt8
 *     offset 17  service, host, source, message, trace_id, span_id    each: length as LEB128 varint, then UTF-8 bytes
 *                attributes  number of entries as varint, then key, value, key, value … each with its length
 *
 * The node's name is not in the row: it is the same for every row of a spool, and the loader adds it.
 */
import { TEXT_FIELDS, type LogEvent, type TextField } from './event.ts'

export const ROW_TIMESTAMP = 0
export const ROW_RECEIVED = 8
export const ROW_SEVERITY = 16
export const ROW_SERVICE = 17

/** Stands in the timestamp of an event that came without one. */
export const NO_TIMESTAMP = -(2n ** 63n)
/** Upper 32 bits of `NO_TIMESTAMP` (the lower are 0), for code that writes halves instead of bigints. */
export const NO_TIMESTAMP_HIGH = 0x80000000

/** The row layout as the engine reads it: `file(path, 'RowBinary', ROW_COLUMNS)`. */
export const ROW_COLUMNS =
  "timestamp DateTime64(9,'UTC'), received DateTime64(9,'UTC'), severity UInt8, service String, host String, " +
  'source String, message String, trace_id String, span_id String, attributes Map(String, String)'

const ASCII = /^[\0-\x7f]*$/
const EMPTY_ATTRIBUTES: ReadonlyMap<string, string> = new Map()

/** What `EventBatch.append` takes: everything optional but the message. */
export type EventInput = Partial<Omit<LogEvent, 'receivedNs'>> & { message: string }

/** Growable. `bytes` is valid up to `length`; it is replaced when it grows, so never keep it across an append. */
export class EventBatch {
  bytes: Buffer
  length = 0
  rows = 0
  /** Where each row starts; valid up to `rows`. */
  offsets: Uint32Array

  constructor(capacityBytes = 64 * 1024, capacityRows = 256) {
    this.bytes = Buffer.allocUnsafeSlow(capacityBytes)
    this.offsets = new Uint32Array(capacityRows)
  }

  /** Makes room for `bytesMore` after `length` and for one more row. Call before writing into `bytes` directly. */
  reserve(bytesMore: number): void {
    const needed = this.length + bytesMore
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    if (this.rows === this.offsets.length) {
      const grown = new Uint32Array(this.offsets.length * 2)
      grown.set(this.offsets)
      this.offsets = grown
    }
  }

  /** Declares that one whole row now stands between `length` and `end`. */
  commitRow(end: number): void {
    this.offsets[this.rows++] = this.length
    this.length = end
  }

  /** Appends one event: the convenient way, for sources where speed does not matter and for tests. */
  append(event: EventInput): void {
    const attributes = event.attributes ?? EMPTY_ATTRIBUTES
    let size = ROW_SERVICE + 5
    for (const field of TEXT_FIELDS) size += 5 + (event[field]?.length ?? 0) * 3
    for (const [key, value] of attributes) size += 10 + (key.length + value.length) * 3
    this.reserve(size)
    const bytes = this.bytes
    let at = this.length
    bytes.writeBigInt64LE(event.timestampNs ?? NO_TIMESTAMP, at + ROW_TIMESTAMP)
    bytes.writeBigInt64LE(0n, at + ROW_RECEIVED)
    bytes[at + ROW_SEVERITY] = event.severity ?? 0
    at += ROW_SERVICE
    for (const field of TEXT_FIELDS) at = writeText(bytes, at, event[field] ?? '')
    at = writeVarint(bytes, at, attributes.size)
    for (const [key, value] of attributes) at = writeText(bytes, writeText(bytes, at, key), value)
    this.commitRow(at)
  }

  /** Another batch with the same rows, for who has to give this one away and may need them again. */
  copy(): EventBatch {
    const copy = new EventBatch(this.length, Math.max(1, this.rows))
    copy.bytes.set(this.bytes.subarray(0, this.length))
    copy.offsets.set(this.offsets.subarray(0, this.rows))
    copy.length = this.length
    copy.rows = this.rows
    return copy
  }

  /** The end of a row: where the next one starts. */
  rowEnd(row: number): number {
    return row + 1 < this.rows ? (this.offsets[row + 1] ?? this.length) : this.length
  }
}

/** Writes a LEB128 varint (below 2^32) and returns the offset after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** The LEB128 varint at an offset of bytes that are known to be whole. */
export function varintAt(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
}

/** The offset behind that varint. */
export function varintEnd(bytes: Uint8Array, at: number): number {
  while ((bytes[at] ?? 0) > 0x7f) at++
  return at + 1
}

/** Writes a string with its length before it and returns the offset after it. Lone surrogates become U+FFFD. */
export function writeText(bytes: Buffer, at: number, text: string): number {
  const size = Buffer.byteLength(text)
  const start = writeVarint(bytes, at, size)
  return start + bytes.write(text, start)
}

const TEXT_FIELD_INDEX: Readonly<Record<TextField, number>> = {
  service: 0,
  host: 1,
  source: 2,
  message: 3,
  trace_id: 4,
  span_id: 5,
}

/**
 * A movable window onto one row. Reads nothing until asked, remembers what it has decoded until it is moved.
 * One view serves a whole batch: `view.at(batch.bytes, batch.offsets[row])`.
 */
export class EventView {
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  /** Start and end of each text field found so far. */
  readonly #spans = new Int32Array(TEXT_FIELDS.length * 2)
  #spansFound = 0
  #next = 0
  #attributes: Map<string, string> | undefined
  #end = 0

  /** Moves to the row that starts at `offset` of `bytes`, and ends at `end` if that is known. */
  at(bytes: Buffer, offset: number, end = 0): this {
    this.#bytes = bytes
    this.#start = offset
    this.#next = offset + ROW_SERVICE
    this.#spansFound = 0
    this.#attributes = undefined
    this.#end = end
    return this
  }

  get timestampNs(): bigint {
    return this.#bytes.readBigInt64LE(this.#start + ROW_TIMESTAMP)
  }

  get receivedNs(): bigint {
    return this.#bytes.readBigInt64LE(this.#start + ROW_RECEIVED)
  }

  get severity(): number {
    return this.#bytes[this.#start + ROW_SEVERITY] ?? 0
  }

  text(field: TextField): string {
    const index = TEXT_FIELD_INDEX[field]
    this.#findSpans(index)
    return this.#bytes.toString('utf8', this.#spans[index * 2], this.#spans[index * 2 + 1])
  }

  /** The raw UTF-8 bytes of a text field: a window, not a copy. */
  textBytes(field: TextField): Buffer {
    const index = TEXT_FIELD_INDEX[field]
    this.#findSpans(index)
    return this.#bytes.subarray(this.#spans[index * 2], this.#spans[index * 2 + 1])
  }

  /** One attribute, without decoding the others. */
  attribute(name: string): string | undefined {
    if (this.#attributes || !ASCII.test(name)) return this.attributes.get(name)
    let left = this.#openAttributes()
    let start = -1
    let end = -1
    for (; left > 0; left--) {
      const size = this.#varint()
      const isIt = size === name.length && this.#standsAt(name, this.#next)
      this.#next += size
      const valueSize = this.#varint()
      if (isIt) [start, end] = [this.#next, this.#next + valueSize]
      this.#next += valueSize
    }
    if (this.#next > this.#bytes.length) throw new RangeError('row is cut off or damaged')
    return start < 0 ? undefined : this.#bytes.toString('utf8', start, end)
  }

  /** All attributes. A key that stands twice keeps its last value. */
  get attributes(): ReadonlyMap<string, string> {
    if (this.#attributes) return this.#attributes
    const attributes = new Map<string, string>()
    for (let left = this.#openAttributes(); left > 0; left--) {
      const key = this.#string()
      attributes.set(key, this.#string())
    }
    this.#end = this.#next
    this.#attributes = attributes
    return attributes
  }

  /** Where this row ends in the bytes it was found in. */
  get end(): number {
    if (this.#end === 0) this.#findEnd()
    return this.#end
  }

  /** Length of the row. */
  get bytes(): number {
    return this.end - this.#start
  }

  /** The row as a buffer of its own, which stays when what it was found in changes. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#start, this.end))
  }

  toEvent(): LogEvent {
    return {
      timestampNs: this.timestampNs,
      receivedNs: this.receivedNs,
      severity: this.severity,
      service: this.text('service'),
      host: this.text('host'),
      source: this.text('source'),
      message: this.text('message'),
      trace_id: this.text('trace_id'),
      span_id: this.text('span_id'),
      attributes: this.attributes,
    }
  }

  #findSpans(upTo: number): void {
    while (this.#spansFound <= upTo) {
      const size = this.#varint()
      const index = this.#spansFound++
      this.#spans[index * 2] = this.#next
      this.#next += size
      this.#spans[index * 2 + 1] = this.#next
    }
  }

  /** Goes to the first attribute and returns how many there are. */
  #openAttributes(): number {
    this.#findSpans(TEXT_FIELDS.length - 1)
    this.#next = this.#spans[TEXT_FIELDS.length * 2 - 1] ?? 0
    return this.#varint()
  }

  /** Whether an ASCII text stands there. */
  #standsAt(text: string, at: number): boolean {
    for (let index = 0; index < text.length; index++) {
      if (this.#bytes[at + index] !== text.charCodeAt(index)) return false
    }
    return true
  }

  /** Passes over the attributes without decoding them. */
  #findEnd(): void {
    for (let left = this.#openAttributes() * 2; left > 0; left--) {
      const size = this.#varint()
      this.#next += size
    }
    if (this.#next > this.#bytes.length) throw new RangeError('row is cut off or damaged')
    this.#end = this.#next
  }

  #varint(): number {
    let value = 0
    let shift = 0
    for (;;) {
      const byte = this.#bytes[this.#next++]
      if (byte === undefined || shift > 28) throw new RangeError('row is cut off or damaged')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
      shift += 7
    }
  }

  #string(): string {
    const size = this.#varint()
    const start = this.#next
    this.#next += size
    if (this.#next > this.#bytes.length) throw new RangeError('row is cut off or damaged')
    return this.#bytes.toString('utf8', start, this.#next)
  }
}
