import { backoffMs } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import type { Servers } from './servers.ts'

/** A server may ask for longer pauses, but is not obeyed. */
const ASKED_MS_MAX = 300_000
/** Before another server's turn. */
const PAUSE_MS_MIN = 20

export interface CourseOptions {
  servers: Servers
  /** How long a delivery is offered to nobody but the server that may have it. */
  doubtMs: number
  now: () => number
  random: () => number
}

/** The attempts to make one delivery: with which server each, and after which pause. */
export class Course {
  readonly #options: CourseOptions
  readonly #attempts = new Map<Connection, number>()
  /** Servers that may have it, and since when. */
  readonly #doubts = new Map<Connection, number>()

  constructor(options: CourseOptions) {
    this.#options = options
  }

  /**
   * The server for the next attempt. One that may have the delivery is asked alone for a while: what it has taken, and
   * another one takes as well, is there twice.
   */
  get next(): Connection {
    const { now, doubtMs, servers } = this.#options
    for (const [connection, sinceMs] of this.#doubts) if (now() - sinceMs < doubtMs) return connection
    return servers.current
  }

  /** Whether another server than this one may have it. */
  isDoubtedBeside(connection: Connection): boolean {
    return [...this.#doubts.keys()].some((other) => other !== connection)
  }

  /** An attempt that began at `sinceMs` has failed; the server may have taken what was sent. */
  failed(connection: Connection, isInDoubt: boolean, sinceMs: number): void {
    this.#attempts.set(connection, (this.#attempts.get(connection) ?? 0) + 1)
    if (isInDoubt && !this.#doubts.has(connection)) this.#doubts.set(connection, sinceMs)
  }

  /** Pause before the next attempt, after one with this server that asked for `askedMs`. */
  pauseMs(last: Connection, askedMs = 0): number {
    const { next } = this
    const attempts = this.#attempts.get(next) ?? 0
    if (attempts === 0) return 0
    const asked = next === last ? Math.min(askedMs, ASKED_MS_MAX) : 0
    const pause = Math.max(asked, backoffMs(attempts - 1, this.#options.random))
    return Math.min(pause, Math.max(PAUSE_MS_MIN, this.#turnMs(next)))
  }

  /** How long until another server may be asked. */
  #turnMs(connection: Connection): number {
    const { now, doubtMs, servers } = this.#options
    const sinceMs = servers.all.length === 1 ? undefined : this.#doubts.get(connection)
    const doubtLeftMs = sinceMs === undefined ? 0 : sinceMs + doubtMs - now()
    return doubtLeftMs > 0 ? doubtLeftMs : servers.turnMs
  }
}
