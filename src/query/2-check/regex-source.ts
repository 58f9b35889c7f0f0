/**
 * Rewrites a regular expression so that ClickHouse's search for a text that every match must contain is right about
 * it: that search goes byte by byte, so that of `é*` it would demand the first byte of é. Such a character becomes a
 * class of one, and `\Q…\E` becomes escapes. The meaning stays the same.
 */
export function safeForEngine(source: string): string {
  if (!/[^\0-\x7f]/.test(source)) return source
  let safe = ''
  let rest = source
  while (rest !== '') {
    const [from, to] = nextPiece(rest)
    safe += to
    rest = rest.slice(from.length)
  }
  return safe
}

const QUOTED = /^\\Q([^]*?)(?:\\E|$)/
const CLASS = /^\[\^?\]?(?:\[:\^?[a-z]+:\]|\\[^]|[^\]\\])*\]/u
const ESCAPE = /^\\[^]/u
const QUANTIFIER = /^(?:\\E)?[*+?{]/

/** The first piece as it is, and as it should be. */
function nextPiece(source: string): [from: string, to: string] {
  const quoted = QUOTED.exec(source)
  if (quoted) {
    const escaped = (quoted[1] ?? '').replace(/[^A-Za-z0-9_\u0080-\uffff]/g, String.raw`\$&`)
    return [quoted[0], escaped.replace(/[^\0-\x7f]$/u, '[$&]')]
  }
  const whole = (CLASS.exec(source) ?? ESCAPE.exec(source))?.[0]
  if (whole !== undefined) return [whole, whole]
  const char = String.fromCodePoint(source.codePointAt(0) ?? 0)
  return [char, char > '\x7f' && QUANTIFIER.test(source.slice(char.length)) ? `[${char}]` : char]
}
