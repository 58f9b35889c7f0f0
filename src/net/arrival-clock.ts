/** Datagrams read in one turn of the event loop (libuv's constant); fewer say that none is left. */
const TURN_PACKETS_MAX = 32
const TICK_MS = 20
/** Lateness of a tick that is not worth mentioning. */
const TICK_LATE_MS = 10

/**
 * Since when a datagram that is read now may have been waiting in the kernel. Who judges the age of a packet has to
 * allow for that: otherwise everything that came while this process was busy is too old when it is read.
 *
 * The time at which nothing was left to read is known from two signs: a turn of the event loop that brought fewer
 * datagrams than a turn takes, and a timer that came on time.
 */
export class ArrivalClock {
  readonly #nowMs: () => number
  readonly #waitMsMax: number
  readonly #timer: NodeJS.Timeout
  /** Until here everything that had arrived had been read. */
  #emptyMs: number
  #tickedMs: number
  #isBehind = false
  #turnPackets = 0
  #turnEnd: NodeJS.Immediate | undefined

  /** `waitMsMax` bounds the allowance. */
  constructor(nowMs: () => number, waitMsMax: number) {
    this.#nowMs = nowMs
    this.#waitMsMax = waitMsMax
    this.#tickedMs = this.#emptyMs = nowMs()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  /** Call for each datagram: since when it may have been waiting, in milliseconds since 1970; mostly now. */
  arrivedSince(nowMs: number): number {
    this.#turnPackets++
    this.#turnEnd ??= setImmediate(() => this.#endTurn())
    if (!this.#isBehind && nowMs - this.#tickedMs <= TICK_MS + TICK_LATE_MS) return nowMs
    return Math.max(Math.min(this.#emptyMs, nowMs), nowMs - this.#waitMsMax)
  }

  close(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#turnEnd)
  }

  #tick(): void {
    this.#tickedMs = this.#nowMs()
    if (!this.#isBehind) this.#emptyMs = this.#tickedMs
  }

  #endTurn(): void {
    this.#turnEnd = undefined
    this.#isBehind = this.#turnPackets >= TURN_PACKETS_MAX
    this.#turnPackets = 0
    if (!this.#isBehind) this.#emptyMs = this.#nowMs()
  }
}
