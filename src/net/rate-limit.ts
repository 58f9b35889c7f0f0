export interface RateLimitOptions {
  /** How often in `windowMs`, evenly or all at once. */
  max: number
  windowMs: number
  /** Names that are remembered at most. One that was not seen while half as many others were may be forgotten. */
  namesMax: number
  /** Milliseconds, never going back. */
  clock: () => number
}

/** What additions of fractions may be off by, in milliseconds. */
const ROUNDING_MS = 1e-6

/**
 * A bucket of tokens for every name, as one number each: when it will be full again (the virtual scheduling form of
 * ITU-T I.371's generic cell rate algorithm). A full bucket holds `max` tokens and fills in `windowMs`.
 */
export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #tokenMs: number
  /** Two generations: the older one goes as a whole, which costs less than an order of last use. */
  #recent = new Map<string, number>()
  #older = new Map<string, number>()

  constructor(options: RateLimitOptions) {
    this.#options = options
    this.#tokenMs = options.windowMs / options.max
  }

  /** Takes a token. 0: there was one; else milliseconds until there will be. */
  take(name: string): number {
    const nowMs = this.#options.clock()
    const fullMs = Math.max(this.#fullMs(name) ?? nowMs, nowMs)
    const waitMs = this.#wait(fullMs, nowMs)
    this.#remember(name, waitMs > 0 ? fullMs : fullMs + this.#tokenMs)
    return waitMs
  }

  /** What `take` would say, without taking. */
  waitMs(name: string): number {
    const fullMs = this.#fullMs(name)
    if (fullMs === undefined) return 0
    const nowMs = this.#options.clock()
    return this.#wait(Math.max(fullMs, nowMs), nowMs)
  }

  /** Names that are remembered. */
  get names(): number {
    return this.#recent.size + this.#older.size
  }

  #fullMs(name: string): number | undefined {
    return this.#recent.get(name) ?? this.#older.get(name)
  }

  #wait(fullMs: number, nowMs: number): number {
    const waitMs = fullMs + this.#tokenMs - this.#options.windowMs - nowMs
    return waitMs > ROUNDING_MS ? waitMs : 0
  }

  #remember(name: string, fullMs: number): void {
    this.#recent.set(name, fullMs)
    if (this.#recent.size < this.#options.namesMax / 2) return
    this.#older = this.#recent
    this.#recent = new Map()
  }
}
