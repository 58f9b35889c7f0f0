/**
 * One ring of whole rows in one block of bytes. It holds exactly the newest rows whose sizes together are at most
 * `bytesMax`: an append drops as many of the oldest rows as it needs, and a row larger than the ring leaves it empty.
 * Rows are numbered from 0 for the ring's whole life, so a reader that was overtaken can tell, and by how many rows.
 * Memory grows with what is held: the block doubles up to `bytesMax`.
 */

const CAPACITY_BYTES_MIN = 256
const INDEX_ROWS_MIN = 4
const EMPTY = Buffer.alloc(0)

/** Where a row stands: `bytes` from `start` to `end`. Valid until the ring is written again. */
export interface RowWindow {
  bytes: Buffer
  start: number
  end: number
}

export class RowRing {
  readonly bytesMax: number
  #bytes: Buffer = EMPTY
  /** Offset and size of row n at 2 × (n mod rows); its length is twice a power of two. */
  #index: Uint32Array = new Uint32Array(0)
  #first = 0
  #next = 0
  #usedBytes = 0
  /** Where the next row goes. */
  #head = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Number of the oldest row held; equals `next` when there is none. */
  get first(): number {
    return this.#first
  }

  /** Number that the next appended row will get. */
  get next(): number {
    return this.#next
  }

  get rows(): number {
    return this.#next - this.#first
  }

  /** Sum of the sizes of the rows held. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Memory taken by the block and its index. */
  get allocatedBytes(): number {
    return this.#bytes.length + this.#index.byteLength
  }

  /** Number of the first row that stays when `bytes` more are appended. */
  firstKeptWith(bytes: number): number {
    let first = this.#first
    let used = this.#usedBytes
    while (first < this.#next && used + bytes > this.bytesMax) used -= this.#sizeOf(first++)
    return first
  }

  /** Makes room at once for the bytes about to be appended, so that many appends grow the block once. */
  reserve(bytes: number): void {
    const needed = Math.min(this.bytesMax, this.#usedBytes + bytes)
    if (needed > this.#bytes.length) this.#grow(needed)
  }

  /** Copies the row that stands in `source` from `start` to `end`. */
  append(source: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (size > this.bytesMax) {
      this.#next++
      this.clear()
      return
    }
    while (this.#usedBytes + size > this.bytesMax) this.#usedBytes -= this.#sizeOf(this.#first++)
    if (this.#usedBytes + size > this.#bytes.length) this.#grow(this.#usedBytes + size)
    const rowsMax = this.#index.length >> 1
    if (this.#next - this.#first === rowsMax) this.#growIndex()
    const bytes = this.#bytes
    const slot = this.#slot(this.#next++)
    this.#index[slot] = this.#head
    this.#index[slot + 1] = size
    this.#usedBytes += size
    const untilEnd = bytes.length - this.#head
    if (size < untilEnd) {
      bytes.set(source.subarray(start, end), this.#head)
      this.#head += size
    } else {
      bytes.set(source.subarray(start, start + untilEnd), this.#head)
      bytes.set(source.subarray(start + untilEnd, end), 0)
      this.#head = size - untilEnd
    }
  }

  /** Points `window` at a row; false when it is no longer, or not yet, there. Numbers stay as they are. */
  locate(row: number, window: RowWindow): boolean {
    if (row < this.#first || row >= this.#next) return false
    const slot = this.#slot(row)
    const start = this.#index[slot] ?? 0
    const size = this.#index[slot + 1] ?? 0
    const untilEnd = this.#bytes.length - start
    if (size <= untilEnd) {
      window.bytes = this.#bytes
      window.start = start
      window.end = start + size
    } else {
      window.bytes = Buffer.allocUnsafe(size)
      this.#bytes.copy(window.bytes, 0, start)
      this.#bytes.copy(window.bytes, untilEnd, 0, size - untilEnd)
      window.start = 0
      window.end = size
    }
    return true
  }

  /** Drops every row and keeps the memory. */
  clear(): void {
    this.#first = this.#next
    this.#usedBytes = 0
    this.#head = 0
  }

  /** Drops every row and gives the memory back. The ring can be written again. */
  release(): void {
    this.clear()
    this.#bytes = EMPTY
    this.#index = new Uint32Array(0)
  }

  /** From row `from` (default: the oldest held) towards the newest, and on to rows appended later. */
  oldestFirst(from = this.#first): RingReader {
    return new RingReader(this, from - 1, 1)
  }

  /** From the newest row, after passing over `skipRows` of them, towards the oldest. */
  newestFirst(skipRows = 0): RingReader {
    return new RingReader(this, this.#next - skipRows, -1)
  }

  #slot(row: number): number {
    return (row & ((this.#index.length >> 1) - 1)) << 1
  }

  #sizeOf(row: number): number {
    return this.#index[this.#slot(row) + 1] ?? 0
  }

  #grow(needed: number): void {
    const capacity = Math.min(this.bytesMax, Math.max(needed, this.#bytes.length * 2, CAPACITY_BYTES_MIN))
    const grown = Buffer.allocUnsafeSlow(capacity)
    const window: RowWindow = { bytes: EMPTY, start: 0, end: 0 }
    let at = 0
    for (let row = this.#first; row < this.#next; row++) {
      this.locate(row, window)
      window.bytes.copy(grown, at, window.start, window.end)
      this.#index[this.#slot(row)] = at
      at += window.end - window.start
    }
    this.#bytes = grown
    this.#head = at
  }

  #growIndex(): void {
    const grown = new Uint32Array(Math.max(INDEX_ROWS_MIN * 2, this.#index.length * 2))
    const rowsMax = grown.length >> 1
    for (let row = this.#first; row < this.#next; row++) {
      const from = this.#slot(row)
      const to = (row & (rowsMax - 1)) << 1
      grown[to] = this.#index[from] ?? 0
      grown[to + 1] = this.#index[from + 1] ?? 0
    }
    this.#index = grown
  }
}

/** Walks a ring that may be written meanwhile. What it points at is valid until the ring is written. */
export class RingReader implements RowWindow {
  bytes: Buffer = EMPTY
  start = 0
  end = 0
  /** Number of the row it points at. */
  row: number
  /** Rows that were dropped from the ring before this reader came to them. */
  missed = 0
  readonly #ring: RowRing
  readonly #step: 1 | -1
  /** Newest-first: the oldest row that the reader still expects. */
  #expectedFrom: number

  constructor(ring: RowRing, row: number, step: 1 | -1) {
    this.#ring = ring
    this.row = row
    this.#step = step
    this.#expectedFrom = ring.first
  }

  /** Moves to the following row; false when there is none (oldest-first: none yet). */
  next(): boolean {
    const first = this.#ring.first
    if (this.#step === 1 && this.row + 1 < first) {
      this.missed += first - this.row - 1
      this.row = first - 1
    }
    const row = this.row + this.#step
    if (!this.#ring.locate(row, this)) {
      if (this.#step === -1) this.#countMissedBelow(row)
      return false
    }
    this.row = row
    return true
  }

  /** Finds the row again after the ring was written; false when it has been dropped. */
  again(): boolean {
    if (this.#ring.locate(this.row, this)) return true
    if (this.#step === -1) this.#countMissedBelow(this.row)
    return false
  }

  #countMissedBelow(row: number): void {
    const dropped = Math.min(this.#ring.first, row + 1) - this.#expectedFrom
    if (dropped <= 0) return
    this.missed += dropped
    this.#expectedFrom += dropped
  }
}
