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
 * datagrams than a turn takes, and a timer that came on time twice, without such a full turn in between.
 */
export class ArrivalClock {
  readonly #nowMs: () => number
  readonly #waitMsMax: number
  readonly #timer: NodeJS.Timeout
  /** Until here everything that had arrived had been read. */
  #emptyMs: number
  #tickedMs: number
  /** Something may have been waiting since `#emptyMs`. */
  #isBehind = false
  #hadFullTurn = false
  #turnPackets = 0
  #turnMs = 0
  #isBulk = false
  #turnEnd: NodeJS.Immediate | undefined

  /** `waitMsMax` bounds the allowance. */
  constructor(nowMs: () => number, waitMsMax: number) {
    this.#nowMs = nowMs
    this.#waitMsMax = waitMsMax
    this.#tickedMs = this.#emptyMs = nowMs()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  /** When the first datagram of this turn of the event loop was read; a turn brings few, so it is soon for all. */
  get turnMs(): number {
    if (this.#turnPackets === 0 && !this.#isBulk) this.#turnMs = this.#nowMs()
    return this.#turnMs
  }

  /** Call for each datagram: since when it may have been waiting, in milliseconds since 1970; mostly now. */
  arrivedSince(nowMs: number): number {
    if (this.#isBulk) return this.#earliest(nowMs)
    this.#turnPackets++
    this.#turnEnd ??= setImmediate(() => this.#endTurn())
    if (!this.#isBehind && !this.#isLate(nowMs)) return nowMs
    return this.#earliest(nowMs)
  }

  /** Many datagrams are read at once from here to `end`: what of them had not arrived by the last such time is new. */
  begin(): void {
    this.#turnMs = this.#nowMs()
    this.#isBulk = true
  }

  /** `isEmpty`: all that had arrived when it began has been read. */
  end(isEmpty: boolean): void {
    this.#isBulk = false
    this.#turnPackets = 0
    this.#isBehind = this.#hadFullTurn = !isEmpty
    if (isEmpty) this.#emptyMs = this.#turnMs
  }

  close(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#turnEnd)
  }

  #earliest(nowMs: number): number {
    return Math.max(Math.min(this.#emptyMs, nowMs), nowMs - this.#waitMsMax)
  }

  #tick(): void {
    const nowMs = this.#nowMs()
    // Timers come before sockets: after a late one there is still to be read what came meanwhile.
    if (this.#isLate(nowMs)) this.#isBehind = true
    else if (!this.#hadFullTurn) {
      this.#isBehind = false
      this.#emptyMs = this.#tickedMs
    }
    this.#hadFullTurn = false
    this.#tickedMs = nowMs
  }

  #endTurn(): void {
    this.#turnEnd = undefined
    this.#isBehind = this.#hadFullTurn = this.#turnPackets >= TURN_PACKETS_MAX
    this.#turnPackets = 0
    if (!this.#isBehind) this.#emptyMs = this.#nowMs()
  }

  #isLate(nowMs: number): boolean {
    return nowMs - this.#tickedMs > TICK_MS + TICK_LATE_MS
  }
}
