import { setTimeout as delay } from 'node:timers/promises'
import type { Counter } from '../../core/counters.ts'
import type { LogdLimits } from './settings.ts'

export type OutletLimits = Pick<
  LogdLimits,
  'answerBytesPerSecondMax' | 'answerBurstBytes' | 'answersPerMsMax' | 'addressesMax'
>

export interface OutletOptions {
  /** False when too much waits to be sent already. */
  send: (bytes: Uint8Array, address: string, port: number) => boolean
  limits: OutletLimits
  /** Milliseconds, rising steadily. */
  nowMs: () => number
  sent: Counter
  sentBytes: Counter
}

/** Longest wait for room in the queue of the socket before an answer is given up. */
const QUEUE_WAIT_MS_MAX = 1000

/**
 * The one way to an address: all its tails and queries together are sent so much a second and no more, whatever asks
 * for them. Bytes come from a bucket that fills steadily; datagrams are bounded by the millisecond, so that a reader's
 * small buffer does not overflow.
 */
export class Outlet {
  readonly address: string
  readonly port: number
  /** Tails and queries that use it. */
  users = 0
  isClosed = false
  readonly #options: OutletOptions
  #bytesLeft: number
  #filledMs: number
  #millisecond = 0
  #sentThisMs = 0

  constructor(address: string, port: number, options: OutletOptions) {
    this.address = address
    this.port = port
    this.#options = options
    this.#bytesLeft = options.limits.answerBurstBytes
    this.#filledMs = options.nowMs()
  }

  /** Nobody needs it, and forgetting it gives its address nothing that it has not got already. */
  get isIdle(): boolean {
    this.#fill(this.#options.nowMs())
    return this.users === 0 && this.#bytesLeft >= this.#options.limits.answerBurstBytes
  }

  /** Sends at once if nothing is in the way; false: `send` has to wait for it. */
  trySend(bytes: Uint8Array): boolean {
    if (this.#waitMs(bytes.length) > 0 || !this.#options.send(bytes, this.address, this.port)) return false
    this.#take(bytes.length)
    this.#count(bytes.length)
    return true
  }

  /** Resolves when the datagram is on its way, with false when it never will be. */
  async send(bytes: Uint8Array): Promise<boolean> {
    for (let waitMs = this.#waitMs(bytes.length); waitMs > 0; waitMs = this.#waitMs(bytes.length)) {
      await delay(waitMs)
      if (this.isClosed) return false
    }
    this.#take(bytes.length)
    const { nowMs } = this.#options
    for (const untilMs = nowMs() + QUEUE_WAIT_MS_MAX; !this.#options.send(bytes, this.address, this.port);) {
      await delay(1)
      if (this.isClosed || nowMs() > untilMs) return false
    }
    this.#count(bytes.length)
    return true
  }

  /** For short words of the server's own: at once, or not at all. */
  sendNow(bytes: Uint8Array): void {
    this.#take(bytes.length)
    if (this.#options.send(bytes, this.address, this.port)) this.#count(bytes.length)
  }

  /** 0: now. */
  #waitMs(bytes: number): number {
    const nowMs = this.#options.nowMs()
    const { answersPerMsMax, answerBytesPerSecondMax } = this.#options.limits
    this.#fill(nowMs)
    if (this.#bytesLeft < bytes) return Math.ceil(((bytes - this.#bytesLeft) * 1000) / answerBytesPerSecondMax)
    if (Math.floor(nowMs) !== this.#millisecond) {
      this.#millisecond = Math.floor(nowMs)
      this.#sentThisMs = 0
    }
    return this.#sentThisMs < answersPerMsMax ? 0 : 1
  }

  #fill(nowMs: number): void {
    const { answerBytesPerSecondMax, answerBurstBytes } = this.#options.limits
    const more = ((nowMs - this.#filledMs) / 1000) * answerBytesPerSecondMax
    this.#bytesLeft = Math.min(answerBurstBytes, this.#bytesLeft + more)
    this.#filledMs = nowMs
  }

  #take(bytes: number): void {
    this.#bytesLeft -= bytes
    this.#sentThisMs++
  }

  #count(bytes: number): void {
    this.#options.sent.add()
    this.#options.sentBytes.add(bytes)
  }
}

/** The outlets of all addresses that were sent something lately. */
export class Outlets {
  readonly #options: OutletOptions
  readonly #outlets = new Map<string, Outlet>()

  constructor(options: OutletOptions) {
    this.#options = options
  }

  /** That of an address that has a tail or a query, or had one lately. */
  known(address: string, port: number): Outlet | undefined {
    return this.#outlets.get(`${address} ${port}`)
  }

  /** `undefined` when there are too many. */
  of(address: string, port: number): Outlet | undefined {
    const known = this.known(address, port)
    if (known) return known
    if (this.#outlets.size >= this.#options.limits.addressesMax) this.sweep()
    if (this.#outlets.size >= this.#options.limits.addressesMax) return undefined
    const outlet = new Outlet(address, port, this.#options)
    this.#outlets.set(`${address} ${port}`, outlet)
    return outlet
  }

  sweep(): void {
    for (const [key, outlet] of this.#outlets) if (outlet.isIdle) this.#outlets.delete(key)
  }

  close(): void {
    for (const outlet of this.#outlets.values()) outlet.isClosed = true
    this.#outlets.clear()
  }
}
