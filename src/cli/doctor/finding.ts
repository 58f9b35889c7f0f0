import { escapeText } from '../../core/escape.ts'
import type { Output } from '../terminal/terminal.ts'
import { padEnd } from '../terminal/width.ts'

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

export function formatFinding({ state, subject, text, hint }: Finding, colors: Output['colors']): string {
  const paint = { ok: colors.green, note: colors.cyan, warn: colors.yellow, wrong: colors.red }[state]
  const head = `${paint(padEnd(state, STATE_COLUMNS))} ${colors.bold(padEnd(subject, SUBJECT_COLUMNS))} `
  const margin = ' '.repeat(STATE_COLUMNS + SUBJECT_COLUMNS + 2)
  const lines = text.split('\n').map((line, index) => (index === 0 ? head : margin) + escapeText(line))
  if (hint) lines.push(...hint.split('\n').map((line) => margin + colors.dim(escapeText(line))))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}
