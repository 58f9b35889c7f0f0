/** What a smart client tells about itself. */
export type AuditNotice = { at: Date } & (
  | { kind: 'connected' }
  | { kind: 'disconnected'; error: Error }
  | { kind: 'connect-failed'; error: Error; attempt: number; retryMs: number }
  /** Records are refused from now on, or go to the overflow folder. */
  | { kind: 'queue-full'; place: 'refused' | 'disk' }
  /** There is room again. */
  | { kind: 'queue-free' }
)

/** A notice with the number of those that were left out before it, because nobody took them in time. */
export type DeliveredNotice = AuditNotice & { suppressed: number }

const NOTICES_MAX = 100

interface Reader {
  items: DeliveredNotice[]
  suppressed: number
  wake: (() => void) | undefined
}

/** Hands notices to a function and to any number of iterators, which each keep the newest 100 at most. */
export class Notices implements AsyncIterable<DeliveredNotice> {
  #suppressed = 0
  readonly #readers = new Set<Reader>()
  readonly #callback: ((notice: AuditNotice) => void) | undefined
  #isOver = false

  constructor(callback: ((notice: AuditNotice) => void) | undefined) {
    this.#callback = callback
  }

  /** Notices that no iterator was given. */
  get suppressed(): number {
    return this.#suppressed
  }

  tell(notice: AuditNotice): void {
    try {
      this.#callback?.(notice)
    } catch {
      // What a listener throws is its own affair: records go on.
    }
    for (const reader of this.#readers) {
      if (reader.items.length >= NOTICES_MAX) {
        reader.items.shift()
        reader.suppressed++
        this.#suppressed++
      }
      reader.items.push({ ...notice, suppressed: 0 })
      reader.wake?.()
    }
  }

  end(): void {
    this.#isOver = true
    for (const { wake } of this.#readers) wake?.()
  }

  /** From now on; ends when the client is closed. */
  [Symbol.asyncIterator](): AsyncIterator<DeliveredNotice> {
    const reader: Reader = { items: [], suppressed: 0, wake: undefined }
    this.#readers.add(reader)
    return {
      next: async () => {
        while (reader.items.length === 0 && !this.#isOver) {
          await new Promise<void>((resolve) => (reader.wake = resolve))
        }
        const notice = reader.items.shift()
        if (!notice) return { done: true, value: undefined }
        const { suppressed } = reader
        reader.suppressed = 0
        return { done: false, value: { ...notice, suppressed } }
      },
      return: () => {
        this.#readers.delete(reader)
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }
}
