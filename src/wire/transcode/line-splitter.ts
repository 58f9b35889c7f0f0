/** Takes whole lines (or elements) out of a stream of chunks. */
export interface SpanReceiver {
  /**
   * One line without its end, valid until the call returns. `lineNumber` counts from 1. `cutBytes` > 0: the line was
   * longer than the limit by so much, and only its beginning is here.
   */
  span(bytes: Buffer, start: number, end: number, lineNumber: number, cutBytes: number): void
}

export interface Splitter {
  /** A chunk; it may be reused once this returns. */
  push(chunk: Buffer): void
  /** No more chunks. False when something was left open that should have been closed. */
  end(): boolean
  /** Whether a line has begun in the chunks so far and not ended. */
  readonly isOpen: boolean
}

/** Holds the beginning of what goes on in the next chunk; beyond its limit it only counts. */
export class Carry {
  bytes = Buffer.allocUnsafeSlow(4096)
  length = 0
  cutBytes = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  append(chunk: Buffer, start: number, end: number): void {
    const room = this.#bytesMax - this.length
    const taken = Math.min(room, end - start)
    this.cutBytes += end - start - taken
    const needed = this.length + taken
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)))
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
    }
    chunk.copy(this.bytes, this.length, start, start + taken)
    this.length = needed
  }

  /** What was gathered, as a buffer of its own over the same memory. */
  whole(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
    this.cutBytes = 0
  }
}

/** Splits at newlines; a carriage return before one belongs to it, and empty lines are passed over but counted. */
export class LineSplitter implements Splitter {
  readonly #receiver: SpanReceiver
  readonly #lineBytesMax: number
  readonly #carry: Carry
  #lineNumber = 0

  constructor(receiver: SpanReceiver, lineBytesMax: number) {
    this.#receiver = receiver
    this.#lineBytesMax = lineBytesMax
    this.#carry = new Carry(lineBytesMax)
  }

  get isOpen(): boolean {
    return this.#carry.length > 0
  }

  /** Lines that have ended so far, empty ones included. */
  get lines(): number {
    return this.#lineNumber
  }

  push(chunk: Buffer): void {
    let start = 0
    let newline = chunk.indexOf(0x0a)
    if (newline >= 0 && this.isOpen) {
      this.#carry.append(chunk, 0, newline)
      this.#flushCarry()
      start = newline + 1
      newline = chunk.indexOf(0x0a, start)
    }
    while (newline >= 0) {
      this.#line(chunk, start, newline)
      start = newline + 1
      newline = chunk.indexOf(0x0a, start)
    }
    if (start < chunk.length) this.#carry.append(chunk, start, chunk.length)
  }

  end(): boolean {
    if (this.isOpen) this.#flushCarry()
    return true
  }

  #flushCarry(): void {
    const { length, cutBytes } = this.#carry
    const bytes = this.#carry.whole()
    if (cutBytes > 0) this.#receiver.span(bytes, 0, length, ++this.#lineNumber, cutBytes)
    else this.#line(bytes, 0, length)
    this.#carry.clear()
  }

  #line(bytes: Buffer, start: number, end: number): void {
    this.#lineNumber++
    if (end > start && bytes[end - 1] === 0x0d) end--
    if (end === start) return
    const cutBytes = Math.max(0, end - start - this.#lineBytesMax)
    this.#receiver.span(bytes, start, end - cutBytes, this.#lineNumber, cutBytes)
  }
}
