/**
 * Rows that need nothing but an id (and perhaps a host) are copied as bytes: decoding and encoding them would cost more
 * than all the rest of a submission.
 */
import {
  type EventBatch,
  NO_TIMESTAMP_HIGH,
  ROW_SERVICE,
  ROW_SEVERITY,
  ROW_TIMESTAMP,
  varintAt,
  varintEnd,
  writeVarint,
} from '../../core/batch.ts'
import { type EventIds, ID_CHARS, writeIdText } from './event-ids.ts'
import { FACILITY_CHARS_MAX, ID_ATTRIBUTE } from './rows.ts'

const SERVICE = 0
const HOST = 1
const SOURCE = 2
const MESSAGE = 3
const TEXTS = 6
/** Attributes that mean something here: such a row is read as a whole. */
const MEANT: readonly Buffer[] = ['event', 'facility', ID_ATTRIBUTE].map((name) => Buffer.from(name))
const COUNT_BYTES = 5
/** What stands before the text of an id in a row: the attribute's name, and how long the text is. */
const BEFORE_ID = Buffer.from(
  `${String.fromCharCode(ID_ATTRIBUTE.length)}${ID_ATTRIBUTE}${String.fromCharCode(ID_CHARS)}`,
)
/** Shorter copies are made here: the runtime's have a cost of their own to begin with. */
const LOOP_COPY_BYTES_MAX = 48

/** Where the parts of one row lie. Moved from row to row. */
export class RowSpans {
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  /** Start of each text's length, then of the attributes. */
  readonly #parts = new Int32Array(TEXTS + 1)
  /** Start of each text itself. */
  readonly #texts = new Int32Array(TEXTS)
  #entries = 0
  #attributes = 0
  #at = 0

  at(bytes: Buffer, start: number, end: number): this {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#at = start + ROW_SERVICE
    for (let part = 0; part < TEXTS; part++) {
      this.#parts[part] = this.#at
      const size = this.#varint()
      this.#texts[part] = this.#at
      this.#at += size
    }
    this.#parts[TEXTS] = this.#at
    this.#entries = this.#varint()
    this.#attributes = this.#at
    return this
  }

  /**
   * Whether the row is what it should be as it stands: it has a time, a level, a facility and an event, the source is
   * ours, and no attribute is named like a field of the event log.
   */
  isPlain(source: Buffer): boolean {
    const bytes = this.#bytes
    // Beyond 2262, before 1970, or missing: the careful way knows.
    if ((bytes.readUInt32LE(this.#start + ROW_TIMESTAMP + 4) & NO_TIMESTAMP_HIGH) !== 0) return false
    if (bytes[this.#start + ROW_SEVERITY] === 0) return false
    if (this.#size(SERVICE) === 0 || this.#size(SERVICE) > FACILITY_CHARS_MAX || this.#size(MESSAGE) === 0) return false
    const from = this.#texts[SOURCE] ?? 0
    if (
      this.#size(SOURCE) !== source.length ||
      bytes.compare(source, 0, source.length, from, from + source.length) !== 0
    ) {
      return false
    }
    this.#at = this.#attributes
    for (let entry = 0; entry < this.#entries; entry++) {
      const size = this.#varint()
      if (this.#isMeant(this.#at, size)) return false
      this.#at += size
      const value = this.#varint()
      this.#at += value
    }
    return true
  }

  /** Whether the timestamp is after this time, in halves of 32 bits; of plain rows only. */
  isAfter(high: number, low: number): boolean {
    const own = this.#bytes.readUInt32LE(this.#start + ROW_TIMESTAMP + 4)
    return own > high || (own === high && this.#bytes.readUInt32LE(this.#start + ROW_TIMESTAMP) > low)
  }

  /** Writes the row behind the last of `target`, with the host where it has none, and id number `index`. */
  copyTo(target: EventBatch, host: Buffer, ids: EventIds, index: number): void {
    const bytes = this.#bytes
    target.reserve(this.#end - this.#start + host.length + COUNT_BYTES * 2 + BEFORE_ID.length + ID_CHARS)
    const to = target.bytes
    const texts = this.#parts[TEXTS] ?? 0
    let out = target.length
    if (this.#size(HOST) > 0) out = copy(bytes, this.#start, texts, to, out)
    else {
      out = copy(bytes, this.#start, this.#parts[HOST] ?? 0, to, out)
      out = writeVarint(to, out, host.length)
      out = copy(host, 0, host.length, to, out)
      out = copy(bytes, this.#parts[SOURCE] ?? 0, texts, to, out)
    }
    out = writeVarint(to, out, this.#entries + 1)
    out = copy(bytes, this.#attributes, this.#end, to, out)
    out = copy(BEFORE_ID, 0, BEFORE_ID.length, to, out)
    target.commitRow(writeIdText(ids, index, to, out))
  }

  #size(part: number): number {
    return (this.#parts[part + 1] ?? 0) - (this.#texts[part] ?? 0)
  }

  #isMeant(at: number, size: number): boolean {
    for (const name of MEANT) {
      if (size === name.length && this.#bytes.compare(name, 0, size, at, at + size) === 0) return true
    }
    return false
  }

  #varint(): number {
    const at = this.#at
    this.#at = varintEnd(this.#bytes, at)
    return varintAt(this.#bytes, at)
  }
}

/** Copies a span. Returns the offset after the copy. */
function copy(from: Buffer, start: number, end: number, to: Buffer, out: number): number {
  if (end - start > LOOP_COPY_BYTES_MAX) return out + from.copy(to, out, start, end)
  for (let at = start; at < end; at++) to[out++] = from[at] as number
  return out
}
