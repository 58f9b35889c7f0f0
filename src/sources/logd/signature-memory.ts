import { SUM_BYTES } from '../../wire/logd/packet.ts'

const WORDS = SUM_BYTES / 4
const CAPACITY_MIN = 64
/** A bucket grows when more of its places than this are taken. */
const LOAD_MAX = 0.75

/** Signatures that all memories together may still remember. */
export interface SignatureBudget {
  left: number
}

export interface SignatureMemoryOptions {
  /** For how long after the time in a packet its signature has to be known. */
  keepMs: number
  budget: SignatureBudget
  /** Packets of before are older than anything that is remembered. */
  startMs: number
}

/**
 * The signatures of all packets whose time is recent enough to be taken: exact, in buckets by the packet's own time
 * (the same signature means the same time), so that what has become too old goes as a whole. Nothing is forgotten
 * that could still be taken: a time that lies before what is remembered is `forgotten`, also after a restart or when
 * the clock is set back.
 */
export class SignatureMemory {
  readonly #keepMs: number
  readonly #bucketMs: number
  readonly #budget: SignatureBudget
  readonly #buckets = new Map<number, Bucket>()
  readonly #sum = new Uint32Array(WORDS)
  #floorMs: number
  #nowBucket = -1
  #capacity = CAPACITY_MIN

  constructor({ keepMs, budget, startMs }: SignatureMemoryOptions) {
    this.#keepMs = keepMs
    this.#bucketMs = Math.max(10, Math.min(250, Math.ceil(keepMs / 8)))
    this.#budget = budget
    this.#floorMs = startMs
  }

  /** Remembers the signature that stands at `at`. Only `new` may be taken; `full`: the budget is used up. */
  add(packet: Uint8Array, at: number, timeMs: number, nowMs: number): 'new' | 'replay' | 'full' | 'forgotten' {
    const nowBucket = Math.floor(nowMs / this.#bucketMs)
    if (nowBucket !== this.#nowBucket) this.#forget(nowMs, nowBucket)
    if (timeMs < this.#floorMs) return 'forgotten'
    const sum = this.#sum
    for (let i = 0, from = at; i < WORDS; i++, from += 4) {
      sum[i] =
        (packet[from] as number) |
        ((packet[from + 1] as number) << 8) |
        ((packet[from + 2] as number) << 16) |
        ((packet[from + 3] as number) << 24)
    }
    const index = Math.floor(timeMs / this.#bucketMs)
    const bucket = this.#buckets.get(index)
    if (this.#budget.left <= 0) return bucket?.has(sum) ? 'replay' : 'full'
    if (!(bucket ?? this.#open(index)).add(sum)) return 'replay'
    this.#budget.left--
    return 'new'
  }

  #open(index: number): Bucket {
    const bucket = new Bucket(this.#capacity)
    this.#buckets.set(index, bucket)
    return bucket
  }

  #forget(nowMs: number, nowBucket: number): void {
    this.#nowBucket = nowBucket
    const keptFrom = Math.floor((nowMs - this.#keepMs) / this.#bucketMs)
    for (const [index, bucket] of this.#buckets) {
      if (index >= keptFrom) continue
      this.#budget.left += bucket.count
      this.#buckets.delete(index)
      // The next one will have about as many, so that it need not grow.
      this.#capacity = Math.max(CAPACITY_MIN, bucket.capacity >> (bucket.count * 4 < bucket.capacity ? 1 : 0))
    }
    this.#floorMs = Math.max(this.#floorMs, keptFrom * this.#bucketMs)
  }
}

/** A set of signatures: open addressing by their first word, which is as good as random. */
class Bucket {
  count = 0
  #words: Uint32Array
  #isTaken: Uint8Array

  constructor(capacity: number) {
    this.#words = new Uint32Array(capacity * WORDS)
    this.#isTaken = new Uint8Array(capacity)
  }

  get capacity(): number {
    return this.#isTaken.length
  }

  has(sum: Uint32Array): boolean {
    return this.#isTaken[this.#find(sum, 0)] === 1
  }

  /** False when it is there already. */
  add(sum: Uint32Array): boolean {
    if (this.count + 1 > this.capacity * LOAD_MAX) this.#grow()
    const slot = this.#find(sum, 0)
    if (this.#isTaken[slot] === 1) return false
    this.#put(slot, sum, 0)
    this.count++
    return true
  }

  /** The signature whose words begin at `from`. */
  #put(slot: number, sum: Uint32Array, from: number): void {
    const words = this.#words
    const at = slot * WORDS
    for (let i = 0; i < WORDS; i++) words[at + i] = sum[from + i] as number
    this.#isTaken[slot] = 1
  }

  /** The place where it is, or where it would go. */
  #find(sum: Uint32Array, from: number): number {
    const words = this.#words
    const mask = this.#isTaken.length - 1
    let slot = (sum[from] as number) & mask
    for (; this.#isTaken[slot] === 1; slot = (slot + 1) & mask) {
      const at = slot * WORDS
      let i = 0
      while (i < WORDS && words[at + i] === sum[from + i]) i++
      if (i === WORDS) return slot
    }
    return slot
  }

  #grow(): void {
    const words = this.#words
    const isTaken = this.#isTaken
    this.#words = new Uint32Array(words.length * 2)
    this.#isTaken = new Uint8Array(isTaken.length * 2)
    for (let slot = 0; slot < isTaken.length; slot++) {
      if (isTaken[slot] === 0) continue
      const from = slot * WORDS
      this.#put(this.#find(words, from), words, from)
    }
  }
}
