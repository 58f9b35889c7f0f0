/**
 * Times as nanoseconds since 1970 UTC in a bigint, and the texts people and programs write for them.
 * The stored range is that of ClickHouse's DateTime64(9): 1900-01-01 to 2262-04-11.
 */

export const NS_PER_MS = 1_000_000n
export const NS_PER_SECOND = 1_000_000_000n

/** Earliest and latest time that can be stored. */
export const TIMESTAMP_MIN_NS = -2_208_988_800_000_000_000n
export const TIMESTAMP_MAX_NS = 9_223_372_036_000_000_000n

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?(?: ?([Zz]|[+-]\d{2}:?\d{2}))?)?$/
const EPOCH = /^(-?\d{1,19})(?:\.(\d{1,9})\d*)?$/
const DURATION_PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)/y
const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
}

/**
 * RFC 3339 (a space for the T, a comma for the dot, a missing zone meaning UTC, and a bare date are accepted; up to
 * nine fraction digits count) or an epoch number in s, ms, µs or ns, told apart by magnitude.
 * `undefined` when it is neither, names an impossible date, or lies outside the stored range.
 */
export function parseTimestamp(text: string): bigint | undefined {
  const ns = readTimestamp(text)
  return ns !== undefined && isStorable(ns) ? ns : undefined
}

/** Whether it is a time such as `parseTimestamp` reads, but one that cannot be stored. */
export function isTimeOutOfRange(text: string): boolean {
  const ns = readTimestamp(text)
  return ns !== undefined && !isStorable(ns)
}

function readTimestamp(text: string): bigint | undefined {
  const epoch = EPOCH.exec(text)
  if (epoch) return epochNs(BigInt(epoch[1] ?? '0'), epoch[2] ?? '', text.startsWith('-'))
  const match = RFC3339.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match
  const leap = second === '60' ? 1 : 0
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${leap ? '59' : second}Z`)
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(day)) return undefined
  const offsetMinutes = zoneOffsetMinutes(zone)
  if (offsetMinutes === undefined) return undefined
  const whole = BigInt(ms / 1000 + leap - offsetMinutes * 60) * NS_PER_SECOND
  return whole + BigInt(fraction.padEnd(9, '0'))
}

function zoneOffsetMinutes(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(-2))
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

/** Epoch value → ns: below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds. */
function epochNs(whole: bigint, fraction: string, negative: boolean): bigint {
  const magnitude = whole < 0n ? -whole : whole
  let unitNs = 1n
  if (magnitude < 100_000_000_000n) unitNs = NS_PER_SECOND
  else if (magnitude < 100_000_000_000_000n) unitNs = NS_PER_MS
  else if (magnitude < 100_000_000_000_000_000n) unitNs = 1000n
  const part = (BigInt(fraction.padEnd(9, '0')) * unitNs) / NS_PER_SECOND
  return whole * unitNs + (negative ? -part : part)
}

function isStorable(ns: bigint): boolean {
  return ns >= TIMESTAMP_MIN_NS && ns <= TIMESTAMP_MAX_NS
}

/** `90s`, `1h30m`, `250ms`, `7d`, `2w` → nanoseconds; `undefined` when it is not a duration. */
export function parseDuration(text: string): bigint | undefined {
  let totalNs = 0
  DURATION_PART.lastIndex = 0
  let end = 0
  while (end < text.length) {
    DURATION_PART.lastIndex = end
    const match = DURATION_PART.exec(text)
    if (!match) return undefined
    totalNs += Number(match[1]) * (UNIT_NS[match[2] ?? ''] ?? 0)
    end = DURATION_PART.lastIndex
  }
  return end === 0 || totalNs > 9e18 ? undefined : BigInt(Math.round(totalNs))
}

/** A point in time as people write it: `now`, `-15m`, `1h` (ago, in options such as --since), or an absolute time. */
export function parseTime(text: string, nowNs: bigint): bigint | undefined {
  const trimmed = text.trim()
  if (trimmed === 'now') return nowNs
  const durationNs = parseDuration(trimmed.replace(/^[-+]/, ''))
  if (durationNs === undefined) return parseTimestamp(trimmed)
  return trimmed.startsWith('+') ? nowNs + durationNs : nowNs - durationNs
}

/** RFC 3339 in UTC, with as many fraction digits as the time needs in steps of three (at least milliseconds). */
export function formatTimestamp(ns: bigint): string {
  const subMs = ((ns % NS_PER_MS) + NS_PER_MS) % NS_PER_MS
  const iso = new Date(Number((ns - subMs) / NS_PER_MS)).toISOString()
  if (subMs === 0n) return iso
  const digits = subMs.toString().padStart(6, '0')
  return `${iso.slice(0, -1)}${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`
}

/** Nanoseconds → the shortest duration text with at most two units: `1h30m`, `250ms`, `0s`. */
export function formatDuration(ns: bigint): string {
  let rest = ns < 0n ? -ns : ns
  const parts: string[] = []
  for (const unit of ['d', 'h', 'm', 's', 'ms', 'us', 'ns']) {
    const unitNs = BigInt(UNIT_NS[unit] ?? 1)
    const count = rest / unitNs
    if (count > 0n) parts.push(`${count}${unit}`)
    rest %= unitNs
    if (parts.length === 2) break
  }
  return `${ns < 0n ? '-' : ''}${parts.join('') || '0s'}`
}
