import { severityFromName } from '../../core/severity.ts'

/** How far into a line, after its time, a level is looked for. */
const LEVEL_WINDOW_BYTES = 96

/** Words that are levels when they stand alone in capitals. */
const CAPITAL_WORDS =
  'TRACE DEBUG INFO NOTICE WARN WARNING ERR ERROR SEVERE CRIT CRITICAL ALERT EMERG EMERGENCY FATAL PANIC'

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

/** Words of three letters that are levels between brackets only. */
const BRACKETED_WORDS = 'VRB DBG INF WRN FTL'

interface LevelWord {
  /** In small letters. */
  text: Buffer
  severity: number
  isBracketed: boolean
}

/** Level words by first letter and length: nearly every other word is passed by with one look. */
const WORDS: (LevelWord[] | undefined)[] = []
const LENGTH_MAX = 16
for (const word of `${CAPITAL_WORDS} ${BRACKETED_WORDS}`.split(' ')) {
  const slot = (word.charCodeAt(0) - 65) * LENGTH_MAX + word.length
  const severity = severityFromName(word) ?? 0
  const isBracketed = BRACKETED_WORDS.includes(word)
  WORDS[slot] = [...(WORDS[slot] ?? []), { text: Buffer.from(word.toLowerCase()), severity, isBracketed }]
}
for (let slot = 0; slot < 26 * LENGTH_MAX; slot++) WORDS[slot] ??= undefined

/**
 * The severity of the first level word between `start` and `end` that stands in one of the usual places; 0 when none
 * does. `start` is where the time of the line ends, if it has one.
 */
export function readLevel(bytes: Buffer, start: number, end: number): number {
  const limit = Math.min(end, start + LEVEL_WINDOW_BYTES)
  const stop = Math.min(end, limit + LENGTH_MAX)
  let at = start
  while (at < limit) {
    const kind = KIND_OF_BYTE[bytes[at] as number] as number
    const first = at++
    if (kind === 0) continue
    while (at < stop && KIND_OF_BYTE[bytes[at] as number] !== 0) at++
    const size = at - first
    if (kind === INNER || size < 3 || size > 9) continue
    const word = wordOf(bytes, first, size)
    if (word === undefined) continue
    if (!word.isBracketed && isCapital(bytes, first, at)) return word.severity
    if (isMarked(bytes, start, first, at, end, word.isBracketed)) return word.severity
  }
  return 0
}

function isCapital(bytes: Buffer, from: number, to: number): boolean {
  while (from < to && KIND_OF_BYTE[bytes[from] as number] === UPPER) from++
  return from === to
}

/** The level word that these bytes, of which the first is a letter, spell in whatever case. */
function wordOf(bytes: Buffer, first: number, size: number): LevelWord | undefined {
  const words = WORDS[(((bytes[first] as number) | 0x20) - 0x61) * LENGTH_MAX + size]
  if (words === undefined) return undefined
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as LevelWord
    let at = 1
    while (at < size && word.text[at] === ((bytes[first + at] as number) | 0x20)) at++
    if (at === size) return word
  }
  return undefined
}

/**
 * Whether a word that is not in capitals stands where a level does: `[error]`, `[core:error]`, `<warn>`, `level=info`,
 * ` error: `, or first with a column's distance after it. Abbreviations need their bracket.
 */
function isMarked(
  bytes: Buffer,
  start: number,
  first: number,
  after: number,
  end: number,
  isAbbreviation: boolean,
): boolean {
  const before = first > start ? bytes[first - 1] : 0x20
  const next = after < end ? bytes[after] : 0x20
  if (before === 0x5b) return next === 0x5d || (next === 0x3a && !isAbbreviation)
  if (isAbbreviation) return false
  if (before === 0x3a) return next === 0x5d
  if (before === 0x3c) return next === 0x3e
  if (before === 0x3d || (before === 0x22 && bytes[first - 2] === 0x3d)) return isLevelName(bytes, first)
  if (before !== 0x20) return false
  return (
    next === 0x3a || (next === 0x20 && bytes[after + 1] === 0x20 && after + 1 < end && isFirst(bytes, start, first))
  )
}

/** Whether nothing but punctuation stands between the time and a word. */
function isFirst(bytes: Buffer, start: number, first: number): boolean {
  for (let at = start; at < first; at++) if (KIND_OF_BYTE[bytes[at] as number] !== 0) return false
  return true
}

/** Whether `level=`, `lvl=` or `severity=` stands before `at`, perhaps with a quote between. */
function isLevelName(bytes: Buffer, at: number): boolean {
  return /(?:^|[ \t,{])(?:level|lvl|severity)="?$/.test(bytes.toString('latin1', Math.max(0, at - 11), at))
}
