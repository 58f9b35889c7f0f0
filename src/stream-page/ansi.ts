/** Colours and other attributes of text for a terminal (ECMA-48 SGR, and what terminals have added to it). */

/** A colour: one of 16 by its number, or `#rrggbb`. */
export type Colour = number | string

export interface Style {
  readonly foreground?: Colour | undefined
  readonly background?: Colour | undefined
  readonly bold?: boolean
  readonly dim?: boolean
  readonly italic?: boolean
  readonly underline?: boolean
  readonly inverse?: boolean
  readonly strike?: boolean
}

export const PLAIN: Style = {}

export interface Segment {
  text: string
  style: Style
}

/** CSI; OSC, DCS and the like up to BEL or ST; two- and three-byte sequences; a lone escape. */
const ESCAPE = '\u001b'
const BELL = '\u0007'
const SEQUENCE = new RegExp(
  String.raw`${ESCAPE}(?:\[([0-?]*)[ -/]*([@-~])?|[\]PX^_][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\)?|[ -/]*[0-~]?)`,
  'g',
)

/**
 * One line as it stands on a terminal in the end: of what a carriage return overwrote the last that shows something. The
 * style is that at its begin; the one at its end is for the next line.
 */
export function parseLine(line: string, start: Style): { segments: Segment[]; end: Style } {
  const segments: Segment[] = []
  let style = start
  let at = 0
  const shown = lastShown(line)
  const add = (text: string): void => {
    const plain = text.replaceAll(UNSEEN, '')
    if (plain !== '') segments.push({ text: plain, style })
  }
  // Colours that were set before the part that shows hold for it as well.
  for (const [, codes = '', final] of line.slice(0, line.length - shown.length).matchAll(SEQUENCE)) {
    if (final === 'm') style = styled(style, codes)
  }
  for (const match of shown.matchAll(SEQUENCE)) {
    add(shown.slice(at, match.index))
    at = match.index + match[0].length
    if (match[2] === 'm') style = styled(style, match[1] ?? '')
  }
  add(shown.slice(at))
  return { segments, end: style }
}

/** What the line says, without any style. */
export function plainText(line: string): string {
  return lastShown(line).replaceAll(SEQUENCE, '').replaceAll(UNSEEN, '')
}

/** Controls that would show as nothing, or as a box. */
const UNSEEN = /(?!\t)\p{Cc}/gu

function lastShown(line: string): string {
  if (!line.includes('\r')) return line
  const parts = line.split('\r')
  return parts.findLast((part) => part.replaceAll(SEQUENCE, '').trim() !== '') ?? ''
}

function styled(style: Style, text: string): Style {
  const codes = text === '' ? [0] : text.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)))
  let result = style
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0
    if (code === 38 || code === 48) {
      const { colour, length } = extendedColour(codes, at + 1, text.includes(':'))
      at += length
      if (colour !== undefined) result = { ...result, [code === 38 ? 'foreground' : 'background']: colour }
    } else result = changed(result, code)
  }
  return result
}

/** The 16 colours by their codes, and what the others change. */
function changed(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, foreground: code - 30 }
  if (code >= 90 && code <= 97) return { ...style, foreground: code - 82 }
  if (code >= 40 && code <= 47) return { ...style, background: code - 40 }
  if (code >= 100 && code <= 107) return { ...style, background: code - 92 }
  return code === 0 ? PLAIN : { ...style, ...CHANGES[code] }
}

const CHANGES: Readonly<Record<number, Style>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { foreground: undefined },
  49: { background: undefined },
}

/** `5;n` of the palette of 256, `2;r;g;b`, or with colons `2::r:g:b`. */
function extendedColour(
  codes: readonly number[],
  at: number,
  hasColons: boolean,
): { colour: Colour | undefined; length: number } {
  if (codes[at] === 5) return { colour: paletteColour(codes[at + 1] ?? 0), length: 2 }
  if (codes[at] !== 2) return { colour: undefined, length: 1 }
  // The form with colons may name a colour space first.
  const skipped = hasColons && codes.length - at > 4 ? 1 : 0
  const [red = 0, green = 0, blue = 0] = codes.slice(at + 1 + skipped, at + 4 + skipped)
  return { colour: hexColour(red, green, blue), length: 4 + skipped }
}

const LEVELS = [0, 95, 135, 175, 215, 255]

function paletteColour(index: number): Colour {
  if (index < 16) return index
  if (index >= 232) return hexColour(8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10)
  const cube = index - 16
  return hexColour(LEVELS[Math.floor(cube / 36)] ?? 0, LEVELS[Math.floor(cube / 6) % 6] ?? 0, LEVELS[cube % 6] ?? 0)
}

function hexColour(...parts: readonly number[]): string {
  return `#${parts.map((part) => Math.min(255, part).toString(16).padStart(2, '0')).join('')}`
}
