import { displayWidth, fittingLength } from './width.ts'

/** A piece of text in one style. Layout works on plain text; the style is put on last. */
export interface Span {
  text: string
  paint: (text: string) => string
}

const WORDS = /\S+\s*|\s+/g

/** Breaks spans into lines of at most `columns`, at spaces where possible. */
export function wrapSpans(spans: readonly Span[], columns: number): Span[][] {
  const lines: Span[][] = [[]]
  let used = 0
  const put = (text: string, paint: Span['paint']) => {
    lines.at(-1)?.push({ text, paint })
    used += displayWidth(text)
  }
  const breakLine = () => {
    lines.push([])
    used = 0
  }
  for (const { text, paint } of spans) {
    for (const [word] of text.matchAll(WORDS)) {
      if (used > 0 && used + displayWidth(word.trimEnd()) > columns) breakLine()
      let rest = word
      while (displayWidth(rest.trimEnd()) > columns) {
        const length = Math.max(1, fittingLength(rest, columns))
        put(rest.slice(0, length), paint)
        rest = rest.slice(length)
        breakLine()
      }
      put(rest, paint)
    }
  }
  return lines
}

/** The line as it is printed, without spaces at its end. */
export function paintLine(spans: readonly Span[]): string {
  const last = spans.length - 1
  return spans.map(({ text, paint }, index) => paintText(index === last ? text.trimEnd() : text, paint)).join('')
}

function paintText(text: string, paint: Span['paint']): string {
  return text === '' ? '' : paint(text)
}
