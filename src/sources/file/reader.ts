import type { EventBatch } from '../../core/batch.ts'
import type { FollowedFile } from './followed-file.ts'
import type { Handles } from './handles.ts'
import type { FileLimits } from './limits.ts'
import { cutLines, isWide } from './line-cutter.ts'
import { ANCHOR_BYTES, extendCrc, fingerprint, HEAD_BYTES, matchesFingerprint } from './record.ts'
import type { SourceIo } from './source-io.ts'

/**
 * `more`: there is more to read at once. `end`: all there is was read. `rewritten`: the file is not what it was.
 * `unsure`: it may be another one that begins alike. Of the last two nothing was taken.
 */
export type PassResult = 'more' | 'end' | 'rewritten' | 'unsure'

export interface ReaderOptions {
  io: SourceIo
  handles: Pick<Handles, 'take'>
  limits: FileLimits
  /** Resolves when the batch has room for more. */
  room: () => Promise<void>
  batch: () => EventBatch
  isFull: (batch: EventBatch) => boolean
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  onRead: (bytes: number) => void
}

/** Behind the longest line: its end, and what copying it in words takes, so that it is written from where it is. */
const BEHIND_BYTES = 16

/** Reads files piece by piece, each time making sure that the file is still the one that was read before. */
export class Reader {
  readonly #options: ReaderOptions
  #piece: Buffer
  readonly #head = Buffer.allocUnsafeSlow(HEAD_BYTES)

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#piece = this.#newPiece(options.limits.readBytes)
  }

  /** One piece. `isEnd`: nothing more will come of the file. Rejects as opening and reading do, and with ReplacedError. */
  async pass(file: FollowedFile, isEnd = false): Promise<PassResult> {
    const { io, handles, limits } = this.#options
    // Before it is read: what was read is taken at once, so that nothing happens to the file in between.
    await this.#options.room()
    const fd = await handles.take(file)
    const offset = file.position
    const anchorBytes = Math.min(ANCHOR_BYTES, offset)
    const wanted = this.#piece.length
    const count = await io.read(fd, this.#piece, wanted, offset - anchorBytes)
    // The order matters: what is at the front after the piece was read was there when it was read.
    if (!this.#isAnchored(file, anchorBytes, count)) return 'rewritten'
    if (!(await this.#checkHead(fd, file, offset - anchorBytes, count))) return 'rewritten'
    const isWhole = count < wanted && (await io.read(fd, this.#head, 1, offset - anchorBytes + count)) === 0
    if (count === anchorBytes) return isWhole ? this.#reachedEnd(file, 0) : 'more'
    if (mayBeOther(file)) return 'unsure'
    const batch = this.#options.batch()
    const isLast = isWhole && file.mustFlush
    const consumed = cutLines(file, this.#piece, anchorBytes, count, {
      batch,
      lineBytesMax: limits.lineBytesMax,
      isFull: this.#options.isFull,
      isLast,
      isEnd: isWhole && isEnd,
    })
    this.#advance(file, offset, anchorBytes, consumed)
    const isFull = this.#options.isFull(batch)
    if (isWhole && !isFull) return this.#reachedEnd(file, count - anchorBytes - consumed)
    // A line that is longer than the piece: a larger one until it has ended.
    if (consumed === 0 && !isFull)
      this.#piece = this.#newPiece(Math.max(limits.readBytes, limits.lineBytesMax) + BEHIND_BYTES)
    else if (file.part === 0 && wanted > limits.readBytes + ANCHOR_BYTES) this.#piece = this.#newPiece(limits.readBytes)
    return 'more'
  }

  /** The bytes before the position are those that were there when it was reached. */
  #isAnchored({ anchor, anchorAt, position }: FollowedFile, anchorBytes: number, count: number): boolean {
    if (count < anchorBytes) return false
    if (anchorAt !== position || anchor.bytes > anchorBytes) return true
    return matchesFingerprint(this.#piece.subarray(anchorBytes - anchor.bytes, anchorBytes), anchor)
  }

  #advance(file: FollowedFile, offset: number, from: number, consumed: number): void {
    if (consumed === 0) return
    const done = from + consumed
    extendCrc(file, this.#piece.subarray(from, done), offset)
    file.anchor = fingerprint(this.#piece.subarray(Math.max(0, done - ANCHOR_BYTES), done))
    file.anchorAt = file.position
    file.grownMs = this.#options.now()
    this.#options.onRead(consumed)
  }

  #reachedEnd(file: FollowedFile, openBytes: number): 'end' {
    file.mustFlush = false
    // Half a character is no line: it waits for the other half without being asked for.
    if (openBytes === 1 && isWide(file)) openBytes = 0
    if (openBytes !== file.openBytes) file.grownMs = this.#options.now()
    file.openBytes = openBytes
    return 'end'
  }

  /** Whether the file begins as it did; learns more of its beginning while it is short. */
  async #checkHead(fd: number, file: FollowedFile, from: number, count: number): Promise<boolean> {
    const headCount = from === 0 ? 0 : await this.#options.io.read(fd, this.#head, HEAD_BYTES, 0)
    const bytes = from === 0 ? this.#piece.subarray(0, Math.min(count, HEAD_BYTES)) : this.#head.subarray(0, headCount)
    if (!matchesFingerprint(bytes, file.head)) return false
    // Where both reach, they have to be of the same contents.
    const end = Math.min(bytes.length, from + count)
    if (end > from && !bytes.subarray(from, end).equals(this.#piece.subarray(0, end - from))) return false
    if (bytes.length > file.head.bytes) file.head = fingerprint(bytes)
    return true
  }

  #newPiece(bytes: number): Buffer {
    return Buffer.allocUnsafeSlow(bytes + ANCHOR_BYTES)
  }
}

/** The number of a file that was not open may have been given to a copy of another log, which begins alike. */
export function mayBeOther({ isSure, position, path, family }: FollowedFile): boolean {
  return !isSure && position > 0 && path !== family
}
