import type { TimeZone } from '../transcode/timestamp.ts'

/** Offsets change at quarters of an hour only: an offset holds for the whole quarter. */
const QUARTER_SECONDS = 900
const DAY_SECONDS = 86_400
/** How far a line may lie before the one above it and still be of the same pass of a repeated hour. */
const DISORDER_SECONDS_MAX = 60

/**
 * An IANA name (`Europe/Berlin`), `UTC`, an offset (`+02:00`), or `local`, the zone of this machine. Throws a RangeError
 * for anything else.
 */
export function createTimeZone(name: string): TimeZone {
  const offset = /^([+-])(\d{2}):?(\d{2})$/.exec(name)
  if (offset) {
    const seconds = Number(offset[2]) * 3600 + Number(offset[3]) * 60
    return fixedZone(offset[1] === '-' ? -seconds : seconds)
  }
  if (name === 'UTC' || name === 'Etc/UTC' || name === 'GMT') return fixedZone(0)
  try {
    return new NamedZone(name === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : name)
  } catch (error) {
    throw new RangeError(`"${name}" is no time zone: use a name such as Europe/Berlin, UTC, or an offset like +02:00`, {
      cause: error,
    })
  }
}

function fixedZone(offsetSeconds: number): TimeZone {
  return { toUtc: (wallSeconds) => wallSeconds - offsetSeconds }
}

class NamedZone implements TimeZone {
  readonly #format: Intl.DateTimeFormat
  /** The quarter read last, and its one offset; NaN where a change is near. */
  #quarter = Number.NaN
  #offset = Number.NaN

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  }

  toUtc(wallSeconds: number, previousSeconds: number): number {
    const quarter = Math.floor(wallSeconds / QUARTER_SECONDS)
    if (quarter !== this.#quarter) {
      this.#quarter = quarter
      this.#offset = this.#offsetOf(quarter * QUARTER_SECONDS)
    }
    if (!Number.isNaN(this.#offset)) return wallSeconds - this.#offset
    return this.#nearChange(wallSeconds, previousSeconds)
  }

  /** The offset of a wall clock's quarter of an hour; NaN where it has two or none. */
  #offsetOf(wallSeconds: number): number {
    const before = this.#offsetAt(wallSeconds - DAY_SECONDS)
    const after = this.#offsetAt(wallSeconds + DAY_SECONDS)
    return before === after && this.#offsetAt(wallSeconds - before) === before ? before : Number.NaN
  }

  #nearChange(wallSeconds: number, previousSeconds: number): number {
    const before = this.#offsetAt(wallSeconds - DAY_SECONDS)
    const after = this.#offsetAt(wallSeconds + DAY_SECONDS)
    const early = wallSeconds - before
    const late = wallSeconds - after
    const isEarly = this.#offsetAt(early) === before
    const isLate = this.#offsetAt(late) === after
    if (isEarly && isLate) return early < previousSeconds - DISORDER_SECONDS_MAX ? late : early
    return isLate ? late : early
  }

  /** Seconds east of UTC at an instant. */
  #offsetAt(utcSeconds: number): number {
    const parts = this.#format.formatToParts(utcSeconds * 1000)
    const text = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const match = /([+-−])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(text)
    if (!match) return 0
    const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)
    return match[1] === '+' ? seconds : -seconds
  }
}
