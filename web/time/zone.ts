/** Which clock times are shown on: the browser's, or UTC. */
export type Zone = 'local' | 'utc'

interface DateParts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  ms: number
}

function partsOf(date: Date, zone: Zone): DateParts {
  return zone === 'utc'
    ? {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
        ms: date.getUTCMilliseconds(),
      }
    : {
        year: date.getFullYear(),
        month: date.getMonth() + 1,
        day: date.getDate(),
        hour: date.getHours(),
        minute: date.getMinutes(),
        second: date.getSeconds(),
        ms: date.getMilliseconds(),
      }
}

const two = (value: number): string => String(value).padStart(2, '0')

/** `09:22:13.619`. */
export function clockText(time: Date, zone: Zone): string {
  const { hour, minute, second, ms } = partsOf(time, zone)
  return `${two(hour)}:${two(minute)}:${two(second)}.${String(ms).padStart(3, '0')}`
}

/** `2026-11-28`. */
export function dayText(time: Date, zone: Zone): string {
  const { year, month, day } = partsOf(time, zone)
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
}

/** `2026-11-28 09:22:13`, with milliseconds where there are any. */
export function momentText(time: Date, zone: Zone): string {
  const clock = clockText(time, zone)
  return `${dayText(time, zone)} ${clock.endsWith('.000') ? clock.slice(0, -4) : clock}`
}

/** `28 Nov 09:22`. */
export function shortText(time: Date, zone: Zone): string {
  const { month, day, hour, minute } = partsOf(time, zone)
  return `${day} ${MONTHS[month - 1] ?? ''} ${two(hour)}:${two(minute)}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const MOMENT = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3})\d*)?)?)?$/

/** The reverse of `momentText`; less of it will do. `undefined` when it is no moment. */
export function readMoment(text: string, zone: Zone): Date | undefined {
  const match = MOMENT.exec(text.trim())
  if (!match) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => (part === undefined ? 0 : Number(part)))
  const ms = Number((match[7] ?? '0').padEnd(3, '0'))
  const time =
    zone === 'utc'
      ? new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms))
      : new Date(year, month - 1, day, hour, minute, second, ms)
  const isReal = partsOf(time, zone).month === month && hour < 24 && minute < 60 && second < 60
  return isReal ? time : undefined
}

/** `UTC+01:00`. */
export function zoneName(zone: Zone, at = new Date()): string {
  const minutes = zone === 'utc' ? 0 : -at.getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const whole = Math.abs(minutes)
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(whole / 60))}:${two(whole % 60)}`
}

const AGES: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
]

/** `3 hours ago`. */
export function ageText(time: Date, nowMs: number): string {
  const ms = nowMs - time.getTime()
  for (const [unitMs, name] of AGES) {
    const count = Math.floor(Math.abs(ms) / unitMs)
    if (count >= 1)
      return ms < 0 ? `in ${count} ${name}${count === 1 ? '' : 's'}` : `${count} ${name}${count === 1 ? '' : 's'} ago`
  }
  return 'just now'
}
