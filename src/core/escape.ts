/**
 * Text from logs is somebody else's: control characters could clear the screen, move the cursor or answer for the
 * user, bidi overrides could show it in another order than it is. Everything that is printed goes through here.
 */

/** Controls, format characters (but for the joiners that scripts and emoji need), separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u0600-\u0605\u06dd\u070f\u08e2\u200c\u200d])\p{Cf}/gu
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One line without anything that a terminal would obey: `\n`, `\x1b`, `\u202e`, `\u{e0041}` stand for what was there. */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, escapeCharacter)
}

/** The same for several lines: newlines and tabs stay. */
export function escapeLines(text: string): string {
  return text.replaceAll(UNSAFE, (character) =>
    character === '\n' || character === '\t' ? character : escapeCharacter(character),
  )
}

/** For JSON and the like: escapes what JSON itself leaves raw, as JSON writes it, so the value stays the same. */
export function escapeJson(json: string): string {
  return json.replaceAll(UNSAFE, (character) => {
    if (character === '\n') return character
    let escaped = ''
    for (let index = 0; index < character.length; index++) {
      escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
    }
    return escaped
  })
}

function escapeCharacter(character: string): string {
  const short = SHORT[character]
  if (short !== undefined) return short
  const code = (character.codePointAt(0) ?? 0).toString(16)
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`
}
