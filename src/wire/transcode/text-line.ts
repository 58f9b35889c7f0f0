import { severityFromName } from '../../core/severity.ts'
import { TextTimestampReader } from './text-timestamp.ts'

/** What a plain text line tells besides its text. The object is reused. */
export interface TextFound {
  /** Seconds since 1970, NaN where the line has no unambiguous time. */
  seconds: number
  nanoseconds: number
  /** 0 where no level word stands in one of the usual places. */
  severity: number
}

/** How far into a line, after its time, a level is looked for. */
const LEVEL_WINDOW_BYTES = 96

/** Words that are levels when they stand alone in capitals. */
const CAPITAL_WORDS =
  'TRACE DEBUG INFO NOTICE WARN WARNING ERR ERROR SEVERE CRIT CRITICAL ALERT EMERG EMERGENCY FATAL PANIC'

/** Finds time and level at the begin of text lines. */
export class TextReader {
  readonly #times = new TextTimestampReader()
  readonly #found: TextFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }

  /** `nowSeconds` since 1970 places dates without a year: the latest such date that is not in the future. */
  read(bytes: Buffer, start: number, end: number, nowSeconds: number): TextFound {
    const found = this.#found
    const times = this.#times
    const after = times.read(bytes, start, end, nowSeconds)
    const hasTime = after > start
    found.severity = readLevel(bytes, hasTime ? after : start, end)
    found.seconds = hasTime && !(times.needsLevel && found.severity === 0) ? times.seconds : Number.NaN
    found.nanoseconds = times.nanoseconds
    return found
  }
}

/** Kinds of bytes: letters by case, all else separates words unless it is a digit or an underscore. */
const UPPER = 1
const LOWER = 2
const INNER = 3
const KIND_OF_BYTE = new Uint8Array(256)
for (let byte = 0; byte < 128; byte++) {
  const character = String.fromCharCode(byte)
  if (/[A-Z]/.test(character)) KIND_OF_BYTE[byte] = UPPER
  else if (/[a-z]/.test(character)) KIND_OF_BYTE[byte] = LOWER
  else if (/\w/.test(character)) KIND_OF_BYTE[byte] = INNER
}
KIND_OF_BYTE.fill(INNER, 128)

/** Level words by length and first letter, so that nearly every other word is passed by without a string. */
const WORDS: Readonly<Record<string, number>> = Object.fromEntries(
  CAPITAL_WORDS.split(' ').map((word) => [word, severityFromName(word) ?? 0]),
)
const MAY_BE_LEVEL = new Uint8Array(26 * 16)
for (const word of Object.keys(WORDS)) MAY_BE_LEVEL[(word.charCodeAt(0) - 65) * 16 + word.length] = 1

function readLevel(bytes: Buffer, start: number, end: number): number {
  const limit = Math.min(end, start + LEVEL_WINDOW_BYTES)
  let at = start
  while (at < limit) {
    if (KIND_OF_BYTE[bytes[at] as number] === 0) {
      at++
      continue
    }
    const first = at
    let kinds = 0
    while (at < end && at - first <= 16) {
      const kind = KIND_OF_BYTE[bytes[at] as number] as number
      if (kind === 0) break
      kinds |= 1 << kind
      at++
    }
    const size = at - first
    if (size > 16) {
      while (at < limit && KIND_OF_BYTE[bytes[at] as number] !== 0) at++
      continue
    }
    if ((kinds & (1 << INNER)) !== 0) continue
    const letter = ((bytes[first] as number) | 0x20) - 0x61
    if (size < 3 || size > 9 || MAY_BE_LEVEL[letter * 16 + size] === 0) continue
    if (kinds !== 1 << UPPER && !isMarked(bytes, start, first, at, end)) continue
    const severity = WORDS[bytes.toString('latin1', first, at).toUpperCase()]
    if (severity !== undefined) return severity
  }
  return 0
}

/** Whether a word that is not in capitals stands where a level does: `[error]`, `<warn>`, `level=info`, ` error: `. */
function isMarked(bytes: Buffer, start: number, first: number, after: number, end: number): boolean {
  const before = first > start ? bytes[first - 1] : 0x20
  const next = after < end ? bytes[after] : 0x20
  if (before === 0x5b) return next === 0x5d || next === 0x3a
  if (before === 0x3c) return next === 0x3e
  if (before === 0x3d || (before === 0x22 && bytes[first - 2] === 0x3d)) return isLevelName(bytes, first)
  return before === 0x20 && next === 0x3a
}

/** Whether `level=`, `lvl=` or `severity=` stands before `at`, perhaps with a quote between. */
function isLevelName(bytes: Buffer, at: number): boolean {
  return /(?:^|[ \t,{])(?:level|lvl|severity)="?$/.test(bytes.toString('latin1', Math.max(0, at - 11), at))
}
