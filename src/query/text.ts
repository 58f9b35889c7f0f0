/**
 * What the language means by "the same text", "a number" and "before". Both emitters follow these definitions; the
 * SQL ones were chosen to be what ClickHouse's functions do (docs/query.md, "What exactly is compared").
 */

/** Only A–Z become a–z: what ClickHouse's `lower` does, whatever the bytes. */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text
}

/** Whether the ASCII definition of case is enough for this text: no letter beyond ASCII in it has two cases. */
export function hasOnlyAsciiCase(text: string): boolean {
  if (!/[^\0-\x7f]/.test(text)) return true
  for (const char of text) if (char > '\x7f' && caseForms(char).length > 1) return false
  return true
}

/** A character as written, in lower case and in upper case, each if it is one character and beyond ASCII like it. */
function caseForms(char: string): string[] {
  if (char <= '\x7f') {
    const lower = char.toLowerCase()
    const upper = char.toUpperCase()
    return lower === upper ? [char] : [lower, upper]
  }
  const forms = [char, char.toLowerCase(), char.toUpperCase()]
  return [...new Set(forms)].filter((form) => form > '\x7f' && Array.from(form).length === 1)
}

/** The text as a regular expression, for RE2 or for JavaScript's `u` mode, that matches it in either case. */
export function foldedPattern(text: string, engine: 're2' | 'javascript'): string {
  const escape = engine === 're2' ? 'x' : 'u'
  let pattern = ''
  for (const char of text) {
    const forms = caseForms(char)
    if (forms.length > 1) pattern += `[${forms.join('')}]`
    else if (/[A-Za-z0-9]/.test(char) || char > '\x7f') pattern += char
    else pattern += `\\${escape}{${char.charCodeAt(0).toString(16)}}`
  }
  return pattern
}

/** The ways to write its first few letters in either case: one of them stands wherever the text does. At most 16. */
export function openings(text: string): string[] {
  let variants = ['']
  for (const char of Array.from(text).slice(0, 3)) {
    const forms = caseForms(char)
    if (variants.length * forms.length > 16) break
    variants = variants.flatMap((start) => forms.map((form) => start + form))
  }
  return variants
}

/** The longest run of plain ASCII in it: a cheap first test. Empty when shorter than three characters. */
export function longestAsciiRun(text: string): string {
  let longest = ''
  for (const run of text.split(/[^\0-\x7f]+/)) if (run.length > longest.length) longest = run
  return longest.length >= 3 ? longest : ''
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const SPECIAL = /^([+-]?)(?:(inf|infinity)|nan)$/i

/** What `toFloat64OrNull` makes of a text: decimal numbers, `inf`, `nan`; `undefined` for everything else. */
export function numberOf(text: string): number | undefined {
  if (text.length === 0) return undefined
  // A number starts with one of + - . 0-9, the others with i, I, n, N: most texts are told by their first character.
  const first = text.charCodeAt(0)
  if (first > 0x39 && first !== 0x69 && first !== 0x49 && first !== 0x6e && first !== 0x4e) return undefined
  if (NUMBER.test(text)) return Number(text)
  const special = SPECIAL.exec(text)
  if (!special) return undefined
  if (special[2] === undefined) return Number.NaN
  return special[1] === '-' ? -Infinity : Infinity
}

/** Order of the UTF-8 bytes: below 0 when `a` comes first. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0
  const surrogate = /[\ud800-\udfff]/
  if (!surrogate.test(a) && !surrogate.test(b)) return a < b ? -1 : 1
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
