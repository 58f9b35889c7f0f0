import { type EventIds, ID_WORDS } from './event-ids.ts'

/** What is kept of an id: its words, and what it stands for. */
const SLOT_WORDS = ID_WORDS + 1
const SLOTS_MIN = 1024
/** Slots are doubled when they are fuller than this. */
const LOAD_MAX = 0.6

/** Stands for an id that is not known any more. */
const FORGOTTEN = 0xffffffff

/** A growing map of 128-bit ids to numbers in one block of memory: 33 to 67 bytes an id. */
class IdMap {
  size = 0
  #slots = SLOTS_MIN
  #words = new Uint32Array(SLOTS_MIN * SLOT_WORDS)

  /** Undefined where the id is not known. */
  get(ids: EventIds, index: number): number | undefined {
    const at = this.#find(this.#words, ids, index * ID_WORDS)
    // An empty slot has no words.
    if (this.#isEmpty(at)) return undefined
    const value = this.#words[at + ID_WORDS]
    return value === FORGOTTEN ? undefined : value
  }

  set(ids: EventIds, index: number, value: number): void {
    if (this.size + 1 > this.#slots * LOAD_MAX) this.#grow()
    const from = index * ID_WORDS
    const at = this.#find(this.#words, ids, from)
    const words = this.#words
    if (this.#isEmpty(at)) {
      for (let word = 0; word < ID_WORDS; word++) words[at + word] = ids[from + word] as number
      this.size++
    }
    words[at + ID_WORDS] = value
  }

  /** The memory stays. */
  clear(): void {
    this.#words.fill(0)
    this.size = 0
  }

  #isEmpty(at: number): boolean {
    const words = this.#words
    return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0
  }

  /** The slot where the id is, or belongs. */
  #find(words: Uint32Array, ids: EventIds, from: number): number {
    const a = ids[from] as number
    const b = ids[from + 1] as number
    const c = ids[from + 2] as number
    const d = ids[from + 3] as number
    // Slots are a power of two.
    const mask = words.length / SLOT_WORDS - 1
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS
      const w = words[at] as number
      const x = words[at + 1] as number
      const y = words[at + 2] as number
      const z = words[at + 3] as number
      if ((w === a && x === b && y === c && z === d) || (w === 0 && x === 0 && y === 0 && z === 0)) return at
    }
  }

  #grow(): void {
    const old = this.#words
    this.#slots *= 2
    const words = new Uint32Array(this.#slots * SLOT_WORDS)
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      if (this.#isEmpty(at)) continue
      const to = this.#find(words, old, at)
      for (let word = 0; word < SLOT_WORDS; word++) words[to + word] = old[at + word] as number
    }
    this.#words = words
  }
}

export interface IdWindowOptions {
  /** Every id is remembered at least this long, as long as there are not too many. */
  windowMs: number
  /** Ids remembered at once, those of the submissions at hand aside; beyond it the older half goes. */
  idsMax: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  onForgotten: (count: number) => void
}

/**
 * Which ids were seen lately, each with the number of the write that it came in: two generations, of which the older
 * goes when the newer is full or a window old.
 */
export class IdWindow {
  readonly #options: IdWindowOptions
  #newer = new IdMap()
  #older = new IdMap()
  #startedMs: number

  constructor(options: IdWindowOptions) {
    this.#options = options
    this.#startedMs = options.now()
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  /** Makes room for so many ids: nothing else forgets any. */
  expect(count: number): void {
    const { windowMs, idsMax, now, onForgotten } = this.#options
    const isFull = this.#newer.size > 0 && this.#newer.size + count > idsMax / 2
    if (!isFull && now() - this.#startedMs < windowMs) return
    // Ids that went for their age are no loss; those that went for want of room are.
    if (isFull && this.#older.size > 0) onForgotten(this.#older.size)
    this.#older.clear()
    ;[this.#older, this.#newer] = [this.#newer, this.#older]
    this.#startedMs = now()
  }

  /** The write that the id at `index` came in; `undefined`: it is not known. */
  writeOf(ids: EventIds, index: number): number | undefined {
    return this.#newer.get(ids, index) ?? this.#older.get(ids, index)
  }

  add(ids: EventIds, index: number, write: number): void {
    this.#newer.set(ids, index, write)
  }

  /** As if it had never been added. */
  forget(ids: EventIds, index: number): void {
    if (this.#older.get(ids, index) !== undefined) this.#older.set(ids, index, FORGOTTEN)
    if (this.#newer.get(ids, index) !== undefined) this.#newer.set(ids, index, FORGOTTEN)
  }
}
