import { createHash, timingSafeEqual } from 'node:crypto'

export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}

/** Takes the same time wherever the two differ, also in their lengths: their digests are compared. */
export function isSameSecret(shown: string | Uint8Array, expected: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(shown), sha256(expected))
}
