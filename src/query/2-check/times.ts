import { NS_PER_SECOND, parseDuration, parseTime, parseTimestamp, TIMESTAMP_MAX_NS } from '../../core/time.ts'

/** A time as written: a point, or as much as its digits leave open (a day, a minute, a second). Half-open. */
export interface TimeSpan {
  fromNs: bigint
  toNs: bigint
}

const DATE_PARTS = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?<second>:\d{2}(?:[.,](?<fraction>\d{1,9})\d*)?)?)?/
const DAY_NS = 86_400n * NS_PER_SECOND

/** `now`, `-15m`, `2026-01-05`, `2026-01-05T10:30`, epoch numbers; undefined when it is none of them. */
export function timeSpanOf(text: string, nowNs: bigint): TimeSpan | undefined {
  // A year or another short number is meant as anything but seconds after 1970.
  if (/^-?\d{1,7}(\.\d*)?$/.test(text)) return undefined
  const ns = parseTime(text, nowNs)
  if (ns === undefined) return undefined
  const toNs = ns + openNs(text.trim())
  return { fromNs: ns, toNs: toNs > TIMESTAMP_MAX_NS ? TIMESTAMP_MAX_NS : toNs }
}

/** The last so much: `15m` or `-15m`; undefined when it is not a duration. */
export function lastSpanOf(text: string, nowNs: bigint): TimeSpan | undefined {
  const durationNs = parseDuration(text.replace(/^-/, ''))
  return durationNs === undefined ? undefined : { fromNs: nowNs - durationNs, toNs: nowNs + 1n }
}

function openNs(text: string): bigint {
  const parts = DATE_PARTS.exec(text)
  if (parts) {
    if (parts[0].length === 10) return DAY_NS
    const { second, fraction } = parts.groups ?? {}
    if (second === undefined) return 60n * NS_PER_SECOND
    return 10n ** BigInt(9 - (fraction?.length ?? 0))
  }
  if (!/^\d+$/.test(text) || parseTimestamp(text) === undefined) return 1n
  if (text.length <= 11) return NS_PER_SECOND
  if (text.length <= 14) return 1_000_000n
  return text.length <= 17 ? 1000n : 1n
}
