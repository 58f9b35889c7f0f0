import { readLevel } from './level.ts'
import type { RowFound } from './row-writer.ts'
import { TextTimestampReader } from './text-timestamp.ts'

/** Finds time and level at the begin of text lines. */
export class TextReader {
  readonly #times = new TextTimestampReader()
  readonly #found: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }

  /** What a line tells besides its text; the object is reused. `nowSeconds` since 1970 places dates without a year: the latest such date that is not in the future. */
  read(bytes: Buffer, start: number, end: number, nowSeconds: number): RowFound {
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
