import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ROWS_TYPE } from '../../wire/rows/row-check.ts'
import { backoffMs, type Patience } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import { ServerAway, ServerProblem } from '../failures.ts'

const compress = promisify(gzip)
/** More saves little and costs much. */
const GZIP_LEVEL = 1

export interface UplinkOptions {
  /** The servers, the one that is preferred first. */
  connections: readonly Connection[]
  agent: string
  /** This process, and no other one ever. */
  run: string
  /** Whether to compress what goes to this server. */
  compresses: (url: string) => boolean
  patience: Patience
  signal: AbortSignal
  /** After so long without success it is the next server's turn. */
  failoverMs: number
  /** How often the preferred server is tried again while another one has its place. */
  returnMs: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  /** Told why nothing can be delivered now, and null when something was. */
  onTrouble: (trouble: { url: string; reason: string } | null) => void
}

/** What the server says about a delivery that it will never take as it is. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused'
}

/** Another process delivers as this agent. */
export class AgentReplaced extends Error {
  override readonly name = 'AgentReplaced'
}

export interface AgentFigures {
  host: string
  version: string
  files: number
  behindBytes: number
  behindSeconds: number
  problems: number
}

/** The way from an agent to its servers. Everything is tried until it succeeds, or the signal aborts. */
export class Uplink {
  readonly #options: UplinkOptions
  #current = 0
  #leftMs = 0
  readonly #begun = new Set<Connection>()
  #failingSinceMs: number | undefined
  #isInTrouble = false

  constructor(options: UplinkOptions) {
    this.#options = options
  }

  /** The server that is delivered to now. */
  get url(): string {
    return this.#connection.url
  }

  /**
   * Resolves when the rows are durable in a server. `mayBeThere`: an earlier process may have delivered them. Rejects
   * with DeliveryRefused, AgentReplaced, or the reason of the abort.
   */
  async deliver(delivery: string, rows: readonly Uint8Array[], mayBeThere = false): Promise<void> {
    let packed: readonly Uint8Array[] | undefined
    for (let attempt = 1; ; attempt++) {
      const connection = this.#next()
      try {
        await this.#begin(connection)
        const isCompressed = this.#options.compresses(connection.url)
        if (isCompressed) packed ??= [await compress(Buffer.concat(rows), { level: GZIP_LEVEL })]
        await connection.json(this.#path('events'), {
          method: 'POST',
          parameters: { run: this.#options.run, delivery, attempt: mayBeThere ? attempt + 1 : attempt },
          headers: { 'content-type': ROWS_TYPE, ...(isCompressed && { 'content-encoding': 'gzip' }) },
          body: isCompressed && packed ? packed : rows,
          signal: this.#options.signal,
        })
        return this.#succeeded()
      } catch (error) {
        if (error instanceof ServerProblem && (error.status === 400 || error.status === 413)) {
          throw new DeliveryRefused(`${connection.url}: ${error.message}`, { cause: error })
        }
        await this.#failed(connection, error, attempt)
      }
    }
  }

  /** Whether a delivery of an earlier process is in one of the servers; from then on that one cannot deliver any more. */
  async wasTaken(delivery: string): Promise<boolean> {
    for (const connection of this.#options.connections) {
      for (let attempt = 1; ; attempt++) {
        try {
          if (await this.#start(connection, delivery)) return true
          break
        } catch (error) {
          const isLast = this.#options.connections.length > 1 && this.#isFailing()
          await this.#failed(connection, error, attempt)
          // One of several servers that is away for long does not hold up the others: at worst something is there twice.
          if (isLast) break
        }
      }
    }
    return false
  }

  /** Tells the server about this agent, once, if that can be done. */
  async report(figures: AgentFigures): Promise<void> {
    try {
      await this.#connection.json(this.#path('report'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(figures)),
        signal: this.#options.signal,
      })
    } catch {
      // The next report comes soon, and what keeps events from being delivered is told there.
    }
  }

  close(): void {
    for (const connection of this.#options.connections) connection.close()
  }

  get #connection(): Connection {
    return this.#options.connections[this.#current] as Connection
  }

  #path(what: string): string {
    return `/api/v1/agents/${this.#options.agent}/${what}`
  }

  /** The server for the next attempt: now and then the preferred one again. */
  #next(): Connection {
    if (this.#current > 0 && this.#options.now() - this.#leftMs >= this.#options.returnMs) this.#current = 0
    return this.#connection
  }

  async #begin(connection: Connection): Promise<void> {
    if (!this.#begun.has(connection)) await this.#start(connection)
  }

  async #start(connection: Connection, inDoubt?: string): Promise<boolean> {
    const { run, signal } = this.#options
    const { taken } = await connection.json<{ taken: boolean }>(this.#path('start'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ run, ...(inDoubt === undefined ? {} : { inDoubt }) })),
      signal,
    })
    this.#begun.add(connection)
    this.#succeeded()
    return taken
  }

  #succeeded(): void {
    this.#failingSinceMs = undefined
    if (this.#isInTrouble) this.#options.onTrouble(null)
    this.#isInTrouble = false
  }

  #isFailing(): boolean {
    const { now, failoverMs } = this.#options
    return this.#failingSinceMs !== undefined && now() - this.#failingSinceMs >= failoverMs
  }

  async #failed(connection: Connection, error: unknown, attempt: number): Promise<void> {
    const { signal, patience, connections, now, onTrouble } = this.#options
    if (signal.aborted) throw signal.reason
    if (error instanceof ServerProblem && error.code === 'AGENT_REPLACED') {
      throw new AgentReplaced(`Another process delivers as agent ${this.#options.agent}`, { cause: error })
    }
    if (!(error instanceof ServerProblem) && !(error instanceof ServerAway)) throw error
    this.#failingSinceMs ??= now()
    // While a server finds out what it has, nothing is wrong.
    if (!(error instanceof ServerProblem && error.code === 'AGENT_STARTING')) {
      this.#isInTrouble = true
      onTrouble({
        url: connection.url,
        reason: error instanceof ServerAway ? error.reason : `${error.title} (${error.code})`,
      })
    }
    if (connections.length > 1 && this.#isFailing()) {
      if (this.#current === 0) this.#leftMs = now()
      this.#current = (this.#current + 1) % connections.length
      this.#failingSinceMs = undefined
    }
    const asked = error instanceof ServerProblem ? (error.retryAfterMs ?? 0) : 0
    await patience.wait(Math.max(asked, backoffMs(attempt - 1, patience.random)), signal)
  }
}
