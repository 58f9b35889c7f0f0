/** What a pattern found: a reading of a clock on the wall. One object is reused for every line. */
export interface WallTime {
  /** 0 where the text has no year. */
  year: number
  month: number
  day: number
  /** Of the day, 0–86,400 (a leap second). */
  second: number
  nanoseconds: number
  /** Seconds east of UTC, NaN where the text has no zone. */
  zoneSeconds: number
  /** Seconds since 1970 where the text is an epoch number, else NaN; `year` to `second` mean nothing then. */
  epochSeconds: number
  /** From the level letter of `%G`, else 0. */
  severity: number
}

export function createWallTime(): WallTime {
  return {
    year: 0,
    month: 0,
    day: 0,
    second: 0,
    nanoseconds: 0,
    zoneSeconds: Number.NaN,
    epochSeconds: Number.NaN,
    severity: 0,
  }
}

export function copyWallTime(from: WallTime, to: WallTime): void {
  to.year = from.year
  to.month = from.month
  to.day = from.day
  to.second = from.second
  to.nanoseconds = from.nanoseconds
  to.zoneSeconds = from.zoneSeconds
  to.epochSeconds = from.epochSeconds
  to.severity = from.severity
}
