import { SLACK_BYTES } from '../transcode/row-writer.ts'

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

const FIRST_BYTES = 512
const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)

/** The first lines of a file: copies of them, side by side in one piece of memory, as many files begin at once. */
export class LineSample {
  #bytes: Buffer = NOTHING
  #used = 0
  /** Of each line: where it ends in the copy, and where it begins in the file. */
  #ends: number[] = []
  #offsets: number[] = []
  #lineCount = 0
  #byteCount = 0

  get isLearning(): boolean {
    return this.#lineCount < LINES_MAX && this.#byteCount < BYTES_MAX
  }

  /** Lines that wait. */
  get count(): number {
    return this.#ends.length
  }

  /** Where the first line that waits begins in the file. */
  get startOffset(): number {
    return this.#offsets[0] ?? 0
  }

  add(bytes: Buffer, from: number, to: number, startOffset: number): void {
    const size = to - from
    this.#lineCount++
    this.#byteCount += size
    this.#reserve(size + 1 + SLACK_BYTES)
    bytes.copy(this.#bytes, this.#used, from, to)
    this.#used += size
    this.#ends.push(this.#used)
    this.#offsets.push(startOffset)
    this.#bytes[this.#used++] = NEWLINE
  }

  /** The lines that wait, which wait no longer; `undefined` when there are none. */
  take(): readonly SampleLine[] | undefined {
    const bytes = this.#bytes
    const offsets = this.#offsets
    if (offsets.length === 0) return undefined
    let from = 0
    const lines = this.#ends.map((to, index) => {
      const line = { bytes, from, to, startOffset: offsets[index] ?? 0 }
      from = to + 1
      return line
    })
    this.#bytes = NOTHING
    this.#used = 0
    this.#ends = []
    this.#offsets = []
    return lines
  }

  #reserve(bytesMore: number): void {
    const needed = this.#used + bytesMore
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, FIRST_BYTES))
    this.#bytes.copy(larger, 0, 0, this.#used)
    this.#bytes = larger
  }
}
