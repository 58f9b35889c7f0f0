import { severityFromName, severityFromNumber, severityFromSyslog } from '../../core/severity.ts'
import { KIND_NUMBER, KIND_STRING, type FieldTable } from './field-table.ts'
import { NAMES_OTEL_NUMBER, NAMES_SYSLOG_CODE } from './names.ts'

const NAME_BYTES_MAX = 16
const CACHE_ENTRIES = 64

/** Severity from the bytes of a level field. Remembers the spellings it has met. */
export class SeverityReader {
  readonly #spellings: Buffer[] = Array.from({ length: CACHE_ENTRIES }, () => Buffer.alloc(0))
  readonly #severities = new Int8Array(CACHE_ENTRIES)

  /** Severity number of field `at`; −1 when the value means none. */
  read(bytes: Buffer, table: FieldTable, at: number): number {
    const start = table.valueStart[at] as number
    const end = table.valueEnd[at] as number
    const name = table.name[at] as number
    const kind = table.kind[at]
    if (kind === KIND_STRING && !NAMES_SYSLOG_CODE.has(name) && !NAMES_OTEL_NUMBER.has(name)) {
      return this.readName(bytes, start, end)
    }
    if (kind !== KIND_STRING && kind !== KIND_NUMBER) return -1
    return numberSeverity(bytes.toString('latin1', start, Math.min(end, start + 32)), name)
  }

  /** Severity number of a level's name (or a number as text); −1 when it is neither. */
  readName(bytes: Buffer, start: number, end: number): number {
    const size = end - start
    if (size === 0 || size > NAME_BYTES_MAX) return -1
    const slot = (size * 7 + (bytes[start] as number) * 5 + (bytes[end - 1] as number)) & (CACHE_ENTRIES - 1)
    const spelling = this.#spellings[slot] as Buffer
    if (spelling.length === size) {
      let i = 0
      while (i < size && spelling[i] === bytes[start + i]) i++
      if (i === size) return this.#severities[slot] as number
    }
    const text = bytes.toString('latin1', start, end)
    const severity = severityFromName(text) ?? numberSeverity(text, 0)
    this.#spellings[slot] = Buffer.from(text, 'latin1')
    this.#severities[slot] = severity
    return severity
  }
}

function numberSeverity(text: string, name: number): number {
  if (!/^\d{1,2}(\.0+)?$/.test(text)) return -1
  const value = Number(text)
  if (NAMES_SYSLOG_CODE.has(name)) return severityFromSyslog(value) ?? -1
  if (NAMES_OTEL_NUMBER.has(name)) return value <= 24 ? value : -1
  return severityFromNumber(value) ?? -1
}
