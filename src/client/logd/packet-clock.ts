import { NS_PER_MS } from '../../core/time.ts'

/** The two clocks of the process; parameters, so that a test may turn them. */
export interface Clocks {
  /** Wall clock, ms since 1970, whole. */
  wallMs: () => number
  /** Never goes back, ms with a fraction. */
  steadyMs: () => number
}

export const CLOCKS: Clocks = { wallMs: Date.now, steadyMs: () => performance.now() }

/** The steady clock counts the microseconds; when the two are further apart than this it is set anew. */
const APART_MS_MAX = 2
/** A step back that is longer is one of the machine's clock, and is followed. */
const STEP_BACK_NS_MAX = 10n * NS_PER_MS

/**
 * The time as nanoseconds since 1970, never the same twice: of two equal packets with the same time a server takes the
 * second for a replay. Not ahead of the machine's clock by more than those nanoseconds, because some servers refuse
 * packets from the future however little; behind it by 2 ms at most.
 */
export class PacketClock {
  readonly #clocks: Clocks
  readonly #grain: number
  #offsetMs = Number.NEGATIVE_INFINITY
  #lastNs = 0n

  /** `random` in [0, 1) sets two processes apart that say the same in the same microsecond. */
  constructor(clocks: Clocks = CLOCKS, random: () => number = Math.random) {
    this.#clocks = clocks
    this.#grain = Math.floor(random() * 1000)
  }

  nowNs(): bigint {
    const wallMs = this.#clocks.wallMs()
    const steadyMs = this.#clocks.steadyMs()
    let ms = this.#offsetMs + steadyMs
    // The wall clock shows whole milliseconds, so that what is set by it is behind it, never ahead.
    if (!(ms < wallMs + 1 && ms > wallMs - APART_MS_MAX)) {
      this.#offsetMs = wallMs - steadyMs
      ms = wallMs
    }
    const wholeMs = Math.floor(ms)
    const fractionNs = Math.floor((ms - wholeMs) * 1000) * 1000 + this.#grain
    const ns = BigInt(wholeMs) * NS_PER_MS + BigInt(fractionNs)
    const isAfter = ns > this.#lastNs || this.#lastNs - ns > STEP_BACK_NS_MAX
    this.#lastNs = isAfter ? ns : this.#lastNs + 1n
    return this.#lastNs
  }
}
