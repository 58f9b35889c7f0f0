interface Piece {
  start: number
  bytes: Buffer
}

/** Pieces are joined up to this size. */
const JOINED_BYTES_MAX = 64 * 1024

/** The newest bytes of a file, as the pieces that were written: a window that all who follow it share. */
export class RecentBytes {
  readonly #bytesMax: number
  readonly #pieces: Piece[] = []
  #bytes = 0
  #endAt = 0
  /** Pieces from here on have not been shown to anybody. */
  #fresh = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What was written up to `endAt`. */
  add(buffers: readonly Buffer[], endAt: number): void {
    const added = buffers.reduce((sum, { length }) => sum + length, 0)
    if (endAt - added !== this.#endAt) this.clear(endAt - added)
    for (const bytes of buffers) {
      this.#pieces.push({ start: this.#endAt, bytes })
      this.#endAt += bytes.length
      this.#bytes += bytes.length
    }
    let dropped = 0
    while (this.#bytes > this.#bytesMax && dropped < this.#pieces.length - 1) {
      this.#bytes -= this.#pieces[dropped++]?.bytes.length ?? 0
    }
    this.#pieces.splice(0, dropped)
    this.#fresh = Math.max(0, this.#fresh - dropped)
  }

  /** Joins what came since the last time: everybody is going to be given the same. */
  join(): void {
    const joined: Piece[] = []
    let group: Piece[] = []
    let groupBytes = 0
    const endGroup = (): void => {
      const [first] = group
      if (first) {
        joined.push(
          group.length === 1 ? first : { start: first.start, bytes: Buffer.concat(group.map((p) => p.bytes)) },
        )
      }
      group = []
      groupBytes = 0
    }
    for (const piece of this.#pieces.splice(this.#fresh)) {
      if (groupBytes + piece.bytes.length > JOINED_BYTES_MAX) endGroup()
      group.push(piece)
      groupBytes += piece.bytes.length
    }
    endGroup()
    this.#pieces.push(...joined)
    this.#fresh = this.#pieces.length
  }

  /** From a position to the end of the piece it lies in; `undefined` where that is not in memory. */
  from(position: number): Buffer | undefined {
    for (let index = this.#pieces.length - 1; index >= 0; index--) {
      const piece = this.#pieces[index]
      if (!piece || position < piece.start) continue
      const offset = position - piece.start
      return offset < piece.bytes.length ? (offset === 0 ? piece.bytes : piece.bytes.subarray(offset)) : undefined
    }
    return undefined
  }

  clear(endAt: number): void {
    this.#pieces.length = 0
    this.#bytes = 0
    this.#fresh = 0
    this.#endAt = endAt
  }
}
