/** Texts up to this length are written here, longer ones by the runtime, which has a cost of its own to begin with. */
const LOOP_TEXT_CHARS_MAX = 40

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UINT64_MAX = 2n ** 64n - 1n
const TIMESTAMP_EXTENSION = 0xff

/** A value that MessagePack has no form for. */
export class UnwritableValue extends TypeError {}

/**
 * Writes MessagePack, message after message, into buffers of `slabBytes` that are filled one after the other: what was
 * written stays where it is and can be handed on without a copy. A message never lies in two buffers.
 */
export class MsgpackWriter {
  bytes: Buffer
  /** Where the present message begins, and where the next byte goes. */
  start = 0
  at = 0
  readonly #slabBytes: number

  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes
    this.bytes = Buffer.allocUnsafeSlow(slabBytes)
  }

  /** Begins a message. */
  begin(): void {
    this.start = this.at
  }

  /** Takes back what was written since `begin`. */
  undo(): void {
    this.at = this.start
  }

  /** Makes room for so many bytes. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return
    const written = this.at - this.start
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, (written + more) * 2))
    this.bytes.copy(grown, 0, this.start, this.at)
    this.bytes = grown
    this.start = 0
    this.at = written
  }

  /** Bytes that are MessagePack already. */
  raw(part: Buffer): void {
    const { length } = part
    this.reserve(length)
    const { bytes } = this
    let at = this.at
    for (let i = 0; i < length; i++) bytes[at++] = part[i] as number
    this.at = at
  }

  /** In the shortest form. Lone surrogates become U+FFFD. */
  text(text: string): void {
    const { length } = text
    this.reserve(length * 3 + 5)
    const { bytes } = this
    if (length <= LOOP_TEXT_CHARS_MAX) {
      let at = this.at
      if (length < 32) bytes[at++] = 0xa0 | length
      else {
        bytes[at++] = 0xd9
        bytes[at++] = length
      }
      let all = 0
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i)
        all |= code
        bytes[at++] = code
      }
      if (all < 0x80) {
        this.at = at
        return
      }
    }
    const size = Buffer.byteLength(text)
    this.#textHead(size)
    this.at += bytes.write(text, this.at)
  }

  #textHead(size: number): void {
    const { bytes } = this
    if (size < 32) bytes[this.at++] = 0xa0 | size
    else if (size < 256) {
      bytes[this.at++] = 0xd9
      bytes[this.at++] = size
    } else this.#head(size, 0xda)
  }

  array(count: number): void {
    this.#count(count, 0x90, 0xdc)
  }

  map(count: number): void {
    this.#count(count, 0x80, 0xde)
  }

  #count(count: number, fix: number, wide: number): void {
    this.reserve(5)
    if (count < 16) this.bytes[this.at++] = fix | count
    else this.#head(count, wide)
  }

  /** A length of two or four bytes; the first byte of the form with four is the next one. */
  #head(length: number, wide: number): void {
    if (length < 65_536) {
      this.bytes[this.at] = wide
      this.at = this.bytes.writeUInt16BE(length, this.at + 1)
    } else {
      this.bytes[this.at] = wide + 1
      this.at = this.bytes.writeUInt32BE(length, this.at + 1)
    }
  }

  nil(): void {
    this.#byte(0xc0)
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2)
  }

  #byte(byte: number): void {
    this.reserve(1)
    this.bytes[this.at++] = byte
  }

  /** An integer that a number holds exactly, as int64 whatever its size. */
  int64(value: number): void {
    this.reserve(9)
    const { bytes } = this
    const high = Math.floor(value / 4_294_967_296)
    bytes[this.at] = 0xd3
    bytes.writeInt32BE(high, this.at + 1)
    this.at = bytes.writeUInt32BE(value - high * 4_294_967_296, this.at + 5)
  }

  /** Throws UnwritableValue for one of more than 64 bits. */
  bigint(value: bigint): void {
    this.reserve(9)
    if (value >= INT64_MIN && value <= INT64_MAX) {
      this.bytes[this.at] = 0xd3
      this.at = this.bytes.writeBigInt64BE(value, this.at + 1)
    } else if (value > 0n && value <= UINT64_MAX) {
      this.bytes[this.at] = 0xcf
      this.at = this.bytes.writeBigUInt64BE(value, this.at + 1)
    } else throw new UnwritableValue('an integer has more than 64 bits')
  }

  float64(value: number): void {
    this.reserve(9)
    this.bytes[this.at] = 0xcb
    this.at = this.bytes.writeDoubleBE(value, this.at + 1)
  }

  binary(value: Uint8Array): void {
    const { length } = value
    this.reserve(length + 5)
    if (length < 256) {
      this.bytes[this.at++] = 0xc4
      this.bytes[this.at++] = length
    } else this.#head(length, 0xc5)
    this.bytes.set(value, this.at)
    this.at += length
  }

  /** Extension type −1 in its shortest form; an invalid date is nil. */
  date(value: Date): void {
    const ms = value.getTime()
    if (Number.isNaN(ms)) return this.nil()
    this.reserve(15)
    const { bytes } = this
    const seconds = Math.floor(ms / 1000)
    const nanoseconds = (ms - seconds * 1000) * 1_000_000
    if (seconds < 0 || seconds >= 2 ** 34) {
      bytes[this.at++] = 0xc7
      bytes[this.at++] = 12
      bytes[this.at] = TIMESTAMP_EXTENSION
      this.at = bytes.writeUInt32BE(nanoseconds, this.at + 1)
      this.at = bytes.writeBigInt64BE(BigInt(seconds), this.at)
    } else if (nanoseconds === 0 && seconds < 2 ** 32) {
      bytes[this.at++] = 0xd6
      bytes[this.at] = TIMESTAMP_EXTENSION
      this.at = bytes.writeUInt32BE(seconds, this.at + 1)
    } else {
      bytes[this.at++] = 0xd7
      bytes[this.at] = TIMESTAMP_EXTENSION
      const upper = Math.floor(seconds / 4_294_967_296)
      this.at = bytes.writeUInt32BE(nanoseconds * 4 + upper, this.at + 1)
      this.at = bytes.writeUInt32BE(seconds - upper * 4_294_967_296, this.at)
    }
  }
}
