import { hash, timingSafeEqual } from 'node:crypto'

export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

/** Takes the same time wherever the two differ, also in their lengths: their digests are compared. */
export function isSameSecret(shown: string | Uint8Array, expected: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(shown), sha256(expected))
}
