import { plainText } from './ansi.ts'
import type { LineStore } from './line-store.ts'

/** Lines looked at in one go. */
const SLICE_LINES = 5000
const FOUND_MAX = 100_000

/** The lines that have a text in them, found a slice at a time. */
export class Search {
  readonly #store: LineStore
  readonly #text: string
  #next = 0
  readonly found: number[] = []

  constructor(store: LineStore, text: string) {
    this.#store = store
    this.#text = text.toLowerCase()
    this.#next = store.firstKept
  }

  /** There may be more of them. */
  get isFull(): boolean {
    return this.found.length >= FOUND_MAX
  }

  /** Looks at some lines that it has not seen; false when there is none. The last line may still grow. */
  step(isOver: boolean): boolean {
    const end = Math.min(this.#store.lines - (isOver ? 0 : 1), this.#next + SLICE_LINES)
    if (this.#next >= end || this.isFull) return false
    for (; this.#next < end; this.#next++) {
      if (plainText(this.#store.line(this.#next).text).toLowerCase().includes(this.#text)) this.found.push(this.#next)
    }
    return true
  }

  /** The place among those found of the first at or behind a line, going round. */
  placeAfter(line: number): number {
    const at = this.found.findIndex((found) => found >= line)
    return at < 0 ? 0 : at
  }
}
