const EMPTY: Buffer = Buffer.alloc(0)

/** Encoded messages in the order in which they were taken: a ring of places in larger buffers. */
export class MessageQueue {
  readonly size: number
  readonly #bytesMax: number
  readonly #slabs: Buffer[]
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array
  /** Number of the file of the overflow folder that it came from; 0: none. */
  readonly #files: Float64Array
  #head = 0
  #length = 0
  #bytes = 0

  constructor(size: number, bytesMax: number) {
    this.size = size
    this.#bytesMax = bytesMax
    this.#slabs = Array.from({ length: size }, () => EMPTY)
    this.#starts = new Uint32Array(size)
    this.#ends = new Uint32Array(size)
    this.#files = new Float64Array(size)
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A message of any size has room in a queue that is empty. */
  get isFull(): boolean {
    return this.#length === this.size || (this.#bytes >= this.#bytesMax && this.#length > 0)
  }

  push(slab: Buffer, start: number, end: number, file = 0): void {
    let at = this.#head + this.#length
    if (at >= this.size) at -= this.size
    this.#slabs[at] = slab
    this.#starts[at] = start
    this.#ends[at] = end
    this.#files[at] = file
    this.#length++
    this.#bytes += end - start
  }

  /** How many messages from the one at `index` on stand one after the other in the same buffer, up to so many bytes. */
  run(index: number, bytesMax: number): number {
    const first = this.#place(index)
    const slab = this.#slabs[first]
    const start = this.#starts[first] as number
    let end = this.#ends[first] as number
    let count = 1
    for (let at = first; index + count < this.#length; count++) {
      at = at + 1 === this.size ? 0 : at + 1
      if (this.#slabs[at] !== slab || this.#starts[at] !== end) break
      const next = this.#ends[at] as number
      if (next - start > bytesMax) break
      end = next
    }
    return count
  }

  /** The bytes of such a run: a window, not a copy. */
  runBytes(index: number, count: number): Buffer {
    const first = this.#place(index)
    const last = this.#place(index + count - 1)
    return (this.#slabs[first] as Buffer).subarray(this.#starts[first], this.#ends[last])
  }

  message(index: number): Buffer {
    return this.runBytes(index, 1)
  }

  /** A byte of a message, without a window onto it. */
  byteOf(index: number, offset: number): number {
    const at = this.#place(index)
    return (this.#slabs[at] as Buffer)[(this.#starts[at] as number) + offset] as number
  }

  /** Copies a message without so many bytes at its begin and end. Returns where the copy ends. */
  copyTo(target: Buffer, targetAt: number, index: number, without: { head: number; tail: number }): number {
    const at = this.#place(index)
    const start = (this.#starts[at] as number) + without.head
    const end = (this.#ends[at] as number) - without.tail
    return targetAt + (this.#slabs[at] as Buffer).copy(target, targetAt, start, end)
  }

  fileOf(index: number): number {
    return this.#files[this.#place(index)] as number
  }

  /** Forgets the oldest messages. */
  drop(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.#head
      this.#bytes -= (this.#ends[at] as number) - (this.#starts[at] as number)
      this.#slabs[at] = EMPTY
      this.#head = at + 1 === this.size ? 0 : at + 1
    }
    this.#length -= count
  }

  #place(index: number): number {
    const at = this.#head + index
    return at >= this.size ? at - this.size : at
  }
}
