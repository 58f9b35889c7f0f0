import { digits2 } from '../transcode/timestamp.ts'
import { isDigit, isWordByte, lettersEnd } from './byte-kinds.ts'
import { copyWallTime, createWallTime, type WallTime } from './wall-time.ts'
import { zoneEnd, zoneIfAny, zoneName } from './zone-text.ts'

const YEAR4 = 256
const YEAR2 = 257
const MONTH = 258
const DAY = 259
const MONTH_NAME = 260
const WEEKDAY_NAME = 261
const HOUR = 262
const HOUR12 = 263
const HALF_OF_DAY = 264
const MINUTE = 265
const SECOND = 266
const FRACTION = 267
const FRACTION_IF_ANY = 268
const ZONE = 269
const ZONE_IF_ANY = 270
const ZONE_NAME = 271
const EPOCH = 272
const LEVEL_LETTER = 273
const SPACES = 274
const DAY_PADDED = 275
const NUMBER = 276

const CODES: Readonly<Record<string, readonly number[]>> = {
  Y: [YEAR4],
  y: [YEAR2],
  m: [MONTH],
  d: [DAY],
  e: [DAY_PADDED],
  b: [MONTH_NAME],
  B: [MONTH_NAME],
  h: [MONTH_NAME],
  a: [WEEKDAY_NAME],
  A: [WEEKDAY_NAME],
  H: [HOUR],
  I: [HOUR12],
  p: [HALF_OF_DAY],
  M: [MINUTE],
  S: [SECOND],
  f: [FRACTION],
  L: [FRACTION],
  N: [FRACTION],
  E: [FRACTION_IF_ANY],
  z: [ZONE],
  O: [ZONE_IF_ANY],
  Z: [ZONE_NAME],
  s: [EPOCH],
  G: [LEVEL_LETTER],
  i: [NUMBER],
  F: [YEAR4, 0x2d, MONTH, 0x2d, DAY],
  T: [HOUR, 0x3a, MINUTE, 0x3a, SECOND],
  R: [HOUR, 0x3a, MINUTE],
  D: [MONTH, 0x2f, DAY, 0x2f, YEAR2],
  n: [SPACES],
  t: [SPACES],
  '%': [0x25],
}

/** Longer times are read anew each time. */
const LAST_BYTES_MAX = 40

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const WEEKDAYS = 'SunMonTueWedThuFriSat'
const POWERS: readonly number[] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
/** Fewer digits are no epoch number: those after 1973 have nine in seconds. */
const EPOCH_DIGITS_MIN = 9

/**
 * A time in text, described as for strptime(3), compiled to one code per step:
 *
 *     %Y %y %m %d %e %b %B %h %a %A %H %I %p %M %S %T %R %D %F %n %t %%    as there; %b and %a take long names too
 *     %f %L %N    digits of the fraction        %E    the same with its dot or comma, if it is there
 *     %z          Z, UTC, +02, +0200, +02:00    %O    the same, if it is there, perhaps after a space
 *     %Z          letters of a zone, which only mean something if they are Z, UTC or GMT
 *     %s          seconds, ms, µs or ns since 1970, told apart by magnitude
 *     %G          one of V D I W E F: a level (glog, Android)
 *     %i          digits that mean nothing here
 *
 * A space stands for any white space, everything else for itself.
 */
export class TimePattern {
  readonly text: string
  readonly #steps: Uint16Array
  /** Lines of one moment have the same time: the one read last, with the byte behind it, and what it says. */
  readonly #lastText = new Uint8Array(LAST_BYTES_MAX)
  #lastSize = 0
  readonly #last = createWallTime()
  readonly #isRepeatable: boolean

  /** Throws a RangeError for a pattern that has an unknown directive, or none that tells a day and an hour. */
  constructor(text: string) {
    this.text = text
    const steps: number[] = []
    for (let i = 0; i < text.length; i++) {
      const character = text.charAt(i)
      if (character !== '%') {
        steps.push(...literalSteps(character))
        continue
      }
      const codes = CODES[text.charAt(++i)]
      if (!codes) throw new RangeError(`"%${text.charAt(i)}" in "${text}" is not known`)
      steps.push(...codes)
    }
    const has = (...codes: number[]): boolean => codes.some((code) => steps.includes(code))
    const hasDay = has(DAY, DAY_PADDED) && has(MONTH, MONTH_NAME)
    const hasHour = has(HOUR) || (has(HOUR12) && has(HALF_OF_DAY))
    if (!has(EPOCH) && !(hasDay && hasHour)) {
      throw new RangeError(`"${text}" needs %s, or a day and month (%d %m, %F, %b) and an hour (%H, %T, or %I with %p)`)
    }
    this.#steps = Uint16Array.from(steps)
    this.#isRepeatable = !has(ZONE_IF_ANY, ZONE_NAME, LEVEL_LETTER)
  }

  /** Whether the time is a number since 1970. */
  get isEpoch(): boolean {
    return this.#steps.includes(EPOCH)
  }

  /** Reads the time that begins at `at`. Returns where it ended, −1 when none that fits stands there. */
  match(bytes: Buffer, at: number, end: number, found: WallTime): number {
    const size = this.#lastSize
    if (size > 0 && at + size < end && this.#isLast(bytes, at, size)) {
      copyWallTime(this.#last, found)
      return at + size
    }
    const after = this.#read(bytes, at, end, found)
    if (this.#isRepeatable && after >= 0) this.#remember(bytes, at, after, end, found)
    return after
  }

  #isLast(bytes: Buffer, at: number, size: number): boolean {
    const text = this.#lastText
    // From the end, where times differ first.
    for (let i = size; i >= 0; i--) if (text[i] !== bytes[at + i]) return false
    return true
  }

  /** Only what a space or a bracket ends: nothing behind these belongs to a time. */
  #remember(bytes: Buffer, at: number, after: number, end: number, found: WallTime): void {
    const size = after - at
    const next = bytes[after]
    if (after >= end || size >= LAST_BYTES_MAX || (next !== 0x20 && next !== 0x5d)) return
    for (let i = 0; i <= size; i++) this.#lastText[i] = bytes[at + i] as number
    this.#lastSize = size
    copyWallTime(found, this.#last)
  }

  #read(bytes: Buffer, at: number, end: number, found: WallTime): number {
    const steps = this.#steps
    found.year = 0
    found.month = 0
    found.day = 0
    found.second = 0
    found.nanoseconds = 0
    found.zoneSeconds = Number.NaN
    found.epochSeconds = Number.NaN
    found.severity = 0
    for (let step = 0; step < steps.length; step++) {
      const code = steps[step] as number
      if (code < 256) {
        if (at >= end || bytes[at] !== code) return -1
        at++
      } else {
        at = code <= DAY ? dateNumber(code, bytes, at, end, found) : timePart(code, bytes, at, end, found)
        if (at < 0) return -1
      }
    }
    // A number or word that goes on is another one.
    if (at < end && isWordByte(bytes[at] as number) && isWordByte(bytes[at - 1] as number)) return -1
    return at
  }
}

/** Fixed digits of a date. */
function dateNumber(code: number, bytes: Buffer, at: number, end: number, found: WallTime): number {
  const width = code === YEAR4 ? 4 : 2
  if (at + width > end) return code === DAY ? dayEnd(bytes, at, end, found) : -1
  const value = digits2(bytes, at)
  switch (code) {
    case YEAR4:
      found.year = value * 100 + digits2(bytes, at + 2)
      return found.year >= 1900 && found.year < 2262 ? at + 4 : -1
    case YEAR2:
      found.year = value < 70 ? 2000 + value : 1900 + value
      return value >= 0 ? at + 2 : -1
    case MONTH:
      found.month = value
      return value >= 1 && value <= 12 ? at + 2 : -1
    default:
      found.day = value
      return value >= 1 && value <= 31 ? at + 2 : dayEnd(bytes, at, end, found)
  }
}

function timePart(code: number, bytes: Buffer, at: number, end: number, found: WallTime): number {
  switch (code) {
    case HOUR:
    case MINUTE:
    case SECOND:
      return clockDigits(code, bytes, at, end, found)
    case FRACTION_IF_ANY:
      if (at + 1 >= end || (bytes[at] !== 0x2e && bytes[at] !== 0x2c) || !isDigit(bytes[at + 1])) return at
      return fractionEnd(bytes, at + 1, end, found)
    case FRACTION:
      return fractionEnd(bytes, at, end, found)
    case ZONE:
      return zoneEnd(bytes, at, end, found)
    case ZONE_IF_ANY:
      return zoneIfAny(bytes, at, end, found)
    case SPACES:
      return spacesEnd(bytes, at, end)
    case MONTH_NAME:
      found.month = nameNumber(MONTHS, bytes, at, end)
      return found.month > 0 ? lettersEnd(bytes, at, end) : -1
    case DAY_PADDED:
      return dayEnd(bytes, at, end, found)
    case WEEKDAY_NAME:
      return nameNumber(WEEKDAYS, bytes, at, end) > 0 ? lettersEnd(bytes, at, end) : -1
    case HOUR12:
      return hour12(bytes, at, end, found)
    case HALF_OF_DAY:
      return halfOfDay(bytes, at, end, found)
    case ZONE_NAME:
      return zoneName(bytes, at, end, found)
    case EPOCH:
      return epochEnd(bytes, at, end, found)
    case NUMBER:
      return digitsEnd(bytes, at, end)
    default:
      found.severity = LEVEL_LETTERS.get(bytes[at] as number) ?? 0
      return at < end && found.severity > 0 ? at + 1 : -1
  }
}

/** Digits of a fraction; those after the ninth do not count. */
function fractionEnd(bytes: Buffer, at: number, end: number, found: WallTime): number {
  const first = at
  let value = 0
  for (; at < end && isDigit(bytes[at]); at++) {
    if (at - first < 9) value = value * 10 + (bytes[at] as number) - 0x30
  }
  if (at === first) return -1
  found.nanoseconds = value * (POWERS[9 - Math.min(9, at - first)] as number)
  return at
}

/** glog's and Android's letters of a level. */
export const LEVEL_LETTERS: ReadonlyMap<number, number> = new Map(
  Object.entries({ V: 1, D: 5, I: 9, W: 13, E: 17, F: 21, A: 21 }).map(([letter, severity]) => [
    letter.charCodeAt(0),
    severity,
  ]),
)

function literalSteps(character: string): readonly number[] {
  return /\s/.test(character) ? [SPACES] : Array.from(Buffer.from(character))
}

function spacesEnd(bytes: Buffer, at: number, end: number): number {
  const first = at
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++
  return at > first ? at : -1
}

function digitsEnd(bytes: Buffer, at: number, end: number): number {
  const first = at
  while (at < end && isDigit(bytes[at])) at++
  return at > first ? at : -1
}

/** A day of one digit, perhaps after a space, or of two. */
function dayEnd(bytes: Buffer, at: number, end: number, found: WallTime): number {
  if (at < end && bytes[at] === 0x20) at++
  if (at >= end || !isDigit(bytes[at])) return -1
  let day = (bytes[at++] as number) - 0x30
  if (at < end && isDigit(bytes[at])) day = day * 10 + (bytes[at++] as number) - 0x30
  found.day = day
  return day >= 1 && day <= 31 ? at : -1
}

function clockDigits(code: number, bytes: Buffer, at: number, end: number, found: WallTime): number {
  if (at + 2 > end) return -1
  const value = digits2(bytes, at)
  if (code === HOUR) {
    found.second += value * 3600
    return value < 24 ? at + 2 : -1
  }
  found.second += code === MINUTE ? value * 60 : value
  return value < 60 || (value === 60 && code === SECOND) ? at + 2 : -1
}

/** An hour of one or two digits; `%p` says which half of the day it is of. */
function hour12(bytes: Buffer, at: number, end: number, found: WallTime): number {
  const first = at
  let hour = 0
  for (; at < end && at < first + 2 && isDigit(bytes[at]); at++) hour = hour * 10 + (bytes[at] as number) - 0x30
  found.second += (hour % 12) * 3600
  return hour >= 1 && hour <= 12 ? at : -1
}

function halfOfDay(bytes: Buffer, at: number, end: number, found: WallTime): number {
  if (at + 2 > end || ((bytes[at + 1] as number) | 0x20) !== 0x6d) return -1
  const letter = (bytes[at] as number) | 0x20
  if (letter === 0x70) found.second += 43_200
  return letter === 0x70 || letter === 0x61 ? at + 2 : -1
}

/** Position of the three letters at `at` among names of three letters, from 1; 0 for anything else. */
function nameNumber(names: string, bytes: Buffer, at: number, end: number): number {
  if (at + 3 > end) return 0
  const first = bytes[at]
  const second = bytes[at + 1]
  const third = bytes[at + 2]
  for (let i = 0; i < names.length; i += 3) {
    if (names.charCodeAt(i) === first && names.charCodeAt(i + 1) === second && names.charCodeAt(i + 2) === third) {
      return i / 3 + 1
    }
  }
  return 0
}

/** Nine to nineteen digits, perhaps with a fraction. */
function epochEnd(bytes: Buffer, at: number, end: number, found: WallTime): number {
  const first = at
  while (at < end && at - first <= 19 && isDigit(bytes[at])) at++
  const count = at - first
  if (count < EPOCH_DIGITS_MIN || count > 19 || bytes[first] === 0x30) return -1
  const subDigits = count <= 11 ? 0 : count <= 14 ? 3 : count <= 17 ? 6 : 9
  let seconds = 0
  let part = 0
  let partDigits = 0
  for (let i = first; i < at - subDigits; i++) seconds = seconds * 10 + (bytes[i] as number) - 0x30
  for (let i = at - subDigits; i < at; i++, partDigits++) part = part * 10 + (bytes[i] as number) - 0x30
  if (at + 1 < end && bytes[at] === 0x2e && isDigit(bytes[at + 1])) {
    for (at++; at < end && isDigit(bytes[at]); at++) {
      if (partDigits === 9) continue
      part = part * 10 + (bytes[at] as number) - 0x30
      partDigits++
    }
  }
  found.epochSeconds = seconds
  found.nanoseconds = part * (POWERS[9 - partDigits] as number)
  return seconds < EPOCH_SECONDS_MAX ? at : -1
}

/** Seconds before which every nanosecond fits the stored range. */
const EPOCH_SECONDS_MAX = 9_223_372_036
