import type { StreamLimits } from './limits.ts'

/** Shares the memory for what was read from disk among all readers that are behind. */
export class ReadBudget {
  readonly #limits: Pick<StreamLimits, 'readChunkBytesMax' | 'readChunkBytesMin' | 'readBytesMax'>
  #readers = 0

  constructor(limits: Pick<StreamLimits, 'readChunkBytesMax' | 'readChunkBytesMin' | 'readBytesMax'>) {
    this.#limits = limits
  }

  /** A reader is behind: it reads from disk, or has not taken yet what was read for it. */
  enter(): void {
    this.#readers++
  }

  leave(): void {
    this.#readers--
  }

  /** How much may be read for one of them at once. */
  get chunkBytes(): number {
    const { readChunkBytesMax, readChunkBytesMin, readBytesMax } = this.#limits
    const share = Math.floor(readBytesMax / Math.max(1, this.#readers))
    return Math.max(readChunkBytesMin, Math.min(readChunkBytesMax, share))
  }
}
