import { type TimeZone, TimestampReader } from '../transcode/timestamp.ts'
import type { WallTime } from './wall-time.ts'

/** A date without a year may lie this far behind the reference and still be of its year: clocks and zones differ. */
const FUTURE_SECONDS_MAX = 86_400
const DAY_SECONDS = 86_400
/** Reaches across a 29 February that the years before do not have. */
const YEARS_BACK_MAX = 8

/** What a wall clock showed → seconds since 1970. */
export class WallClock {
  /** Set by `read`; the last time read stays until the next one. NaN before the first. */
  seconds = Number.NaN
  nanoseconds = 0
  readonly #zone: TimeZone
  readonly #days: TimestampReader
  #limitSeconds = 0
  #limitYear = 0
  /** Month and day read last without a year, and the year found for them. */
  #yearless = 0
  #year = 0

  /** `days` may serve several clocks. */
  constructor(zone: TimeZone, referenceSeconds: number, days = new TimestampReader()) {
    this.#zone = zone
    this.#days = days
    this.setReference(referenceSeconds)
  }

  /** Dates without a year are the latest ones not after this instant, in seconds since 1970. */
  setReference(referenceSeconds: number): void {
    if (referenceSeconds + FUTURE_SECONDS_MAX === this.#limitSeconds) return
    this.#limitSeconds = referenceSeconds + FUTURE_SECONDS_MAX
    this.#limitYear = new Date(this.#limitSeconds * 1000).getUTCFullYear()
    this.#yearless = 0
  }

  /** A time that was read elsewhere, for lines after it that have none. NaN: there was none. */
  remember(seconds: number, nanoseconds: number): void {
    if (Number.isNaN(seconds)) return
    this.seconds = seconds
    this.nanoseconds = nanoseconds
  }

  /** False when there is no such day, or it cannot be stored; then nothing is changed. */
  read(found: WallTime): boolean {
    if (!Number.isNaN(found.epochSeconds)) {
      this.seconds = found.epochSeconds
      this.nanoseconds = found.nanoseconds
      return true
    }
    const wallSeconds = found.year === 0 ? this.#inLatestYear(found) : this.#inYear(found, found.year)
    if (Number.isNaN(wallSeconds)) return false
    this.seconds = Number.isNaN(found.zoneSeconds)
      ? this.#zone.toUtc(wallSeconds, this.seconds)
      : wallSeconds - found.zoneSeconds
    this.nanoseconds = found.nanoseconds
    return true
  }

  #inYear(found: WallTime, year: number): number {
    return this.#days.setCivil(year, found.month, found.day, found.second) ? this.#days.seconds : Number.NaN
  }

  #inLatestYear(found: WallTime): number {
    const yearless = found.month * 100 + found.day
    if (yearless === this.#yearless) return this.#inYear(found, this.#year)
    for (let year = this.#limitYear; year >= this.#limitYear - YEARS_BACK_MAX; year--) {
      const seconds = this.#inYear(found, year)
      if (Number.isNaN(seconds) || seconds > this.#limitSeconds) continue
      // On the very day of the limit the time of day decides: that day is not remembered.
      if (seconds + DAY_SECONDS < this.#limitSeconds) {
        this.#yearless = yearless
        this.#year = year
      }
      return seconds
    }
    return Number.NaN
  }
}
