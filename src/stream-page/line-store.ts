import { parseLine, PLAIN, type Style } from './ansi.ts'

interface Piece {
  start: number
  bytes: Uint8Array
}

const NEWLINE = 0x0a
const ESCAPE = 0x1b
/** A line is shown up to here. */
const SHOWN_BYTES_MAX = 16 * 1024

/** The bytes of a stream and where its lines begin. Beyond its limit it lets go of the oldest. */
export class LineStore {
  readonly #bytesMax: number
  readonly #decoder = new TextDecoder()
  readonly #pieces: Piece[] = []
  #starts = new Float64Array(1024)
  /** Lines that have begun. */
  #lines = 0
  #endsWithNewline = true
  #bytes = 0
  #keptFrom = 0
  #firstKept = 0
  /** Styles that lines begin with, where they are not plain. */
  readonly #styles = new Map<number, Style>()
  #styledLines = 0
  #style: Style = PLAIN

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes so far, those that were let go of included. */
  get bytes(): number {
    return this.#bytes
  }

  get lines(): number {
    return this.#lines
  }

  /** The first line that is still there, from 0. */
  get firstKept(): number {
    return this.#firstKept
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#endsWithNewline) this.#begin(this.#bytes)
    for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < bytes.length - 1; at = bytes.indexOf(NEWLINE, at + 1)) {
      this.#begin(this.#bytes + at + 1)
    }
    this.#endsWithNewline = bytes.at(-1) === NEWLINE
    this.#pieces.push({ start: this.#bytes, bytes })
    this.#bytes += bytes.length
    this.#learnStyles(bytes)
    this.#letGo()
  }

  /** What a line says, from 0, as it came; and how many bytes of it are left out. */
  line(number: number): { text: string; cutBytes: number } {
    const [from, to] = this.#span(number)
    const end = Math.min(to, from + SHOWN_BYTES_MAX)
    return { text: this.#decoder.decode(this.#copy(from, end)), cutBytes: to - end }
  }

  /** The style that a line begins with. */
  styleOf(number: number): Style {
    return this.#styles.get(number) ?? PLAIN
  }

  #begin(at: number): void {
    if (this.#lines === this.#starts.length) {
      const larger = new Float64Array(this.#lines * 2)
      larger.set(this.#starts)
      this.#starts = larger
    }
    this.#starts[this.#lines++] = at
  }

  #span(number: number): [from: number, to: number] {
    const from = this.#starts[number] ?? this.#bytes
    const isLast = number >= this.#lines - 1
    const to = isLast ? this.#bytes - (this.#endsWithNewline ? 1 : 0) : (this.#starts[number + 1] ?? 0) - 1
    return [Math.max(from, this.#keptFrom), Math.max(to, from)]
  }

  #copy(from: number, to: number): Uint8Array {
    const copied = new Uint8Array(Math.max(0, to - from))
    for (let index = this.#pieceAt(from); index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]
      if (!piece || piece.start >= to) break
      const start = Math.max(0, from - piece.start)
      const end = Math.min(piece.bytes.length, to - piece.start)
      if (end > start) copied.set(piece.bytes.subarray(start, end), piece.start + start - from)
    }
    return copied
  }

  #pieceAt(position: number): number {
    let low = 0
    let high = this.#pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#pieces[middle]?.start ?? 0) <= position) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Colours may go over several lines: each line that has ended tells how the next one begins. */
  #learnStyles(bytes: Uint8Array): void {
    const ended = this.#lines - (this.#endsWithNewline ? 0 : 1)
    if (this.#style === PLAIN && !bytes.includes(ESCAPE) && !this.#hasOpenEscape()) this.#styledLines = ended
    for (; this.#styledLines < ended; this.#styledLines++) {
      const { end } = parseLine(this.line(this.#styledLines).text, this.#style)
      this.#style = isPlain(end) ? PLAIN : end
      if (this.#style !== PLAIN) this.#styles.set(this.#styledLines + 1, this.#style)
    }
  }

  /** The line that was open before this piece may have had some. */
  #hasOpenEscape(): boolean {
    return this.#styledLines < this.#lines && this.line(this.#styledLines).text.includes('\u001b')
  }

  #letGo(): void {
    while (this.#bytes - this.#keptFrom > this.#bytesMax && this.#pieces.length > 1) {
      this.#pieces.shift()
      this.#keptFrom = this.#pieces[0]?.start ?? this.#bytes
    }
    while (this.#firstKept < this.#lines - 1 && (this.#starts[this.#firstKept] ?? 0) < this.#keptFrom) {
      this.#styles.delete(this.#firstKept++)
    }
  }
}

function isPlain(style: Style): boolean {
  return Object.values(style).every((value) => value === undefined || value === false)
}
