/**
 * Ids of events: 16 bytes each, as text 22 characters of base64url. Those of one submission lie side by side in one
 * `EventIds`: no string and no object is made for an event.
 */
import { hash } from 'node:crypto'

/** Four little-endian words each. */
export type EventIds = Uint32Array

export const ID_WORDS = 4
export const ID_CHARS = 22
const ID_BYTES = 16
/** Characters that three bytes make. */
const GROUP_CHARS = 4
const DIGITS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')

/** The first 16 bytes of the SHA-256 of what an event says become id number `index`. */
export function digestInto(ids: EventIds, index: number, said: Uint8Array): void {
  // A text of bytes: a third of what it takes to be given a buffer.
  const digest = hash('sha256', said, 'binary')
  for (let word = 0; word < ID_WORDS; word++) {
    const at = word * 4
    ids[index * ID_WORDS + word] =
      digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24)
  }
}

/** Writes the text of an id. Returns the offset after it. */
export function writeIdText(ids: EventIds, index: number, target: Uint8Array, at: number): number {
  const first = index * ID_WORDS
  let n = 0
  for (; n + 3 <= ID_BYTES; n += 3, at += GROUP_CHARS) {
    const group = (byteOf(ids, first, n) << 16) | (byteOf(ids, first, n + 1) << 8) | byteOf(ids, first, n + 2)
    target[at] = DIGITS[group >> 18] as number
    target[at + 1] = DIGITS[(group >> 12) & 63] as number
    target[at + 2] = DIGITS[(group >> 6) & 63] as number
    target[at + 3] = DIGITS[group & 63] as number
  }
  const last = byteOf(ids, first, n)
  target[at] = DIGITS[last >> 2] as number
  target[at + 1] = DIGITS[(last & 3) << 4] as number
  return at + 2
}

function byteOf(ids: EventIds, first: number, n: number): number {
  return ((ids[first + (n >> 2)] as number) >>> ((n & 3) * 8)) & 0xff
}

/** The id whose text this is, as number 0; `undefined` for anything else. */
export function parseId(text: string): EventIds | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== ID_BYTES || bytes.toString('base64url') !== text) return undefined
  return Uint32Array.from({ length: ID_WORDS }, (_, word) => bytes.readUInt32LE(word * 4))
}
