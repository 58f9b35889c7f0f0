import type { EventBatch } from '../../core/batch.ts'
import { severityFromName } from '../../core/severity.ts'
import { SYSLOG_NAMES, SyslogParser } from '../syslog/syslog-parser.ts'
import { FieldRow } from '../transcode/field-row.ts'
import type { EventLimits } from '../transcode/limits.ts'
import type { EventDefaults, RowFound } from '../transcode/row-writer.ts'
import type { TimeZone } from '../transcode/timestamp.ts'
import { isDigit } from './byte-kinds.ts'
import { CLF_NAMES, ClfParser } from './clf.ts'
import { LogfmtParser } from './logfmt.ts'
import type { WallClock } from './wall-clock.ts'

/** Formats of lines that have fields, beside JSON. */
export const FIELD_FORMATS = ['logfmt', 'clf', 'syslog'] as const
export type FieldFormat = (typeof FIELD_FORMATS)[number]

/** Pairs from which on a line looks like logfmt. */
const PAIRS_MIN = 2

/** Lines with fields → rows. */
export class FieldFormats {
  readonly #row: FieldRow
  readonly #clf: ClfParser
  readonly #logfmt: LogfmtParser
  readonly #syslog: SyslogParser
  /** What the line read last tells beside its fields; `undefined` where they tell everything. */
  #found: RowFound | undefined

  constructor(zone: TimeZone, limits: EventLimits) {
    this.#row = new FieldRow([...CLF_NAMES, ...SYSLOG_NAMES], limits.keysMax, zone)
    this.#clf = new ClfParser()
    this.#logfmt = new LogfmtParser(limits.keyBytesMax)
    this.#syslog = new SyslogParser()
  }

  /** Whether a line looks like this format. */
  looksLike(format: FieldFormat, bytes: Buffer, from: number, to: number, clock: WallClock): boolean {
    const row = this.#row
    row.begin(bytes, from, to)
    if (format === 'clf') return this.#clf.read(row, clock)
    if (format === 'logfmt') return this.#logfmt.read(row) && this.#logfmt.pairs >= PAIRS_MIN && this.#logfmt.hasKnown
    const kind = this.#syslog.read(row, clock)
    return kind === 'rfc5424' || (kind === 'rfc3164' && this.#syslog.hasTag && this.#isHeader(bytes, from))
  }

  /** Takes a line apart. False when it is not of this format. */
  read(format: FieldFormat, bytes: Buffer, from: number, to: number, clock: WallClock): boolean {
    const row = this.#row
    row.begin(bytes, from, to)
    this.#found = undefined
    if (format === 'logfmt') return this.#logfmt.read(row)
    const parser = format === 'clf' ? this.#clf : this.#syslog
    const read = parser.read(row, clock)
    this.#found = parser.found
    // `2026-11-21 10:00:00 INFO text` has the form, too.
    if (read === 'rfc3164' && !this.#syslog.hasTag && severityFromName(row.textOf('host')) !== undefined) return false
    return read !== false && read !== 'none'
  }

  /** Appends the event of the line read last. `otherwise` counts where the line says nothing. */
  commit(batch: EventBatch, defaults: EventDefaults, otherwise: RowFound, clock: WallClock): void {
    const found = this.#found
    if (!found) {
      this.#row.commit(batch, defaults, otherwise)
      clock.remember(this.#row.seconds, this.#row.nanoseconds)
      return
    }
    found.attributes = otherwise.attributes
    if (Number.isNaN(found.seconds)) {
      found.seconds = otherwise.seconds
      found.nanoseconds = otherwise.nanoseconds
    }
    this.#row.commit(batch, defaults, found)
  }

  /** Whether the header of RFC 3164 found last is one: logs of programs may have a level where it has the host. */
  #isHeader(bytes: Buffer, from: number): boolean {
    const host = this.#row.textOf('host')
    if (host === '' || severityFromName(host) !== undefined) return false
    // A date of digits begins many logs; the daemons that write it in the header put a T in it.
    return !isDigit(bytes[from]) || bytes[from + 10] === 0x54
  }
}
