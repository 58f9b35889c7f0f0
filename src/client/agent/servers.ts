import type { Connection } from '../connection.ts'

/** Longest pause before a preferred server that failed again and again is given another chance. */
const RETURN_MS_MAX = 600_000

export interface ServersOptions {
  /** The one that is preferred first. */
  connections: readonly Connection[]
  /** After so long without success it is the next one's turn. */
  failoverMs: number
  /** How often preferred ones are tried again while another has their place. */
  returnMs: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
}

/** Which of several servers is delivered to. */
export class Servers {
  readonly #options: ServersOptions
  #index = 0
  #failingSinceMs: number | undefined
  #leftMs = 0
  #returnWaitMs: number
  /** Nothing was delivered yet since the return to a preferred one. */
  #isTrial = false
  readonly #troubles = new Map<Connection, unknown>()

  constructor(options: ServersOptions) {
    this.#options = options
    this.#returnWaitMs = options.returnMs
  }

  get all(): readonly Connection[] {
    return this.#options.connections
  }

  get current(): Connection {
    return this.all[this.#index] as Connection
  }

  /** Why the last attempt with this one failed; `undefined` when it did not. */
  troubleOf(connection: Connection): unknown {
    return this.#troubles.get(connection)
  }

  /** How long until it is the next one's turn, if this one goes on failing. */
  get turnMs(): number {
    const { failoverMs, now } = this.#options
    if (this.all.length === 1) return Infinity
    return this.#failingSinceMs === undefined ? failoverMs : this.#failingSinceMs + failoverMs - now()
  }

  /** An attempt that began at `sinceMs` has failed. True: it is another one's turn. */
  failed(connection: Connection, error: unknown, sinceMs: number): boolean {
    this.#troubles.set(connection, error)
    if (connection !== this.current) return false
    this.#failingSinceMs ??= sinceMs
    if (this.turnMs > 0) return false
    if (this.#isTrial) this.#returnWaitMs = Math.min(this.#returnWaitMs * 2, RETURN_MS_MAX)
    this.#leftMs = this.#options.now()
    this.#goTo((this.#index + 1) % this.all.length)
    return true
  }

  /** It works, but something stands in the way. */
  troubled(connection: Connection, error: unknown): void {
    this.#troubles.set(connection, error)
  }

  delivered(connection: Connection): void {
    this.#troubles.delete(connection)
    if (connection !== this.current) return
    this.#failingSinceMs = undefined
    this.#isTrial = false
    if (this.#index === 0) this.#returnWaitMs = this.#options.returnMs
  }

  /** It answers, whatever else. */
  answered(connection: Connection): void {
    this.#troubles.delete(connection)
  }

  /** Those to be asked whether they can be returned to, if it is time. */
  toReturnTo(): readonly Connection[] {
    const isDue = this.#index > 0 && this.#options.now() - this.#leftMs >= this.#returnWaitMs
    return isDue ? this.all.slice(0, this.#index) : []
  }

  /** That one can be returned to; `undefined`: none of them. */
  returnTo(connection: Connection | undefined): void {
    this.#leftMs = this.#options.now()
    const index = connection === undefined ? -1 : this.all.indexOf(connection)
    if (index < 0 || index >= this.#index) return
    this.#goTo(index)
    this.#isTrial = true
  }

  #goTo(index: number): void {
    this.#index = index
    this.#failingSinceMs = undefined
    this.#isTrial = false
  }
}
