/** Ids are 128 bits, given as four unsigned 32-bit numbers at the start of a hash. */
const WORDS = 4
const SLOTS_MIN = 1024
/** Slots are doubled when they are fuller than this. */
const LOAD_MAX = 0.6

/** A growing set of 128-bit ids in one block of memory: 27 to 54 bytes an id. */
class IdSet {
  size = 0
  #slots = SLOTS_MIN
  #words = new Uint32Array(SLOTS_MIN * WORDS)

  has(id: Buffer): boolean {
    return this.#find(this.#words, this.#slots, id) < 0
  }

  add(id: Buffer): void {
    if (this.size + 1 > this.#slots * LOAD_MAX) this.#grow()
    const at = this.#find(this.#words, this.#slots, id)
    if (at < 0) return
    for (let word = 0; word < WORDS; word++) this.#words[at + word] = id.readUInt32LE(word * 4)
    this.size++
  }

  /** Where the id belongs; −1: it is there. */
  #find(words: Uint32Array, slots: number, id: Buffer): number {
    const a = id.readUInt32LE(0)
    const b = id.readUInt32LE(4)
    const c = id.readUInt32LE(8)
    const d = id.readUInt32LE(12)
    for (let slot = a % slots; ; slot = (slot + 1) % slots) {
      const at = slot * WORDS
      const w = words[at]
      const x = words[at + 1]
      const y = words[at + 2]
      const z = words[at + 3]
      if (w === a && x === b && y === c && z === d) return -1
      if (w === 0 && x === 0 && y === 0 && z === 0) return at
    }
  }

  #grow(): void {
    const old = this.#words
    this.#slots *= 2
    this.#words = new Uint32Array(this.#slots * WORDS)
    const id = Buffer.alloc(WORDS * 4)
    for (let at = 0; at < old.length; at += WORDS) {
      if (!old[at] && !old[at + 1] && !old[at + 2] && !old[at + 3]) continue
      for (let word = 0; word < WORDS; word++) id.writeUInt32LE(old[at + word] ?? 0, word * 4)
      this.#words.set(old.subarray(at, at + WORDS), this.#find(this.#words, this.#slots, id))
    }
  }
}

export interface IdWindowOptions {
  /** Every id is remembered at least this long, as long as there are not too many. */
  windowMs: number
  /** Ids remembered at once; beyond it the older half goes. */
  idsMax: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  onForgotten: (count: number) => void
}

/** Which ids were seen lately: two generations, of which the older goes when the newer is full or a window old. */
export class IdWindow {
  readonly #options: IdWindowOptions
  #newer = new IdSet()
  #older = new IdSet()
  #startedMs: number

  constructor(options: IdWindowOptions) {
    this.#options = options
    this.#startedMs = options.now()
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  /** The id is the first 16 bytes. */
  has(id: Buffer): boolean {
    return this.#newer.has(id) || this.#older.has(id)
  }

  add(id: Buffer): void {
    const { windowMs, idsMax, now, onForgotten } = this.#options
    const isFull = this.#newer.size >= idsMax / 2
    if (isFull || now() - this.#startedMs >= windowMs) {
      // Ids that went for their age are no loss; those that went for want of room are.
      if (isFull && this.#older.size > 0) onForgotten(this.#older.size)
      this.#older = this.#newer
      this.#newer = new IdSet()
      this.#startedMs = now()
    }
    this.#newer.add(id)
  }
}
