/** Between a socket that brings and a reader that takes: a queue with a limit, and a way to wait for the next. */
export class Mailbox<T> {
  readonly #itemsMax: number
  #items: T[] = []
  #taken = 0
  #skippedCount = 0
  #isKnocked = false
  #wake: (() => void) | undefined

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax
  }

  /** False, and counted, when the reader is that far behind. */
  put(item: T): boolean {
    const hasRoom = this.#items.length - this.#taken < this.#itemsMax
    if (hasRoom) this.#items.push(item)
    else this.#skippedCount++
    this.#wake?.()
    return hasRoom
  }

  take(): T | undefined {
    const item = this.#items[this.#taken]
    if (item === undefined) return undefined
    this.#taken++
    // What was taken leaves in bulk: shifting one by one would move the rest each time.
    if (this.#taken === this.#items.length || this.#taken > 1024) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  /** How many were not put since this was last asked. */
  takeSkippedCount(): number {
    const count = this.#skippedCount
    this.#skippedCount = 0
    return count
  }

  /** Wakes who waits, or who waits next. */
  knock(): void {
    this.#isKnocked = true
    this.#wake?.()
  }

  /** Resolves at the next `put` or `knock`, or after `ms`; at once when there is something to take. One waits at a time. */
  async wait(ms?: number): Promise<void> {
    const hasNews = this.#isKnocked || this.#taken < this.#items.length || this.#skippedCount > 0
    if (!hasNews) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (ms !== undefined) timer = setTimeout(resolve, ms)
      })
      this.#wake = undefined
      clearTimeout(timer)
    }
    this.#isKnocked = false
  }
}
