import type { EventBatch } from '../../core/batch.ts'
import { FieldTable, KIND_STRING } from './field-table.ts'
import { knownNameIndex } from './names.ts'
import { type EventDefaults, type RowFound, RowWriter, SLACK_BYTES } from './row-writer.ts'
import { SpanCopier } from './span-copier.ts'
import type { TimeZone } from './timestamp.ts'

/** Names of attributes that a format always uses, ready to be copied. */
const NAMES_BYTES_MAX = 512
const START = NAMES_BYTES_MAX

const FIELDS = {
  message: knownNameIndex('message'),
  service: knownNameIndex('service'),
  host: knownNameIndex('host'),
} as const

/**
 * One line that is being taken apart: a copy of it, and which parts of the copy are fields. Text that does not stand in
 * the line is appended to the copy. Reused for every line.
 */
export class FieldRow {
  /** The copy. Valid until the next `begin`, except while `append` makes it larger: then this is another buffer. */
  bytes: Buffer = Buffer.allocUnsafeSlow(4096)
  /** Where the copied line begins and ends in `bytes`. */
  readonly start = START
  end = START
  readonly table: FieldTable
  readonly #writer: RowWriter
  readonly #copies = new SpanCopier()
  /** Where each of the names begins and ends. */
  readonly #names = new Map<string, { from: number; to: number }>()
  /** Where the next text is appended. */
  #out = START

  /** `names`: of attributes, for `attribute`. */
  constructor(names: readonly string[], keysMax: number, zone?: TimeZone) {
    this.table = new FieldTable(keysMax)
    this.#writer = new RowWriter(zone)
    let at = 0
    for (const name of names) {
      const from = at
      at += this.bytes.write(name, at, 'latin1')
      this.#names.set(name, { from, to: at })
    }
    if (at > NAMES_BYTES_MAX) throw new RangeError('too many names')
  }

  /** Time of the row written last, NaN when it has none. */
  get seconds(): number {
    return this.#writer.seconds
  }
  get nanoseconds(): number {
    return this.#writer.nanoseconds
  }

  /** Copies a line, whose fields are to be told then. */
  begin(bytes: Buffer, from: number, to: number): void {
    const size = to - from
    this.#out = START
    this.#reserve(size)
    this.#copies.copy(bytes, from, to, this.bytes, START)
    this.end = this.#out = START + size
    this.table.clear()
    // The message may be the whole line, beside fields that are parts of it.
    this.table.spanBytes = 2 * size + NAMES_BYTES_MAX
  }

  /** The part from `start` to `end` of the copy is the attribute of one of the names. */
  attribute(name: string, start: number, end: number): void {
    const key = this.#names.get(name) as { from: number; to: number }
    this.add(key.from, key.to, start, end)
  }

  /** The part is one of the event's own fields: `message`, `service`, `host`. */
  field(name: 'message' | 'service' | 'host', start: number, end: number): void {
    const { count } = this.table
    const known = FIELDS[name]
    if (this.add(0, 0, start, end, known)) this.table.claim(count, known)
  }

  /** What one of those fields is; empty when it was not told. */
  textOf(name: 'message' | 'service' | 'host'): string {
    const known = FIELDS[name]
    const at = this.table.name.subarray(0, this.table.count).indexOf(known)
    return at < 0 ? '' : this.bytes.toString('utf8', this.table.valueStart[at], this.table.valueEnd[at])
  }

  /** A field whose name also stands in the copy. False: there are too many. `known`: its index among known names. */
  add(keyStart: number, keyEnd: number, start: number, end: number, known = 0): boolean {
    const { table } = this
    const { count } = table
    if (count === table.kind.length) return false
    table.keyStart[count] = keyStart
    table.keyEnd[count] = keyEnd
    table.valueStart[count] = start
    table.valueEnd[count] = end
    table.kind[count] = KIND_STRING
    table.name[count] = known
    table.count = count + 1
    return true
  }

  /** Puts a text behind the line. Returns where it begins; `appended` is where it ends. */
  append(text: string): number {
    this.#reserve(text.length * 3)
    const at = this.#out
    this.#out += this.bytes.write(text, at)
    this.table.spanBytes += this.#out - at
    return at
  }

  get appended(): number {
    return this.#out
  }

  /** Appends the event to a batch. `found` counts where the fields say nothing. */
  commit(batch: EventBatch, defaults: EventDefaults, found: RowFound): void {
    this.#writer.write(this.bytes, this.table, batch, defaults, found)
  }

  #reserve(bytesMore: number): void {
    const needed = this.#out + bytesMore + SLACK_BYTES
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.#out)
    this.bytes = larger
  }
}
