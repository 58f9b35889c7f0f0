/** What a stream of MessagePack may be. */
export interface MsgpackLimits {
  /** Arrays and maps within one another. */
  depthMax: number
  /** One value with all that is in it. */
  bytesMax: number
}

/** Why a stream cannot be read any further. */
export type MsgpackFault = 'reserved' | 'too_deep' | 'too_large'

/** The value goes on behind the bytes that are there. */
export const UNFINISHED = -1
/** `fault` says why. */
export const FAULTY = -2

/** By first byte from 0xc0 on: bytes of head and contents of values of a fixed size; 0: see LENGTH_BYTES. */
const FIXED_BYTES = new Uint8Array(64)
/** By first byte from 0xc0 on: how many bytes of length follow it. */
const LENGTH_BYTES = new Uint8Array(64)
for (const byte of [0xc0, 0xc2, 0xc3]) FIXED_BYTES[byte - 0xc0] = 1
for (const [byte, size] of [
  [0xca, 5],
  [0xcb, 9],
  [0xcc, 2],
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2],
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
  [0xd4, 3],
  [0xd5, 4],
  [0xd6, 6],
  [0xd7, 10],
  [0xd8, 18],
] as const)
  FIXED_BYTES[byte - 0xc0] = size
for (let byte = 0xe0; byte < 0x100; byte++) FIXED_BYTES[byte - 0xc0] = 1
for (const [first, size] of [
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
  [0xc7, 1],
  [0xc8, 2],
  [0xc9, 4],
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
  [0xdc, 2],
  [0xdd, 4],
  [0xde, 2],
  [0xdf, 4],
] as const)
  LENGTH_BYTES[first - 0xc0] = size

/**
 * Finds where values end in a stream that comes in pieces. Looks at every byte once, builds nothing, and believes no
 * length: what claims to be larger than the limit is a fault before it has come.
 */
export class ValueScanner {
  fault: MsgpackFault = 'reserved'
  readonly #limits: MsgpackLimits
  /** Values still to come at each level. */
  readonly #left: Uint32Array
  #depth = 0
  /** Bytes of the present value that were looked at, or passed over before they came. */
  #offset = 0
  #isOver = false

  constructor(limits: MsgpackLimits) {
    this.#limits = limits
    this.#left = new Uint32Array(limits.depthMax)
  }

  /** Forgets the value that was begun. */
  reset(): void {
    this.#depth = 0
    this.#offset = 0
    this.#isOver = false
  }

  /**
   * Where the value that begins at `start` ends, when all of it stands before `to`; UNFINISHED or FAULTY. After
   * UNFINISHED it goes on where it was, with the same value at another place if need be.
   */
  end(bytes: Buffer, start: number, to: number): number {
    const left = this.#left
    const { depthMax, bytesMax } = this.#limits
    let depth = this.#depth
    let at = start + this.#offset
    while (!this.#isOver) {
      if (at >= to) return this.#pause(at - start, depth)
      const byte = bytes[at] as number
      let children = 0
      if (byte < 0x80) at++
      else if (byte < 0xc0) {
        if (byte >= 0xa0) at += 1 + (byte & 31)
        else {
          children = byte < 0x90 ? (byte & 15) * 2 : byte & 15
          at++
        }
      } else {
        const fixed = FIXED_BYTES[byte - 0xc0] as number
        if (fixed > 0) at += fixed
        else {
          const size = LENGTH_BYTES[byte - 0xc0] as number
          if (size === 0) return this.#fail('reserved')
          if (at + 1 + size > to) return this.#pause(at - start, depth)
          const length = lengthAt(bytes, at + 1, size)
          // Each member is a byte at least.
          if (length > bytesMax) return this.#fail('too_large')
          at += 1 + size
          if (byte >= 0xdc) children = byte >= 0xde ? length * 2 : length
          else at += byte >= 0xc7 && byte <= 0xc9 ? length + 1 : length
        }
      }
      if (at - start + children > bytesMax) return this.#fail('too_large')
      if (children > 0) {
        if (depth === depthMax) return this.#fail('too_deep')
        left[depth++] = children
        continue
      }
      while (depth > 0 && --(left[depth - 1] as number) === 0) depth--
      if (depth === 0) this.#isOver = true
    }
    if (at > to) return this.#pause(at - start, depth)
    this.reset()
    return at
  }

  #pause(offset: number, depth: number): number {
    this.#offset = offset
    this.#depth = depth
    return UNFINISHED
  }

  #fail(fault: MsgpackFault): number {
    this.fault = fault
    this.reset()
    return FAULTY
  }
}

function lengthAt(bytes: Buffer, at: number, size: number): number {
  if (size === 1) return bytes[at] as number
  return size === 2 ? bytes.readUInt16BE(at) : bytes.readUInt32BE(at)
}
