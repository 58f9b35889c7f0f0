/** How many columns text takes on a terminal, and cutting it to fit. Expects text without controls (`escape.ts`). */

const ASCII = /^[\x20-\x7e]*$/
const NO_WIDTH = /\p{Mn}|\p{Me}|\u200c|\u200d/u
/** East Asian wide and fullwidth, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

function characterWidth(character: string): number {
  if (ASCII.test(character)) return 1
  if (NO_WIDTH.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** How many UTF-16 units of `text` fit into `columns`. */
export function fittingLength(text: string, columns: number): number {
  if (ASCII.test(text)) return Math.min(text.length, columns)
  let width = 0
  let length = 0
  for (const character of text) {
    width += characterWidth(character)
    if (width > columns) break
    length += character.length
  }
  return length
}

/** Cuts to `columns`, the last of which is then an ellipsis. */
export function cut(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  return `${text.slice(0, fittingLength(text, Math.max(0, columns - 1)))}…`
}

/** Cuts to `columns` in the middle, where paths say least: `/var/log/…/app.log`. */
export function cutMiddle(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  const tailColumns = Math.ceil(((columns - 1) * 2) / 3)
  let tail = ''
  for (const character of Array.from(text).toReversed()) {
    if (displayWidth(character + tail) > tailColumns) break
    tail = character + tail
  }
  return `${text.slice(0, fittingLength(text, columns - 1 - displayWidth(tail)))}…${tail}`
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)))
}

/** Lines of at most `columns`, broken at spaces only: a longer word, such as a path, stays whole. */
export function wrapWords(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > columns) {
      lines.push(line)
      line = word
    } else line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}
