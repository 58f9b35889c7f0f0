import { formatDuration, parseDuration } from '../../src/core/time.ts'
import { momentText, shortText, type Zone } from './zone.ts'

/** As the address has it: `-15m`, an RFC 3339 time, or `all` for a start that is open. */
export interface RangeText {
  start: string
  /** Absent: up to now. */
  end: string | undefined
}

export const ALL_TIME = 'all'
export const DEFAULT_RANGE: RangeText = { start: '-15m', end: undefined }

export const PRESETS: readonly (readonly [start: string, name: string])[] = [
  ['-5m', 'Last 5 minutes'],
  ['-15m', 'Last 15 minutes'],
  ['-1h', 'Last hour'],
  ['-4h', 'Last 4 hours'],
  ['-24h', 'Last 24 hours'],
  ['-7d', 'Last 7 days'],
  ['-30d', 'Last 30 days'],
  [ALL_TIME, 'All time'],
]

/** What the server is asked for. */
export function rangeParameters({ start, end }: RangeText): { start: string | undefined; end: string | undefined } {
  return { start: start === ALL_TIME ? undefined : start, end }
}

export interface Range {
  fromMs: number
  toMs: number
}

/** In milliseconds; `undefined` where it is open or cannot be read. */
export function resolveRange({ start, end }: RangeText, nowMs: number): Range | undefined {
  const fromMs = resolveTime(start, nowMs)
  const toMs = end === undefined ? nowMs : resolveTime(end, nowMs)
  return fromMs === undefined || toMs === undefined || toMs <= fromMs ? undefined : { fromMs, toMs }
}

export function resolveTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs
  if (text.startsWith('-')) {
    const ns = parseDuration(text.slice(1))
    return ns === undefined ? undefined : nowMs - Number(ns / 1_000_000n)
  }
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

export function absoluteRange({ fromMs, toMs }: Range): RangeText {
  return { start: new Date(fromMs).toISOString(), end: new Date(toMs).toISOString() }
}

/** The same length, before or after. */
export function shiftRange(range: Range, steps: number): Range {
  const spanMs = range.toMs - range.fromMs
  return { fromMs: range.fromMs + steps * spanMs, toMs: range.toMs + steps * spanMs }
}

/** Twice as long around the same middle, but not into the future. */
export function zoomOut({ fromMs, toMs }: Range, nowMs: number): Range {
  const halfMs = (toMs - fromMs) / 2
  return { fromMs: Math.round(fromMs - halfMs), toMs: Math.round(Math.min(toMs + halfMs, Math.max(nowMs, toMs))) }
}

export function rangeName({ start, end }: RangeText, zone: Zone): string {
  const preset = end === undefined ? PRESETS.find(([text]) => text === start)?.[1] : undefined
  if (preset !== undefined) return preset
  const from = start.startsWith('-') ? start : Date.parse(start)
  if (typeof from === 'string') return end === undefined ? `Last ${start.slice(1)}` : `${start} to ${end}`
  if (Number.isNaN(from)) return 'A time that cannot be read'
  const to = end === undefined ? undefined : Date.parse(end)
  if (to === undefined || Number.isNaN(to)) return `Since ${shortText(new Date(from), zone)}`
  const isShort = to - from < 120_000
  const text = isShort ? momentText : shortText
  return `${text(new Date(from), zone)} – ${text(new Date(to), zone)}`
}

/** `15m`, for what lies between. */
export function spanText({ fromMs, toMs }: Range): string {
  return formatDuration(BigInt(Math.round(toMs - fromMs)) * 1_000_000n)
}
