export interface RateLimit {
  perSecond: number
  /** How many may go at once after a pause; one second's worth unless given. */
  burst?: number | undefined
}

/** A token bucket: full at first, refilled as time passes. `nowMs` is any clock that does not go back. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #filledAtMs: number

  constructor({ perSecond, burst = Math.max(1, perSecond) }: RateLimit, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#filledAtMs = nowMs
  }

  /** Whether one more may go now. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
