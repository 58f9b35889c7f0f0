import { SLACK_BYTES } from '../transcode/row-writer.ts'
import type { Wrapped } from './wrappers.ts'

/** Takes lines of containers that are whole. */
export type TakeWrapped = (line: Wrapped, startOffset: number) => void

interface Waiting {
  line: Wrapped
  startOffset: number
}

/** Lines of other streams that may wait while one is put together. */
const WAITING_MAX = 256

/**
 * Puts the parts together in which runtimes write long lines. What other streams write meanwhile waits, so that events
 * leave in the order in which they begin in the file, and an offset says what has left.
 */
export class Partials {
  readonly #bytesMax: number
  #open: Waiting | undefined
  #waiting: Waiting[] = []
  #waitingBytes = 0

  /** `bytesMax`: of a line that is put together, and of what waits for it. Beyond it the line ends early. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Where the line that is being put together begins in the file; `undefined` when none is. */
  get heldFrom(): number | undefined {
    return this.#open?.startOffset
  }

  add(line: Wrapped, startOffset: number, take: TakeWrapped): void {
    const open = this.#open
    if (!open) {
      if (line.isPartial) this.#open = { line: copyOf(line), startOffset }
      else take(line, startOffset)
      return
    }
    const size = line.to - line.from
    if (line.stream !== open.line.stream) {
      this.#waiting.push({ line: copyOf(line), startOffset })
      this.#waitingBytes += size
      if (this.#waiting.length >= WAITING_MAX || this.#waitingBytes > this.#bytesMax) this.end(take)
      return
    }
    append(open.line, line)
    if (!line.isPartial || open.line.to > this.#bytesMax) this.end(take)
  }

  /** Ends the line that is being put together, then lets go of what waited for it. */
  end(take: TakeWrapped): void {
    const open = this.#open
    if (!open) return
    this.#open = undefined
    take(open.line, open.startOffset)
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { line, startOffset } of waiting) this.add(line, startOffset, take)
  }

  /** The same for everything, whatever is missing. */
  endAll(take: TakeWrapped): void {
    while (this.#open) this.end(take)
  }
}

function copyOf(line: Wrapped): Wrapped {
  const size = line.to - line.from
  const bytes = Buffer.allocUnsafe(size + SLACK_BYTES)
  line.bytes.copy(bytes, 0, line.from, line.to)
  return { ...line, bytes, from: 0, to: size }
}

function append(line: Wrapped, more: Wrapped): void {
  const size = more.to - more.from
  if (line.to + size + SLACK_BYTES > line.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(line.to + size + SLACK_BYTES, line.bytes.length * 2))
    line.bytes.copy(larger, 0, 0, line.to)
    line.bytes = larger
  }
  more.bytes.copy(line.bytes, line.to, more.from, more.to)
  line.to += size
}
