import { type EventBatch, NO_TIMESTAMP_HIGH, ROW_SEVERITY } from '../../core/batch.ts'
import { SEVERITY_NUMBERS } from '../../core/severity.ts'
import { TIMESTAMP_MAX_NS, TIMESTAMP_MIN_NS } from '../../core/time.ts'
import { AuditFields } from '../audit/fields.ts'
import { MsgpackCursor } from '../msgpack/cursor.ts'
import { FieldTable } from '../transcode/field-table.ts'
import type { EventLimits } from '../transcode/limits.ts'
import { ROLE_TEXT } from '../transcode/names.ts'
import { RowWriter, type EventDefaults } from '../transcode/row-writer.ts'
import { writeTimestamp } from '../transcode/timestamp.ts'
import { EntryTime } from './entry-time.ts'
import { FieldWriter, type FieldFault } from './field-writer.ts'
import { writeFields } from './record-fields.ts'

/** Why an entry was not taken. */
export type EntryFault = FieldFault | 'not_entry' | 'bad_time' | 'bad_extension' | 'not_record'

/** What the entries of a message have in common. */
export interface EntryOrigin {
  tag: string
  /** Their record is one of an audit message. */
  isAudit: boolean
  defaults: EventDefaults
  /** Of records that bear no text of their own. */
  message?: string | undefined
}

const SECONDS_MIN = Number(TIMESTAMP_MIN_NS / 1_000_000_000n)
const SECONDS_MAX = Number(TIMESTAMP_MAX_NS / 1_000_000_000n)
const NO_CELLS: DataView = new DataView(new ArrayBuffer(0))

/** Where the tag is kept of an event whose record names a service of its own. */
const TAG_ATTRIBUTE = 'forward.tag'

/** Entries of the forward protocol → rows, without an object per event. */
export class ForwardRows {
  /** Moves over the entries. Whoever uses it puts it in front of the first. */
  readonly cursor = new MsgpackCursor()
  /** Why the last audit record was stored as invalid; `undefined`: it was valid. */
  auditReason: string | undefined
  /** Seconds of the last entry. */
  get seconds(): number {
    return this.#time.seconds
  }
  readonly #fields: FieldWriter
  readonly #audit: AuditFields
  readonly #rows = new RowWriter()
  readonly #time = new EntryTime()
  readonly #limits: EventLimits
  #cells = NO_CELLS

  constructor(limits: EventLimits) {
    this.#limits = limits
    this.#fields = new FieldWriter(new FieldTable(limits.keysMax), limits)
    this.#audit = new AuditFields(this.#fields)
  }

  /** Appends the entry at the cursor, `[time, record]`, and moves behind it. Says why when nothing was appended. */
  entry(origin: EntryOrigin, batch: EventBatch): EntryFault | undefined {
    const start = this.cursor.at
    const fault = this.#entry(origin, batch)
    if (fault !== undefined) {
      this.cursor.at = start
      this.cursor.skip()
    }
    return fault
  }

  #entry(origin: EntryOrigin, batch: EventBatch): EntryFault | undefined {
    if (this.cursor.array() !== 2) return 'not_entry'
    return this.pair(origin, batch)
  }

  /** The same for a time and a record that stand one after the other; the cursor is anywhere after a fault. */
  pair(origin: EntryOrigin, batch: EventBatch): EntryFault | undefined {
    const { cursor } = this
    const fields = this.#fields
    if (!this.#time.read(cursor)) return this.#time.isExtension ? 'bad_extension' : 'bad_time'
    fields.clear()
    const isRead = origin.isAudit ? this.#audit.read(cursor) : writeFields(cursor, fields, this.#limits.depthMax)
    if (!isRead) return fields.fault ?? 'not_record'
    this.#append(origin, batch)
    return undefined
  }

  #append({ tag, isAudit, defaults, message }: EntryOrigin, batch: EventBatch): void {
    const fields = this.#fields
    const { table } = fields
    if (message !== undefined) fields.own('message', message)
    fields.finish()
    if (!isAudit && (table.winner[ROLE_TEXT] as number) >= 0) {
      fields.own(TAG_ATTRIBUTE, tag)
      table.spanBytes = fields.out
    }
    this.#rows.write(fields.bytes, table, batch, defaults)
    const row = batch.offsets[batch.rows - 1] as number
    if (this.#cells.buffer !== batch.bytes.buffer) {
      this.#cells = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength)
    }
    this.#writeTime(row)
    this.auditReason = isAudit ? this.#audit.reason : undefined
    if (isAudit) {
      const isNotable = this.#audit.isFailure || this.#audit.reason !== undefined
      batch.bytes[row + ROW_SEVERITY] = isNotable ? SEVERITY_NUMBERS.warn : SEVERITY_NUMBERS.info
    }
  }

  /** A time that cannot be stored is none: the pipeline puts the received time there. */
  #writeTime(row: number): void {
    const { seconds, nanoseconds } = this.#time
    if (seconds >= SECONDS_MIN && seconds < SECONDS_MAX) writeTimestamp(this.#cells, row, seconds, nanoseconds)
    else {
      this.#cells.setUint32(row, 0, true)
      this.#cells.setUint32(row + 4, NO_TIMESTAMP_HIGH, true)
    }
  }
}
