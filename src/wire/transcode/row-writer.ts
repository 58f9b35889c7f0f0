import { type EventBatch, ROW_SERVICE, ROW_SEVERITY, ROW_TIMESTAMP, writeText, writeVarint } from '../../core/batch.ts'
import { TEXT_FIELDS } from '../../core/event.ts'
import { type FieldTable, KIND_NULL } from './field-table.ts'
import { NAMES_TEXT_TIME, ROLE_OF_NAME, ROLE_SEVERITY, ROLE_TEXT, ROLE_TIMESTAMP, ROLES } from './names.ts'
import { SeverityReader } from './severity.ts'
import { type TimeZone, TimestampReader, writeTimestamp } from './timestamp.ts'

/** Upper half of NO_TIMESTAMP as a signed number. */
const NO_TIMESTAMP_HIGH_SIGNED = -0x80000000

/** Bytes that must be readable after every span of a source buffer, as copies move four bytes at a time. */
export const SLACK_BYTES = 8

/** Copies longer than this are handed to the runtime, which has a cost of its own to begin with. */
const LOOP_COPY_BYTES_MAX = 192

const DASH = 0x2d

/** Fills the fields that an event itself does not have. */
export interface EventDefaults {
  service: Buffer
  host: Buffer
  source: Buffer
  /** 0 when not given. */
  severity: number
}

/** `EventDefaults` from texts. */
export function eventDefaults(
  texts: { service?: string; host?: string; source?: string },
  severity = 0,
): EventDefaults {
  return {
    service: Buffer.from(texts.service ?? ''),
    host: Buffer.from(texts.host ?? ''),
    source: Buffer.from(texts.source ?? ''),
    severity,
  }
}

/** What is known of an event beside its fields, and counts where they do not say. */
export interface RowFound {
  /** Seconds since 1970, NaN where it has no time. */
  seconds: number
  nanoseconds: number
  /** 0 where it has none. */
  severity: number
  /** The whole line is the message of an object that has none. */
  isLineMessage?: boolean
  /** Attributes beside those of the fields. */
  attributes?: readonly RowAttribute[] | undefined
}

export interface RowAttribute {
  name: string
  value: string
}

const EMPTY = Buffer.alloc(0)
const MESSAGE_FIELD = TEXT_FIELDS.indexOf('message')
const NOTHING_FOUND: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }

/** Field table → one row of a batch. */
export class RowWriter {
  /** Time of the row written last, NaN when it has none. */
  seconds = Number.NaN
  nanoseconds = 0
  readonly #timestamps: TimestampReader
  readonly #severities = new SeverityReader()
  #defaults: EventDefaults | undefined
  /** The default of each text field as it stands in a row, one behind the other, and where each ends. */
  #defaultCells: DataView = new DataView(new ArrayBuffer(0))
  readonly #defaultEnds = new Int32Array(TEXT_FIELDS.length + 1)
  #defaultBytes = 0
  #source: Buffer = EMPTY
  #sourceCells: DataView = new DataView(new ArrayBuffer(0))
  #target: Buffer = EMPTY
  #targetCells: DataView = new DataView(new ArrayBuffer(0))

  constructor(zone?: TimeZone) {
    this.#timestamps = new TimestampReader(zone)
  }

  /** Appends the event whose fields the table holds as spans of `bytes`; `SLACK_BYTES` must follow each span. */
  write(
    bytes: Buffer,
    table: FieldTable,
    batch: EventBatch,
    defaults: EventDefaults,
    found: RowFound = NOTHING_FOUND,
  ): void {
    if (defaults !== this.#defaults) this.#setDefaults(defaults)
    const more = attributesSize(found.attributes)
    const size = ROW_SERVICE + 64 + this.#defaultBytes + SLACK_BYTES + table.spanBytes + table.count * 10 + more
    batch.reserve(size)
    this.#look(bytes, batch.bytes)
    const start = batch.length
    const row = this.#targetCells
    this.#readTimestamp(bytes, table, found)
    if (Number.isNaN(this.seconds)) writeNoTimestamp(row, start + ROW_TIMESTAMP)
    else writeTimestamp(row, start + ROW_TIMESTAMP, this.seconds, this.nanoseconds)
    row.setUint32(start + 8, 0, true)
    row.setUint32(start + 12, 0, true)
    row.setUint8(start + ROW_SEVERITY, this.#severity(bytes, table, found.severity || defaults.severity))
    let out = start + ROW_SERVICE
    for (let field = 0; field < TEXT_FIELDS.length; field++) {
      const at = table.winner[ROLE_TEXT + field] as number
      const from = at < 0 ? 0 : (table.valueStart[at] as number)
      const to = at < 0 ? 0 : (table.valueEnd[at] as number)
      if (to > from) out = this.#text(out, from, to)
      else out = this.#default(out, field, field + 1)
    }
    batch.commitRow(this.#attributes(out, table, found.attributes ?? NO_ATTRIBUTES))
  }

  /** Appends a row of plain text: the message, a timestamp unless `seconds` is NaN, a severity (0: the default's). */
  writeText(
    bytes: Buffer,
    start: number,
    end: number,
    found: RowFound,
    batch: EventBatch,
    defaults: EventDefaults,
  ): void {
    if (defaults !== this.#defaults) this.#setDefaults(defaults)
    const { attributes = NO_ATTRIBUTES } = found
    batch.reserve(ROW_SERVICE + 64 + this.#defaultBytes + SLACK_BYTES + end - start + attributesSize(attributes))
    this.#look(bytes, batch.bytes)
    const at = batch.length
    const row = this.#targetCells
    if (Number.isNaN(found.seconds)) writeNoTimestamp(row, at)
    else writeTimestamp(row, at, found.seconds, found.nanoseconds)
    row.setUint32(at + 8, 0, true)
    row.setUint32(at + 12, 0, true)
    row.setUint8(at + ROW_SEVERITY, found.severity || defaults.severity)
    let out = at + ROW_SERVICE
    out = this.#default(out, 0, MESSAGE_FIELD)
    out = this.#text(out, start, end)
    out = this.#default(out, MESSAGE_FIELD + 1, TEXT_FIELDS.length)
    out = writeVarint(batch.bytes, out, attributes.length)
    batch.commitRow(writeAttributes(batch.bytes, out, attributes))
  }

  #setDefaults(defaults: EventDefaults): void {
    this.#defaults = defaults
    const { service, host, source } = defaults
    this.#defaultBytes = service.length + host.length + source.length
    const bytes = Buffer.alloc(this.#defaultBytes + TEXT_FIELDS.length * 5 + SLACK_BYTES)
    let at = 0
    for (const [field, text] of [service, host, source, EMPTY, EMPTY, EMPTY].entries()) {
      at = writeVarint(bytes, at, text.length)
      at += text.copy(bytes, at)
      this.#defaultEnds[field + 1] = at
    }
    this.#defaultCells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  #look(source: Buffer, target: Buffer): void {
    if (source !== this.#source) {
      this.#source = source
      this.#sourceCells = new DataView(source.buffer, source.byteOffset, source.byteLength)
    }
    if (target !== this.#target) {
      this.#target = target
      this.#targetCells = new DataView(target.buffer, target.byteOffset, target.byteLength)
    }
  }

  #readTimestamp(bytes: Buffer, table: FieldTable, found: RowFound): void {
    const times = this.#timestamps
    this.seconds = found.seconds
    this.nanoseconds = found.nanoseconds
    for (;;) {
      const at = table.winner[ROLE_TIMESTAMP] as number
      if (at < 0) return
      const from = table.valueStart[at] as number
      const isTime = !NAMES_TEXT_TIME.has(table.name[at] as number) || bytes[from + 4] === DASH
      if (isTime && times.read(bytes, from, table.valueEnd[at] as number)) {
        this.seconds = times.seconds
        this.nanoseconds = times.nanoseconds
        return
      }
      table.forfeit(ROLE_TIMESTAMP)
    }
  }

  #severity(bytes: Buffer, table: FieldTable, otherwise: number): number {
    for (;;) {
      const at = table.winner[ROLE_SEVERITY] as number
      if (at < 0) return otherwise
      const severity = this.#severities.read(bytes, table, at)
      if (severity >= 0) return severity === 0 ? otherwise : severity
      table.forfeit(ROLE_SEVERITY)
    }
  }

  #attributes(out: number, table: FieldTable, more: readonly RowAttribute[]): number {
    const { count, winner, name } = table
    let attributes = count - table.nulls
    for (let role = 0; role < ROLES; role++) if ((winner[role] as number) >= 0) attributes--
    out = this.#varint(out, attributes + more.length)
    out = writeAttributes(this.#target, out, more)
    for (let at = 0; at < count; at++) {
      const known = name[at] as number
      if (known !== 0 && winner[ROLE_OF_NAME[known] as number] === at) continue
      if (table.kind[at] === KIND_NULL) continue
      const path = table.path[at]
      if (path === undefined) out = this.#text(out, table.keyStart[at] as number, table.keyEnd[at] as number)
      else out = this.#bytes(out, path)
      out = this.#text(out, table.valueStart[at] as number, table.valueEnd[at] as number)
    }
    return out
  }

  /** What stands in the row where these fields, up to the last one, are not given. */
  #default(out: number, first: number, end: number): number {
    const from = this.#defaultEnds[first] as number
    const size = (this.#defaultEnds[end] as number) - from
    const cells = this.#defaultCells
    const target = this.#targetCells
    for (let i = 0; i < size; i += 4) target.setInt32(out + i, cells.getInt32(from + i, true), true)
    return out + size
  }

  #bytes(out: number, text: Uint8Array): number {
    out = this.#varint(out, text.length)
    for (let i = 0; i < text.length; i++) this.#target[out + i] = text[i] as number
    return out + text.length
  }

  #varint(out: number, value: number): number {
    const target = this.#target
    while (value > 0x7f) {
      target[out++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    target[out++] = value
    return out
  }

  /** Copies a span with its length before it. */
  #text(out: number, from: number, to: number): number {
    const size = to - from
    out = this.#varint(out, size)
    if (size > LOOP_COPY_BYTES_MAX) {
      this.#source.copy(this.#target, out, from, to)
      return out + size
    }
    const source = this.#sourceCells
    const target = this.#targetCells
    for (let i = 0; i < size; i += 4) target.setInt32(out + i, source.getInt32(from + i, true), true)
    return out + size
  }
}

const NO_ATTRIBUTES: readonly RowAttribute[] = []

/** No less than what these take in a row. */
function attributesSize(attributes: readonly RowAttribute[] = NO_ATTRIBUTES): number {
  let size = 0
  for (const { name, value } of attributes) size += 10 + 3 * (name.length + value.length)
  return size
}

function writeAttributes(bytes: Buffer, at: number, attributes: readonly RowAttribute[]): number {
  for (const { name, value } of attributes) at = writeText(bytes, writeText(bytes, at, name), value)
  return at
}

function writeNoTimestamp(row: DataView, at: number): void {
  row.setUint32(at, 0, true)
  row.setInt32(at + 4, NO_TIMESTAMP_HIGH_SIGNED, true)
}
