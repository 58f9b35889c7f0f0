import { Readable } from 'node:stream'

/** Small enough that somebody who reads slowly is seen to read, large enough to cost little. */
export const PIECE_BYTES = 64 * 1024

/** Bytes as a stream. `onClose` is called when it was read, or will not be. */
export function inPieces(bytes: Buffer, onClose: () => void = () => undefined): Readable {
  let at = 0
  return new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      this.push(at < bytes.length ? bytes.subarray(at, (at += PIECE_BYTES)) : null)
    },
    destroy(error, done) {
      onClose()
      done(error)
    },
  })
}
