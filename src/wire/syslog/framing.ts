import { Carry } from '../transcode/line-splitter.ts'
import { isDigit } from '../lines/byte-kinds.ts'

/** One message of a stream, valid until the call returns. `cutBytes`: how much of it is missing at its end. */
export type TakeMessage = (bytes: Buffer, from: number, to: number, cutBytes: number) => void

const LESS_THAN = 0x3c
const SPACE = 0x20
/** Digits of a length; longer numbers are no lengths. */
const DIGITS_MAX = 8

const START = 0
/** Digits have come that may be a length. */
const LENGTH = 1
/** And a space behind them: what comes next decides. */
const LENGTH_END = 2
const COUNTED = 3
const LINE = 4

/**
 * Messages in a stream of bytes (RFC 6587): by octet counting (`57 <34>1 …`) or ended by a newline or NUL, which is told
 * for each message by how it begins. Longer ones than the limit are cut.
 */
export class SyslogFraming {
  readonly #take: TakeMessage
  readonly #bytesMax: number
  readonly #carry: Carry
  #state = START
  #digits = ''
  /** Bytes of a counted message that are still to come. */
  #remaining = 0

  constructor(bytesMax: number, take: TakeMessage) {
    this.#take = take
    this.#bytesMax = bytesMax
    this.#carry = new Carry(bytesMax)
  }

  /** The next bytes; they may be reused once this returns. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#state === COUNTED) at = this.#counted(chunk, at)
      else if (this.#state === LINE) at = this.#line(chunk, at)
      else at = this.#begin(chunk, at)
    }
  }

  /** No more bytes. What was left is a message; returns how much of it is missing, as far as that is known. */
  end(): number {
    const missing = this.#state === COUNTED ? this.#remaining : 0
    if (this.#state === LENGTH || this.#state === LENGTH_END) this.#toLine()
    if (this.#carry.length > 0) this.#flush(missing)
    this.#state = START
    return missing
  }

  /** Looks at the first bytes of a message. Returns how far it came. */
  #begin(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number
    if (this.#state === LENGTH_END) {
      if (byte === LESS_THAN) {
        this.#remaining = Number(this.#digits)
        this.#digits = ''
        this.#state = COUNTED
      } else this.#toLine()
      return at
    }
    if (isDigit(byte) && this.#digits.length < DIGITS_MAX && !(this.#digits === '' && byte === 0x30)) {
      this.#digits += String.fromCharCode(byte)
      this.#state = LENGTH
      return at + 1
    }
    if (this.#state === LENGTH && byte === SPACE) {
      this.#state = LENGTH_END
      return at + 1
    }
    // Ends of lines between messages mean nothing.
    if (this.#state === START && (byte === 0x0a || byte === 0x0d || byte === 0)) return at + 1
    this.#toLine()
    return at
  }

  /** It was no length: the digits are the begin of a line. */
  #toLine(): void {
    const text = this.#state === LENGTH_END ? `${this.#digits} ` : this.#digits
    if (text !== '') this.#carry.append(Buffer.from(text, 'latin1'), 0, text.length)
    this.#digits = ''
    this.#state = LINE
  }

  #counted(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    if (this.#remaining > 0) this.#carry.append(chunk, at, end)
    else this.#whole(chunk, at, end)
    return end
  }

  #line(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(0x0a, at)
    const limit = newline < 0 ? chunk.length : newline
    const nul = chunk.subarray(at, limit).indexOf(0)
    const end = nul < 0 ? limit : at + nul
    if (end === chunk.length) {
      this.#carry.append(chunk, at, end)
      return end
    }
    this.#whole(chunk, at, end)
    return end + 1
  }

  /** A message ends at `end`; it may have begun in chunks before. */
  #whole(chunk: Buffer, at: number, end: number): void {
    this.#state = START
    if (this.#carry.length > 0) {
      this.#carry.append(chunk, at, end)
      this.#flush(0)
      return
    }
    const cutBytes = Math.max(0, end - at - this.#bytesMax)
    this.#take(chunk, at, end - cutBytes, cutBytes)
  }

  #flush(missing: number): void {
    const { length, cutBytes } = this.#carry
    this.#take(this.#carry.whole(), 0, length, cutBytes + missing)
    this.#carry.clear()
  }
}
