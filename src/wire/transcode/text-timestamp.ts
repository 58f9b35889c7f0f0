import { digits2, TimestampReader } from './timestamp.ts'

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
/** A date without a year may lie this far in the future and still be of this year: clocks differ. */
const FUTURE_SECONDS_MAX = 86_400
/** How far into the line the second word may begin that is tried when the first is no time. */
const FIRST_WORD_BYTES_MAX = 80

/**
 * The time at the begin of a text line, where its form leaves no doubt. Times without a zone are UTC.
 *
 *     2026-11-21T10:00:00.123Z …    2015-07-29 17:41:44,747 …     [2026-11-21 10:00:00] …    ISO 8601 and RFC 3339
 *     nova-api.log 2017-05-16 00:00:00.008 …                      the same as the second word
 *     [Sun Dec 04 04:47:44 2005] …  Sun Dec  4 04:47:44 2005 …    ctime (Apache's error log, also with microseconds)
 *     10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] …                 Common Log Format
 *     Dec 10 06:55:46 host …                                      RFC 3164 (the year is inferred)
 *     081109 203615 148 INFO …      17/06/09 20:10:40 INFO …      log4j's yyMMdd HHmmss and yy/MM/dd, only before a level
 */
export class TextTimestampReader {
  seconds = 0
  nanoseconds = 0
  /** The form found is ambiguous, and means a time only in front of a level. */
  needsLevel = false
  readonly #times = new TimestampReader()

  /** Sets `seconds` and `nanoseconds`. Returns where the time ended, `start` when there is none. */
  read(bytes: Buffer, start: number, end: number, nowSeconds: number): number {
    this.needsLevel = false
    if (end - start < 15) return start
    const isBracketed = bytes[start] === 0x5b
    const at = isBracketed ? start + 1 : start
    const first = bytes[at] as number
    let after = -1
    if (first >= 0x30 && first <= 0x39) after = this.#digits(bytes, at, end)
    else if (first >= 0x41 && first <= 0x5a) after = this.#letters(bytes, at, end, nowSeconds)
    if (after < 0 && !isBracketed) after = this.#later(bytes, start, end)
    return after < 0 ? start : after
  }

  #digits(bytes: Buffer, at: number, end: number): number {
    const iso = this.#iso(bytes, at, end)
    if (iso >= 0) return iso
    if (bytes[at + 2] === 0x2f && bytes[at + 5] === 0x2f && bytes[at + 8] === 0x20 && end - at >= 17) {
      const year = digits2(bytes, at)
      return this.#short(year, digits2(bytes, at + 3), digits2(bytes, at + 6), clock(bytes, at + 9), at + 17)
    }
    if (bytes[at + 6] === 0x20 && bytes[at + 13] === 0x20) {
      const time = secondOfDay(digits2(bytes, at + 7), digits2(bytes, at + 9), digits2(bytes, at + 11))
      return this.#short(digits2(bytes, at), digits2(bytes, at + 2), digits2(bytes, at + 4), time, at + 13)
    }
    return -1
  }

  /** A year of two digits: 70–99 are of the last century. */
  #short(year: number, month: number, day: number, time: number, after: number): number {
    if (!(year >= 0 && month >= 1 && day >= 1 && time >= 0)) return -1
    if (!this.#civil(year < 70 ? 2000 + year : 1900 + year, month, day, time)) return -1
    this.needsLevel = true
    return after
  }

  #civil(year: number, month: number, day: number, time: number): boolean {
    if (!this.#times.setCivil(year, month, day, time)) return false
    this.seconds = this.#times.seconds
    this.nanoseconds = 0
    return true
  }

  /** `2026-11-21T10:00:00` with T or space, fraction after dot or comma, and zone, each if present. */
  #iso(bytes: Buffer, at: number, end: number): number {
    if (end - at < 19 || bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d || bytes[at + 13] !== 0x3a) return -1
    let after = at + 19
    if (after < end && (bytes[after] === 0x2e || bytes[after] === 0x2c) && isDigit(bytes[after + 1])) {
      after++
      while (after < end && isDigit(bytes[after])) after++
    }
    const byte = bytes[after]
    if (after < end && (byte === 0x5a || byte === 0x7a)) after++
    else if (after < end && (byte === 0x2b || byte === 0x2d)) after += zoneBytes(bytes, after, end)
    if (after < end && !isBoundary(bytes[after] as number)) return -1
    if (!this.#times.read(bytes, at, after)) return -1
    this.seconds = this.#times.seconds
    this.nanoseconds = this.#times.nanoseconds
    return after
  }

  #letters(bytes: Buffer, at: number, end: number, nowSeconds: number): number {
    // ctime: Sun Dec 04 04:47:44 2005, perhaps 04:47:44.123456
    if (bytes[at + 3] === 0x20 && bytes[at + 7] === 0x20 && end - at >= 24) {
      const month = monthNumber(bytes, at + 4)
      const time = clock(bytes, at + 11)
      let after = at + 19
      while (after < end && (bytes[after] === 0x2e || isDigit(bytes[after]))) after++
      const year = digits2(bytes, after + 1) * 100 + digits2(bytes, after + 3)
      if (month > 0 && time >= 0 && year >= 1970 && bytes[after] === 0x20 && after + 5 <= end) {
        return this.#civil(year, month, dayNumber(bytes, at + 8), time) ? after + 5 : -1
      }
    }
    // RFC 3164: Dec 10 06:55:46
    const month = monthNumber(bytes, at)
    if (month === 0 || bytes[at + 3] !== 0x20 || bytes[at + 6] !== 0x20) return -1
    const time = clock(bytes, at + 7)
    if (!(time >= 0) || (at + 15 < end && !isBoundary(bytes[at + 15] as number))) return -1
    const day = dayNumber(bytes, at + 4)
    const year = new Date(nowSeconds * 1000).getUTCFullYear()
    // Five years back reach across a 29 February that this year and the last do not have.
    for (let back = -1; back <= 8; back++) {
      if (this.#civil(year - back, month, day, time) && this.seconds <= nowSeconds + FUTURE_SECONDS_MAX) return at + 15
    }
    return -1
  }

  /** A time that is not the first word: ISO as the second, or Common Log Format's bracket. */
  #later(bytes: Buffer, start: number, end: number): number {
    const limit = Math.min(end - 19, start + FIRST_WORD_BYTES_MAX)
    let words = 0
    for (let at = start; at < limit; at++) {
      const byte = bytes[at]
      if (byte === 0x20 && words++ === 0 && isDigit(bytes[at + 1])) {
        const after = this.#iso(bytes, at + 1, end)
        if (after >= 0) return after
      }
      if (byte === 0x5b && words >= 2 && bytes[at + 3] === 0x2f && bytes[at + 7] === 0x2f) {
        return this.#commonLog(bytes, at + 1, end)
      }
    }
    return -1
  }

  /** `10/Oct/2000:13:55:36 -0700]` */
  #commonLog(bytes: Buffer, at: number, end: number): number {
    if (end - at < 27 || bytes[at + 26] !== 0x5d || bytes[at + 20] !== 0x20) return -1
    const year = digits2(bytes, at + 7) * 100 + digits2(bytes, at + 9)
    const month = monthNumber(bytes, at + 3)
    const time = clock(bytes, at + 12)
    const zone = digits2(bytes, at + 22) * 3600 + digits2(bytes, at + 24) * 60
    if (!(year >= 1970 && month > 0 && time >= 0 && zone < 86_400)) return -1
    if (!this.#civil(year, month, dayNumber(bytes, at), time)) return -1
    this.seconds += bytes[at + 21] === 0x2d ? zone : -zone
    return at + 27
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

/** What may follow a time: space, tab, closing bracket, colon, comma, semicolon, bar, dash. */
function isBoundary(byte: number): boolean {
  return ' \t]:,;|-'.includes(String.fromCharCode(byte))
}

function zoneBytes(bytes: Buffer, at: number, end: number): number {
  if (end - at >= 6 && bytes[at + 3] === 0x3a && isDigit(bytes[at + 1]) && isDigit(bytes[at + 4])) return 6
  return end - at >= 5 && [1, 2, 3, 4].every((i) => isDigit(bytes[at + i])) ? 5 : 0
}

/** `HH:MM:SS` → second of the day; NaN when it is none. */
function clock(bytes: Buffer, at: number): number {
  if (bytes[at + 2] !== 0x3a || bytes[at + 5] !== 0x3a) return Number.NaN
  return secondOfDay(digits2(bytes, at), digits2(bytes, at + 3), digits2(bytes, at + 6))
}

function secondOfDay(hour: number, minute: number, second: number): number {
  return hour < 24 && minute < 60 && second < 60 ? hour * 3600 + minute * 60 + second : Number.NaN
}

/** Two digits, or a space and a digit. 0 when it is neither. */
function dayNumber(bytes: Buffer, at: number): number {
  const day = bytes[at] === 0x20 ? (bytes[at + 1] as number) - 0x30 : digits2(bytes, at)
  return day >= 1 && day <= 31 ? day : 0
}

/** English short month name → 1–12, 0 for anything else. */
function monthNumber(bytes: Buffer, at: number): number {
  for (let month = 0; month < 12; month++) {
    const from = month * 3
    if (
      bytes[at] === MONTHS.charCodeAt(from) &&
      bytes[at + 1] === MONTHS.charCodeAt(from + 1) &&
      bytes[at + 2] === MONTHS.charCodeAt(from + 2)
    ) {
      return month + 1
    }
  }
  return 0
}
