import { NS_PER_MS, parseDuration, parseTimestamp } from '../core/time.ts'
import { UsageError } from './command.ts'

/**
 * A point in time as it is typed → as the server takes it. Durations are ago (`1h`, `-15m`) and stay relative, so that
 * the server's clock counts. A time without a zone is in the user's own, as it is printed: `2026-01-05 10:00`, `10:00`
 * (today). Throws UsageError naming the flag.
 */
export function timeParameter(flag: string, text: string, nowMs: number, isUtc: boolean): string {
  const trimmed = text.trim()
  if (trimmed === 'now') return trimmed
  const duration = trimmed.replace(/^-/, '')
  if (parseDuration(duration) !== undefined) return `-${duration}`
  const dated = /^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/.test(trimmed)
    ? `${today(nowMs, isUtc)} ${trimmed.padStart(5, '0')}`
    : trimmed
  const timestampNs = parseTimestamp(dated)
  if (timestampNs === undefined) {
    throw new UsageError(
      `--${flag} is a time, not ${JSON.stringify(text)}`,
      'Such as 15m or 2d (ago), 10:30, 2026-01-05, "2026-01-05 10:30", 2026-01-05T10:30:00Z',
    )
  }
  const hasZone = /[Zz]$|[+-]\d{2}:?\d{2}$/.test(dated.slice(10)) || /^-?\d+(?:\.\d+)?$/.test(dated)
  return hasZone || isUtc ? dated : localToUtc(dated, Number(timestampNs / NS_PER_MS))
}

function today(nowMs: number, isUtc: boolean): string {
  return new Date(nowMs - (isUtc ? 0 : offsetMs(nowMs))).toISOString().slice(0, 10)
}

/** `asUtcMs` is what the text would mean if it were in UTC. The fraction of a second is taken over as it is written. */
function localToUtc(text: string, asUtcMs: number): string {
  const guessMs = asUtcMs + offsetMs(asUtcMs)
  const date = new Date(asUtcMs + offsetMs(guessMs))
  const fraction = /[.,](\d{1,9})$/.exec(text)?.[1]
  return `${date.toISOString().slice(0, 19)}${fraction === undefined ? '' : `.${fraction}`}Z`
}

/** What has to be added to local time to get UTC. */
function offsetMs(ms: number): number {
  return new Date(ms).getTimezoneOffset() * 60_000
}
