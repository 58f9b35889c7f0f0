import { FIELD_FORMATS, type FieldFormat, type FieldFormats } from './formats.ts'
import type { WallClock } from './wall-clock.ts'
import type { Wrapper } from './wrappers.ts'

/** Of so many lines at least the format must be, in parts of all that were seen. */
const SHARE_MIN = 0.5

/** What the first lines of a file say about how it is written. */
export class Detection {
  #lines = 0
  readonly #found: number[] = []

  vote(formats: FieldFormats, bytes: Buffer, from: number, to: number, clock: WallClock): void {
    this.#lines++
    const { seconds, nanoseconds } = clock
    for (const [index, format] of FIELD_FORMATS.entries()) {
      if (formats.looksLike(format, bytes, from, to, clock)) this.#found[index] = (this.#found[index] ?? 0) + 1
    }
    // Looking is not reading: the time of the line before is still that.
    clock.seconds = seconds
    clock.nanoseconds = nanoseconds
  }

  /** The format of most lines; `undefined`: plain text. */
  get format(): FieldFormat | undefined {
    const enough = Math.max(1, this.#lines * SHARE_MIN)
    return FIELD_FORMATS.find((_, index) => (this.#found[index] ?? 0) >= enough)
  }
}

/** The wrapper that most of these lines were written by. */
export function findWrapper(
  lines: readonly { bytes: Buffer; from: number; to: number }[],
  wrappers: readonly Wrapper[],
): Wrapper | undefined {
  return wrappers.find((wrapper) => {
    const count = lines.filter(({ bytes, from, to }) => wrapper.read(bytes, from, to)).length
    return count >= Math.max(1, lines.length * SHARE_MIN)
  })
}
