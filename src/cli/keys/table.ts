import { keyState, type KeyJson, type KeyState } from '../../client/keys.ts'
import { escapeText } from '../../core/escape.ts'
import { formatDuration } from '../../core/time.ts'
import { clockFace } from '../terminal/clock-face.ts'
import { paintLine, wrapSpans } from '../terminal/spans.ts'
import { formatTable } from '../terminal/table.ts'
import type { Output } from '../terminal/terminal.ts'
import { boundsOf } from './rights.ts'

const STATES: readonly KeyState[] = ['valid', 'expired', 'revoked']
const TEXT = ['id', 'name', 'role', 'created', 'expires', 'last used', 'state']
const STATE_COLUMN = TEXT.length - 1
const MARGIN = '  '

/** Valid ones first; among equals the oldest first. */
export function sortKeys(keys: readonly KeyJson[], nowMs: number): KeyJson[] {
  const rank = (key: KeyJson) => STATES.indexOf(keyState(key, nowMs))
  return keys.toSorted((a, b) => rank(a) - rank(b) || Date.parse(a.created) - Date.parse(b.created))
}

/**
 * A line for each key, with times as people say them, and what bounds it beyond its role on lines of its own below it.
 * In a pipe whole times, and the bounds in a last column.
 */
export function formatKeys(keys: readonly KeyJson[], nowMs: number, { colors, columns }: Output): string {
  const sorted = sortKeys(keys, nowMs)
  const states = sorted.map((key) => keyState(key, nowMs))
  const paints = { valid: colors.green, expired: colors.yellow, revoked: colors.red }
  const isPiped = columns === undefined
  const rows = sorted.map((key, index) => [
    key.id,
    key.name,
    key.role,
    isPiped ? key.created : age(key.created, nowMs),
    isPiped ? (key.expires ?? 'never') : expiry(key.expires, nowMs),
    key.lastUsed === null || isPiped ? (key.lastUsed ?? '-') : age(key.lastUsed, nowMs),
    states[index],
    ...(isPiped ? [boundsOf(key)] : []),
  ])
  const header = [...TEXT, ...(isPiped ? ['bounds'] : [])].map((name) => ({
    name,
    type: 'text',
    isWhole: name !== 'name',
  }))
  const paint = (text: string, row: number, column: number) => {
    const state = states[row] ?? 'valid'
    if (column === STATE_COLUMN) return paints[state](text)
    return state === 'valid' ? text : colors.dim(text)
  }
  const table = formatTable(header, rows, { colors, clock: clockFace(true), columns, paint })
  if (isPiped) return table
  const [head = '', ...lines] = table.split('\n').slice(0, -1)
  const shown = lines.flatMap((line, index) => {
    const bounds = escapeText(boundsOf(sorted[index] as KeyJson))
    const wrapped = bounds === '' ? [] : wrapSpans([{ text: bounds, paint: (text) => text }], columns - MARGIN.length)
    return [line, ...wrapped.map((spans) => MARGIN + colors.dim(paintLine(spans)))]
  })
  return [head, ...shown].map((line) => `${line}\n`).join('')
}

/** `3d ago` */
export function age(timestamp: string, nowMs: number): string {
  const ms = nowMs - Date.parse(timestamp)
  return ms < 1000 ? 'now' : `${coarse(ms)} ago`
}

/** `in 89d`, `3d ago` when it is over, or `never`. */
export function expiry(timestamp: string | null, nowMs: number): string {
  if (timestamp === null) return 'never'
  const ms = Date.parse(timestamp) - nowMs
  return ms > 0 ? `in ${coarse(ms)}` : age(timestamp, nowMs)
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Its largest unit only, which is what one wants to know: `89d`, `5h`, `12m`, `3s`. */
function coarse(ms: number): string {
  const unit = [DAY_MS, HOUR_MS, MINUTE_MS].find((candidate) => ms >= candidate) ?? 1000
  return formatDuration(BigInt(Math.round(ms / unit) * unit) * 1_000_000n)
}
