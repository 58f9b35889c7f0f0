import { escapeText } from '../../core/escape.ts'
import type { Output } from '../terminal/terminal.ts'
import { padEnd, wrapWords } from '../terminal/width.ts'

/** One thing that was looked at. */
export interface Finding {
  /** `note` is worth knowing, `warn` may become a problem, `wrong` is one. */
  state: 'ok' | 'note' | 'warn' | 'wrong'
  subject: string
  text: string
  /** What to do about it. */
  hint?: string | undefined
}

const SUBJECT_COLUMNS = 10
const STATE_COLUMNS = 5
const ROOM_COLUMNS_MIN = 30

/** Wrapped to a terminal; a line of a hint that begins with spaces is a command, which stays whole. */
export function formatFinding({ state, subject, text, hint }: Finding, { colors, columns }: Output): string {
  const paint = { ok: colors.green, note: colors.cyan, warn: colors.yellow, wrong: colors.red }[state]
  const head = `${paint(padEnd(state, STATE_COLUMNS))} ${colors.bold(padEnd(subject, SUBJECT_COLUMNS))} `
  const margin = ' '.repeat(STATE_COLUMNS + SUBJECT_COLUMNS + 2)
  const room = columns === undefined ? Infinity : Math.max(ROOM_COLUMNS_MIN, columns - margin.length)
  const wrap = (line: string) => (line.startsWith(' ') ? [line] : wrapWords(line, room))
  const said = text.split('\n').flatMap((line) => wrap(escapeText(line)))
  const advice = hint ? hint.split('\n').flatMap((line) => wrap(escapeText(line))) : []
  const lines = [
    ...said.map((line, index) => (index === 0 ? head : margin) + line),
    ...advice.map((line) => margin + colors.dim(line)),
  ]
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}
