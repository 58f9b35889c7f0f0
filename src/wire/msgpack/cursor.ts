/** What stands at a place, in the words of MessagePack. */
export type MsgpackKind = 'nil' | 'boolean' | 'integer' | 'float' | 'text' | 'bytes' | 'array' | 'map' | 'extension'

/** By first byte. */
const KIND_OF_BYTE: readonly MsgpackKind[] = Array.from({ length: 256 }, (_, byte) => kindOf(byte))

function kindOf(byte: number): MsgpackKind {
  if (byte < 0x80 || byte >= 0xe0 || (byte >= 0xcc && byte <= 0xd3)) return 'integer'
  if (byte < 0x90 || byte === 0xde || byte === 0xdf) return 'map'
  if (byte < 0xa0 || byte === 0xdc || byte === 0xdd) return 'array'
  if (byte < 0xc0 || (byte >= 0xd9 && byte <= 0xdb)) return 'text'
  if (byte === 0xc2 || byte === 0xc3) return 'boolean'
  if (byte >= 0xc4 && byte <= 0xc6) return 'bytes'
  if (byte === 0xca || byte === 0xcb) return 'float'
  return byte >= 0xc7 ? 'extension' : 'nil'
}

const SAFE_HIGH = 0x1fffff

/** Walks over values that a `ValueScanner` has found whole: it does not look for the end of the bytes. */
export class MsgpackCursor {
  bytes: Buffer = Buffer.alloc(0)
  at = 0
  /** Where the text, the bytes or the extension's contents that were read last stand. */
  from = 0
  to = 0
  /** Type of the extension that was read last. */
  extension = 0

  move(bytes: Buffer, at: number): this {
    this.bytes = bytes
    this.at = at
    return this
  }

  get kind(): MsgpackKind {
    return KIND_OF_BYTE[this.bytes[this.at] as number] as MsgpackKind
  }

  /** Members of the array at this place, which the cursor enters; −1 and unmoved where there is none. */
  array(): number {
    const byte = this.bytes[this.at] as number
    if (byte >= 0x90 && byte < 0xa0) return this.#enter(1, byte & 15)
    if (byte === 0xdc) return this.#enter(3, this.bytes.readUInt16BE(this.at + 1))
    return byte === 0xdd ? this.#enter(5, this.bytes.readUInt32BE(this.at + 1)) : -1
  }

  /** Pairs of the map at this place, in the same way. */
  map(): number {
    const byte = this.bytes[this.at] as number
    if (byte >= 0x80 && byte < 0x90) return this.#enter(1, byte & 15)
    if (byte === 0xde) return this.#enter(3, this.bytes.readUInt16BE(this.at + 1))
    return byte === 0xdf ? this.#enter(5, this.bytes.readUInt32BE(this.at + 1)) : -1
  }

  #enter(bytes: number, count: number): number {
    this.at += bytes
    return count
  }

  /** Passes a text, or bytes that may be meant as one: `from` and `to` say where it stands. False and unmoved otherwise. */
  text(): boolean {
    const byte = this.bytes[this.at] as number
    if (byte >= 0xa0 && byte < 0xc0) return this.#span(1, byte & 31)
    if (byte === 0xd9 || byte === 0xc4) return this.#span(2, this.bytes[this.at + 1] as number)
    if (byte === 0xda || byte === 0xc5) return this.#span(3, this.bytes.readUInt16BE(this.at + 1))
    if (byte === 0xdb || byte === 0xc6) return this.#span(5, this.bytes.readUInt32BE(this.at + 1))
    return false
  }

  #span(head: number, length: number): boolean {
    this.from = this.at + head
    this.at = this.to = this.from + length
    return true
  }

  /** The same as a string; `undefined` and unmoved where there is none. */
  string(): string | undefined {
    return this.text() ? this.bytes.toString('utf8', this.from, this.to) : undefined
  }

  /** Passes an extension: `extension`, `from` and `to` say what it is. */
  ext(): boolean {
    const byte = this.bytes[this.at] as number
    if (byte >= 0xd4 && byte <= 0xd8) return this.#ext(1, 1 << (byte - 0xd4))
    if (byte === 0xc7) return this.#ext(2, this.bytes[this.at + 1] as number)
    if (byte === 0xc8) return this.#ext(3, this.bytes.readUInt16BE(this.at + 1))
    return byte === 0xc9 ? this.#ext(5, this.bytes.readUInt32BE(this.at + 1)) : false
  }

  #ext(head: number, length: number): boolean {
    this.extension = this.bytes.readInt8(this.at + head)
    return this.#span(head + 1, length)
  }

  /** The integer or float at this place, exact where a number can be, else a bigint; `undefined` and unmoved otherwise. */
  number(): number | bigint | undefined {
    const { bytes, at } = this
    const byte = bytes[at] as number
    if (byte < 0x80) return this.#value(1, byte)
    if (byte >= 0xe0) return this.#value(1, byte - 256)
    switch (byte) {
      case 0xcc:
        return this.#value(2, bytes[at + 1] as number)
      case 0xcd:
        return this.#value(3, bytes.readUInt16BE(at + 1))
      case 0xce:
        return this.#value(5, bytes.readUInt32BE(at + 1))
      case 0xd0:
        return this.#value(2, bytes.readInt8(at + 1))
      case 0xd1:
        return this.#value(3, bytes.readInt16BE(at + 1))
      case 0xd2:
        return this.#value(5, bytes.readInt32BE(at + 1))
      case 0xca:
        return this.#value(5, bytes.readFloatBE(at + 1))
      case 0xcb:
        return this.#value(9, bytes.readDoubleBE(at + 1))
      case 0xcf:
      case 0xd3:
        return this.#long(byte === 0xd3)
      default:
        return undefined
    }
  }

  #long(isSigned: boolean): number | bigint {
    const { bytes, at } = this
    const high = isSigned ? bytes.readInt32BE(at + 1) : bytes.readUInt32BE(at + 1)
    const low = bytes.readUInt32BE(at + 5)
    if (high > SAFE_HIGH || high < -SAFE_HIGH - 1 || (high === -SAFE_HIGH - 1 && low === 0)) {
      return this.#value(9, isSigned ? bytes.readBigInt64BE(at + 1) : bytes.readBigUInt64BE(at + 1))
    }
    return this.#value(9, high * 4_294_967_296 + low)
  }

  #value<T extends number | bigint>(size: number, value: T): T {
    this.at += size
    return value
  }

  /** Passes the value at this place with all that is in it. */
  skip(): void {
    for (let left = 1; left > 0; left--) {
      const pairs = this.map()
      if (pairs >= 0) {
        left += pairs * 2
        continue
      }
      const members = this.array()
      if (members >= 0) left += members
      else if (!this.text() && !this.ext() && this.number() === undefined) this.at++
    }
  }
}
