/** Knows signatures that were received before, for as long as their time lets them be received again. */
export interface ReplayWindowOptions {
  /** How far a signature's time may be from now, both ways. */
  skewMs: number
  /** Signatures remembered at once. */
  signaturesMax: number
  /** Signatures of an earlier time than this may have been received by an earlier process: refused. */
  startMs: number
  /** Signatures of a later time that an earlier process has received. */
  known?: Iterable<ReceivedSignature>
  /** Told each signature whose time is ahead of the clock before it is admitted; it is not when this throws. */
  onAhead?: (received: ReceivedSignature) => void
}

export interface ReceivedSignature {
  signature: string
  timestampMs: number
}

export type ReplayVerdict = 'fresh' | 'replayed' | 'time' | 'full'

/** The window is cut into about this many pieces, each forgotten as a whole. */
const BUCKETS = 32

/**
 * Exact: what is not remembered any more has a time that is refused for good, whatever the clock does. A signature
 * whose time is in the window and that was not received before is never refused, unless there is no room.
 */
export class ReplayWindow {
  readonly #options: ReplayWindowOptions
  readonly #bucketMs: number
  /** Number of the bucket (time / bucketMs) → signature → time. */
  readonly #buckets = new Map<number, Map<string, number>>()
  #size = 0
  /** Times before are refused. */
  #floorMs: number

  constructor(options: ReplayWindowOptions) {
    this.#options = options
    this.#bucketMs = Math.max(1, Math.ceil((2 * options.skewMs) / BUCKETS))
    this.#floorMs = options.startMs
    for (const known of options.known ?? []) if (known.timestampMs >= options.startMs) this.#remember(known)
  }

  /** Signatures that are remembered now. */
  get size(): number {
    return this.#size
  }

  isTimely(timestampMs: number, nowMs: number): boolean {
    return Math.abs(timestampMs - nowMs) <= this.#options.skewMs && timestampMs >= this.#floorMs
  }

  /** After how long a sender whose clock is that slow is taken; `undefined`: not by waiting. */
  timelyInMs(timestampMs: number, nowMs: number): number | undefined {
    const isNear = Math.abs(timestampMs - nowMs) <= this.#options.skewMs
    return isNear ? Math.max(0, this.#floorMs - timestampMs) : undefined
  }

  /** Remembers the signature if it is `fresh`. To be asked only of signatures that are right. */
  admit(signature: string, timestampMs: number, nowMs: number): ReplayVerdict {
    this.#forget(nowMs)
    if (!this.isTimely(timestampMs, nowMs)) return 'time'
    if (this.#buckets.get(this.#numberOf(timestampMs))?.has(signature)) return 'replayed'
    if (this.#size >= this.#options.signaturesMax) return 'full'
    const received = { signature, timestampMs }
    if (timestampMs > nowMs) this.#options.onAhead?.(received)
    this.#remember(received)
    return 'fresh'
  }

  /** What is remembered of this time and later. */
  since(timestampMs: number): ReceivedSignature[] {
    const found: ReceivedSignature[] = []
    for (const [number, bucket] of this.#buckets) {
      if (this.#endMs(number) <= timestampMs) continue
      for (const [signature, ownMs] of bucket) if (ownMs >= timestampMs) found.push({ signature, timestampMs: ownMs })
    }
    return found
  }

  /** When there is room again at the latest, if the window is full now. At least a second. */
  roomInSeconds(nowMs: number): number {
    const oldest = Math.min(...this.#buckets.keys())
    const roomMs = this.#endMs(oldest) + this.#options.skewMs - nowMs
    return Number.isFinite(roomMs) ? Math.max(1, Math.ceil(roomMs / 1000)) : 1
  }

  #numberOf(timestampMs: number): number {
    return Math.floor(timestampMs / this.#bucketMs)
  }

  /** First time that is not in the bucket any more. */
  #endMs(number: number): number {
    return (number + 1) * this.#bucketMs
  }

  #remember({ signature, timestampMs }: ReceivedSignature): void {
    const number = this.#numberOf(timestampMs)
    const bucket = this.#buckets.get(number)
    if (bucket) bucket.set(signature, timestampMs)
    else this.#buckets.set(number, new Map([[signature, timestampMs]]))
    this.#size++
  }

  #forget(nowMs: number): void {
    for (const [number, bucket] of this.#buckets) {
      const lastMs = this.#endMs(number) - 1
      if (lastMs + this.#options.skewMs >= nowMs) continue
      this.#buckets.delete(number)
      this.#size -= bucket.size
      this.#floorMs = Math.max(this.#floorMs, lastMs + 1)
    }
  }
}
