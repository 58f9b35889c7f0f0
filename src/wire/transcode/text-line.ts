import { readLevel } from './level.ts'
import { TextTimestampReader } from './text-timestamp.ts'

/** What a plain text line tells besides its text. The object is reused. */
export interface TextFound {
  /** Seconds since 1970, NaN where the line has no unambiguous time. */
  seconds: number
  nanoseconds: number
  /** 0 where no level word stands in one of the usual places. */
  severity: number
}

/** Finds time and level at the begin of text lines. */
export class TextReader {
  readonly #times = new TextTimestampReader()
  readonly #found: TextFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }

  /** `nowSeconds` since 1970 places dates without a year: the latest such date that is not in the future. */
  read(bytes: Buffer, start: number, end: number, nowSeconds: number): TextFound {
    const found = this.#found
    const times = this.#times
    const after = times.read(bytes, start, end, nowSeconds)
    const hasTime = after > start
    found.severity = readLevel(bytes, hasTime ? after : start, end)
    found.seconds = hasTime && !(times.needsLevel && found.severity === 0) ? times.seconds : Number.NaN
    found.nanoseconds = times.nanoseconds
    return found
  }
}
