import { EventBatch } from './batch.ts'

export interface BatchPoolOptions {
  /** Memory kept for reuse. Beyond it batches that come back are left to the garbage collector. */
  bytesMax: number
}

/**
 * Batches that are used again. A new buffer of a megabyte costs page faults when it is filled and a garbage collection
 * soon after, together about as much as filling it; under load the pool saves both.
 */
export class BatchPool {
  readonly #bytesMax: number
  readonly #idle: EventBatch[] = []
  #idleBytes = 0

  constructor({ bytesMax }: BatchPoolOptions) {
    this.#bytesMax = bytesMax
  }

  /** An empty batch with room for about so many bytes; one that was used last, if it is large enough. */
  take(capacityBytes: number): EventBatch {
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const batch = this.#idle[index]
      // Not one that is far too large: many small requests must not each sit on a large buffer.
      if (!batch || batch.bytes.length < capacityBytes || batch.bytes.length > capacityBytes * 4) continue
      this.#idle.splice(index, 1)
      this.#idleBytes -= batch.bytes.length
      return batch
    }
    return new EventBatch(capacityBytes, Math.max(16, capacityBytes >> 8))
  }

  /** Takes a batch back. The caller vouches that nobody will look at its bytes any more. */
  give(batch: EventBatch): void {
    if (this.#idleBytes + batch.bytes.length > this.#bytesMax) return
    batch.length = 0
    batch.rows = 0
    this.#idle.push(batch)
    this.#idleBytes += batch.bytes.length
  }

  get idleBytes(): number {
    return this.#idleBytes
  }
}
