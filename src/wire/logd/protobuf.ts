/**
 * The part of the protobuf encoding (proto3) that logd's messages need, by hand: its messages are tiny, and a reader
 * that is moved over the bytes builds nothing.
 */

export const WIRE_VARINT = 0
export const WIRE_BYTES = 2

const WIRE_FIXED64 = 1
const WIRE_GROUP = 3
const WIRE_GROUP_END = 4
const WIRE_FIXED32 = 5
const VARINT_BYTES_MAX = 10
const FIELD_NUMBER_MAX = 2 ** 29 - 1
/** Groups within groups that are skipped; nothing that is sent in earnest has any. */
const GROUP_DEPTH_MAX = 32

/**
 * Moves over the fields of one message. `next` reads a whole field: its number, and for a varint its two halves, for
 * bytes where they stand. Everything else is passed over. Bytes that make no sense end it and set `isBroken`.
 */
export class ProtoReader {
  field = 0
  wire = 0
  /** The lower and upper 32 bits of a varint, as signed numbers. */
  low = 0
  high = 0
  /** Where the content of a bytes field stands. */
  from = 0
  to = 0
  isBroken = false
  #bytes: Uint8Array = EMPTY
  #at = 0
  #end = 0

  start(bytes: Uint8Array, at: number, end: number): this {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
    this.isBroken = false
    return this
  }

  /** Reads the next field. False at the end, and at bytes that make no sense. */
  next(): boolean {
    if (this.#at >= this.#end || this.isBroken) return false
    this.#tag()
    if (!this.isBroken) this.#value(0)
    return !this.isBroken
  }

  #tag(): void {
    this.#varint()
    this.field = this.low >>> 3
    this.wire = this.low & 7
    if (this.high !== 0 || this.field === 0 || this.field > FIELD_NUMBER_MAX) this.isBroken = true
  }

  #value(depth: number): void {
    if (this.wire === WIRE_VARINT) this.#varint()
    else if (this.wire === WIRE_BYTES) this.#span()
    else if (this.wire === WIRE_FIXED32) this.#skip(4)
    else if (this.wire === WIRE_FIXED64) this.#skip(8)
    else if (this.wire === WIRE_GROUP && depth < GROUP_DEPTH_MAX) this.#group(depth)
    else this.isBroken = true
  }

  #span(): void {
    this.#varint()
    this.from = this.#at
    if (this.high !== 0 || this.low < 0) this.isBroken = true
    else this.#skip(this.low)
    this.to = this.#at
  }

  #skip(count: number): void {
    if (count > this.#end - this.#at) this.isBroken = true
    else this.#at += count
  }

  /** Passes over a group: an old form that unknown fields may have. */
  #group(depth: number): void {
    const group = this.field
    while (!this.isBroken) {
      this.#tag()
      if (this.isBroken) return
      if (this.wire === WIRE_GROUP_END) {
        if (this.field !== group) this.isBroken = true
        this.wire = WIRE_GROUP
        return
      }
      this.#value(depth + 1)
    }
  }

  #varint(): void {
    const first = this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0x80
    if (first < 0x80) {
      this.#at++
      this.low = first
      this.high = 0
      return
    }
    this.#longVarint()
  }

  #longVarint(): void {
    let low = 0
    let high = 0
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (this.#at >= this.#end) break
      const byte = this.#bytes[this.#at++] as number
      const bits = byte & 0x7f
      if (i < 4) low |= bits << (7 * i)
      else if (i === 4) {
        low |= bits << 28
        high = bits >> 4
      } else high |= bits << (7 * i - 32)
      if (byte < 0x80) {
        this.low = low
        this.high = high
        return
      }
    }
    this.isBroken = true
  }
}

/**
 * Writes a message from its last field to its first, so that the length of what is nested is known when it is needed.
 * Grows as it must.
 */
export class ProtoWriter {
  #bytes: Buffer
  #at: number

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes)
    this.#at = capacityBytes
  }

  /** What was written. Belongs to the caller; the writer must not be used again. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#at)
  }

  /** Bytes written so far: hand it to `close` to end a nested message that was begun here. */
  get size(): number {
    return this.#bytes.length - this.#at
  }

  /** Puts field number and length in front of everything written since `sizeBefore`. */
  close(field: number, sizeBefore: number): void {
    this.#unsigned(this.size - sizeBefore)
    this.#unsigned(field * 8 + WIRE_BYTES)
  }

  /** A whole number; a negative one takes ten bytes, as proto3 has it for int32, int64 and enums. */
  integer(field: number, value: number): void {
    if (value >= 0) this.#unsigned(value)
    else this.#signed(BigInt.asUintN(64, BigInt(value)))
    this.#unsigned(field * 8 + WIRE_VARINT)
  }

  text(field: number, value: string): void {
    const size = Buffer.byteLength(value)
    this.#makeRoom(size)
    this.#at -= size
    this.#bytes.write(value, this.#at)
    this.#unsigned(size)
    this.#unsigned(field * 8 + WIRE_BYTES)
  }

  /** A text whose UTF-8 bytes there are already. */
  bytes(field: number, value: Uint8Array): void {
    this.#makeRoom(value.length)
    this.#at -= value.length
    this.#bytes.set(value, this.#at)
    this.#unsigned(value.length)
    this.#unsigned(field * 8 + WIRE_BYTES)
  }

  #unsigned(value: number): void {
    this.#makeRoom(VARINT_BYTES_MAX)
    let size = 1
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
    this.#at -= size
    let rest = value
    for (let i = 0; i < size; i++) {
      this.#bytes[this.#at + i] = (rest % 128) | (i < size - 1 ? 0x80 : 0)
      rest = Math.floor(rest / 128)
    }
  }

  #signed(value: bigint): void {
    this.#makeRoom(VARINT_BYTES_MAX)
    this.#at -= VARINT_BYTES_MAX
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const bits = Number((value >> BigInt(7 * i)) & 0x7fn)
      this.#bytes[this.#at + i] = bits | (i < VARINT_BYTES_MAX - 1 ? 0x80 : 0)
    }
  }

  #makeRoom(bytesMore: number): void {
    if (bytesMore <= this.#at) return
    const size = this.size
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, size + bytesMore))
    this.#bytes.copy(grown, grown.length - size, this.#at)
    this.#at = grown.length - size
    this.#bytes = grown
  }
}

const EMPTY = new Uint8Array(0)
