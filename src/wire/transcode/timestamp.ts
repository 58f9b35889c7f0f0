import { parseTimestamp } from '../../core/time.ts'

/** Wall clock → UTC in one time zone. */
export interface TimeZone {
  /**
   * Seconds since 1970 UTC of what a wall clock shows, given as if it were UTC. An hour that is repeated (the clock is
   * set back) means its first time, unless that lies more than a minute before `previousSeconds`, the line before: then
   * its second. An hour that is left out (the clock is set forward) is read by the offset before the change.
   */
  toUtc(wallSeconds: number, previousSeconds: number): number
}

/**
 * A time of day and date from bytes, as whole seconds since 1970 and nanoseconds within the second: numbers only, as
 * bigints would cost more than the rest of an event. Same results as `parseTimestamp` of core, which is asked for
 * everything that is not in the usual forms.
 */
export class TimestampReader {
  /** Set by a successful read. */
  seconds = 0
  nanoseconds = 0
  #dateKey = -1
  #dateSeconds = 0
  /** The text up to the minute of the ISO time read last, and what it stands for. */
  readonly #minuteText = new Uint8Array(MINUTE_BYTES)
  #minuteSeconds = 0
  readonly #zone: TimeZone | undefined

  /** `zone`: of ISO times that do not say; UTC without. */
  constructor(zone?: TimeZone) {
    this.#zone = zone
  }

  /**
   * Reads RFC 3339 text, or an epoch number in s, ms, µs or ns by magnitude. False when it is neither; then the other
   * members mean nothing.
   */
  read(bytes: Buffer, start: number, end: number): boolean {
    const size = end - start
    if (size >= 19 && bytes[start + 4] === 0x2d) {
      if (this.#readIso(bytes, start, end)) return true
    } else if (size >= 1 && size <= 29 && this.#readEpoch(bytes, start, end)) {
      return true
    }
    return size <= 64 && this.#readSlow(bytes.toString('latin1', start, end))
  }

  /** Whole seconds from civil time. The caller has checked the ranges; false for a day that its month has not. */
  setCivil(year: number, month: number, day: number, secondOfDay: number): boolean {
    const key = year * 10_000 + month * 100 + day
    if (key !== this.#dateKey) {
      if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return false
      this.#dateSeconds = daysSinceEpoch(year, month, day) * 86_400
      this.#dateKey = key
    }
    this.seconds = this.#dateSeconds + secondOfDay
    return true
  }

  #readIso(bytes: Buffer, start: number, end: number): boolean {
    if (!this.#isSameMinute(bytes, start) && !this.#readMinute(bytes, start)) return false
    const second = digits2(bytes, start + 17)
    if (!(second < 60)) return false
    this.seconds = this.#minuteSeconds + second
    const at = this.#readFraction(bytes, start + 19, end)
    if (at !== end) return at > 0 && this.#readZone(bytes, at, end)
    if (this.#zone) this.seconds = this.#zone.toUtc(this.seconds, Number.NaN)
    return true
  }

  #isSameMinute(bytes: Buffer, start: number): boolean {
    const text = this.#minuteText
    // From the end, where times differ first.
    for (let i = MINUTE_BYTES - 1; i >= 0; i--) if (text[i] !== bytes[start + i]) return false
    return true
  }

  /** `2026-11-21T10:00:` with T or a space. */
  #readMinute(bytes: Buffer, start: number): boolean {
    const year = digits2(bytes, start) * 100 + digits2(bytes, start + 2)
    const month = digits2(bytes, start + 5)
    const day = digits2(bytes, start + 8)
    const hour = digits2(bytes, start + 11)
    const minute = digits2(bytes, start + 14)
    const second = digits2(bytes, start + 17)
    // NaN from a byte that is no digit fails these comparisons.
    if (!(year >= 1900 && year < 2262 && month >= 1 && day >= 1 && hour < 24 && minute < 60 && second < 60))
      return false
    const separator = bytes[start + 10] as number
    if (separator !== 0x54 && separator !== 0x20) return false
    if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return false
    if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return false
    if (!this.setCivil(year, month, day, hour * 3600 + minute * 60)) return false
    this.#minuteSeconds = this.seconds
    for (let i = 0; i < MINUTE_BYTES; i++) this.#minuteText[i] = bytes[start + i] as number
    return true
  }

  /** Reads `.123456789` if it is there; further digits do not count. Where it ended, 0 when it is not right. */
  #readFraction(bytes: Buffer, start: number, end: number): number {
    this.nanoseconds = 0
    const mark = bytes[start]
    if (start >= end || (mark !== 0x2e && mark !== 0x2c)) return start
    let at = start + 1
    let value = 0
    let digits = 0
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - 0x30
      if (digit < 0 || digit > 9) break
      if (digits < 9) {
        value = value * 10 + digit
        digits++
      }
    }
    if (digits === 0) return 0
    this.nanoseconds = value * (POWERS[9 - digits] as number)
    return at
  }

  #readZone(bytes: Buffer, at: number, end: number): boolean {
    const sign = bytes[at]
    if (sign === 0x5a || sign === 0x7a) return at + 1 === end
    if ((sign !== 0x2b && sign !== 0x2d) || end - at < 5 || end - at > 6) return false
    if (end - at === 6 && bytes[at + 3] !== 0x3a) return false
    const hours = digits2(bytes, at + 1)
    const minutes = digits2(bytes, end - 2)
    if (!(hours < 24 && minutes < 60)) return false
    const offset = hours * 3600 + minutes * 60
    this.seconds += sign === 0x2d ? offset : -offset
    return true
  }

  /** Up to 19 digits and perhaps a fraction, not negative. */
  #readEpoch(bytes: Buffer, start: number, end: number): boolean {
    let first = start
    while (first < end - 1 && bytes[first] === 0x30) first++
    let at = first
    while (at < end && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) at++
    const count = at - first
    if (count === 0 || count > 19 || at - start > 19) return false
    const subDigits = count <= 11 ? 0 : count <= 14 ? 3 : count <= 17 ? 6 : 9
    let seconds = 0
    let nanoseconds = 0
    let nanoDigits = 0
    for (let i = first; i < at - subDigits; i++) seconds = seconds * 10 + (bytes[i] as number) - 0x30
    for (let i = at - subDigits; i < at; i++, nanoDigits++) nanoseconds = nanoseconds * 10 + (bytes[i] as number) - 0x30
    if (at < end) {
      if (bytes[at] !== 0x2e || at + 1 === end) return false
      for (let i = at + 1; i < end; i++) {
        const digit = (bytes[i] as number) - 0x30
        if (digit < 0 || digit > 9) return false
        if (nanoDigits < 9) {
          nanoseconds = nanoseconds * 10 + digit
          nanoDigits++
        }
      }
    }
    if (seconds >= SECONDS_MAX) return false
    this.seconds = seconds
    this.nanoseconds = nanoseconds * (POWERS[9 - nanoDigits] as number)
    return true
  }

  #readSlow(text: string): boolean {
    const ns = parseTimestamp(text)
    if (ns === undefined) return false
    const nanoseconds = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    this.seconds = Number((ns - nanoseconds) / 1_000_000_000n)
    this.nanoseconds = Number(nanoseconds)
    return true
  }
}

/** Seconds before which every nanosecond fits the stored range. */
const SECONDS_MAX = 9_223_372_036

/** `2026-11-21T10:00:` */
const MINUTE_BYTES = 17

const POWERS: readonly number[] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

/** Two decimal digits at `at`; NaN when they are not. */
export function digits2(bytes: Buffer, at: number): number {
  const tens = (bytes[at] as number) - 0x30
  const ones = (bytes[at + 1] as number) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** Writes seconds and nanoseconds as one Int64 of nanoseconds. Exact for the whole stored range, also before 1970. */
export function writeTimestamp(cells: DataView, at: number, seconds: number, nanoseconds: number): void {
  const upper = Math.floor(seconds / 65_536)
  const scaled = upper * 1e9
  const scaledHigh = Math.floor(scaled / 65_536)
  const low = (scaled - scaledHigh * 65_536) * 65_536 + (seconds - upper * 65_536) * 1e9 + nanoseconds
  const carry = Math.floor(low / 4_294_967_296)
  cells.setUint32(at, low - carry * 4_294_967_296, true)
  cells.setInt32(at + 4, scaledHigh + carry, true)
}
