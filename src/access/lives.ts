import type { Logger } from '../core/logger.ts'

/** What may end: a key, a session, a token. */
export interface Life {
  /** Milliseconds since 1970; Infinity: never by itself. */
  readonly expiresMs: number
  isOver(nowMs: number): boolean
}

interface Watch {
  life: Life
  listener: () => void
}

/** The clock may be set, and a timer takes 24.8 days at most: so it is looked at this often at least. */
const TIMER_MS_MAX = 60_000

/**
 * Tells listeners when what they depend on has ended. Only what somebody listens to is kept, so there is nothing to
 * forget about the rest.
 */
export class Lives {
  readonly #watches = new Set<Watch>()
  readonly #clock: () => number
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Infinity

  constructor(clock: () => number, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Calls the listener once when the life is over, at once if it is. Returns what takes the listener away again. */
  onEnded(life: Life, listener: () => void): () => void {
    const nowMs = this.#clock()
    if (life.isOver(nowMs)) {
      listener()
      return () => undefined
    }
    const watch = { life, listener }
    this.#watches.add(watch)
    this.#wakeAt(life.expiresMs, nowMs)
    return () => {
      this.#watches.delete(watch)
    }
  }

  /** How many listen. */
  get size(): number {
    return this.#watches.size
  }

  /** To be called whenever something may have ended. */
  sweep(): void {
    const nowMs = this.#clock()
    const over = [...this.#watches].filter(({ life }) => life.isOver(nowMs))
    for (const watch of over) {
      // A listener before may have taken this one away.
      if (!this.#watches.delete(watch)) continue
      try {
        watch.listener()
      } catch (err) {
        this.#logger.error({ err }, 'Something did not end with the key that it was allowed by')
      }
    }
  }

  /** Nobody is told of anything any more. */
  close(): void {
    clearTimeout(this.#timer)
    this.#watches.clear()
  }

  #wakeAt(expiresMs: number, nowMs: number): void {
    const atMs = Math.min(expiresMs, nowMs + TIMER_MS_MAX)
    if (atMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, Math.ceil(atMs - nowMs)))
    this.#timer.unref()
  }

  #wake(): void {
    this.#timerAtMs = Infinity
    this.sweep()
    if (this.#watches.size === 0) return
    let nextMs = Infinity
    for (const { life } of this.#watches) nextMs = Math.min(nextMs, life.expiresMs)
    this.#wakeAt(nextMs, this.#clock())
  }
}
