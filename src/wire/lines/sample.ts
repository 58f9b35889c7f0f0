/** A line that waits until it is known how its file is written. */
export interface SampleLine {
  bytes: Buffer
  from: number
  to: number
  startOffset: number
}

/** So many lines, or so many bytes of them, are looked at before a file is read. */
const LINES_MAX = 32
const BYTES_MAX = 64 * 1024

/** The first lines of a file. */
export class LineSample {
  #lines: SampleLine[] = []
  #lineCount = 0
  #byteCount = 0

  get isLearning(): boolean {
    return this.#lineCount < LINES_MAX && this.#byteCount < BYTES_MAX
  }

  /** Lines that wait. */
  get count(): number {
    return this.#lines.length
  }

  /** Where the first line that waits begins in the file. */
  get startOffset(): number {
    return this.#lines[0]?.startOffset ?? 0
  }

  add(bytes: Buffer, from: number, to: number, startOffset: number): void {
    this.#lineCount++
    this.#byteCount += to - from
    const line = Buffer.from(bytes.subarray(from, to))
    this.#lines.push({ bytes: line, from: 0, to: line.length, startOffset })
  }

  /** The lines that wait, which wait no longer; `undefined` when there are none. */
  take(): readonly SampleLine[] | undefined {
    const lines = this.#lines
    if (lines.length === 0) return undefined
    this.#lines = []
    return lines
  }
}
