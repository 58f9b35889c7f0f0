/**
 * The base client: sends over the connection that it is given, and says so when that is lost; what waits then stays for
 * the next one. `smart-client.ts` reconnects by itself.
 */
import type { AuditRecord } from '../../wire/audit/record.ts'
import type { AuditConnection } from './connection.ts'
import { Engine, type AuditOptions, type AuditStats, type CloseOutcome } from './engine.ts'
import { AuditError, refused, type SendOutcome } from './outcome.ts'
import type { SendWaitOptions } from './taker.ts'

export interface AuditClient {
  /** Checks a record and puts it into the queue, or says why not. Returns at once and never throws. */
  send(record: AuditRecord): SendOutcome
  /** The same, and waits for room in the queue when there is none. Without `timeoutMs` as long as it takes. */
  send(record: AuditRecord, options: SendWaitOptions): Promise<SendOutcome>
  /** Goes on with another connection. The queue stays. Rejects with AuditError when it cannot be connected. */
  reset(connection: AuditConnection): Promise<void>
  /**
   * Takes no more records, and resolves when those that were taken have left: after `timeoutMs` (20 s), or when the
   * connection is lost, with those that have not.
   */
  close(options?: { timeoutMs?: number }): Promise<CloseOutcome>
  /** Why records are refused with category `connection`; `undefined`: they are not. */
  readonly failure: AuditError | undefined
  stats(): AuditStats
}

const CLOSE_MS = 20_000
const CLOSED = 'audit: client is closed'

/**
 * Connects in the background; records are taken meanwhile. When the connection cannot be had or is lost, further records
 * are refused until `reset`. Throws TypeError for options that cannot be, and AuditError without a connection.
 */
export function createAuditClient(connection: AuditConnection, options: AuditOptions = {}): AuditClient {
  const given: AuditConnection | undefined | null = connection
  if (!given) throw new AuditError('connection', 'a connection is required')
  return new BaseClient(given, options)
}

class BaseClient implements AuditClient {
  readonly #options: AuditOptions
  readonly #engine: Engine
  #failure: AuditError | undefined
  #closing: Promise<CloseOutcome> | undefined
  /** Connecting happens one after the other. */
  #connecting: Promise<void> = Promise.resolve()

  constructor(connection: AuditConnection, options: AuditOptions) {
    this.#options = options
    this.#engine = new Engine({
      options,
      overflow: undefined,
      refusal: () => this.#refusal(),
      onLost: (error) => this.#fail(new AuditError('connection', error.message, { cause: error })),
      onFull: () => undefined,
      onRoom: () => undefined,
    })
    // Whoever wants to know asks `failure`, or is told by the next send.
    this.#connect(connection).catch(() => undefined)
  }

  get failure(): AuditError | undefined {
    return this.#failure
  }

  send(record: AuditRecord): SendOutcome
  send(record: AuditRecord, options: SendWaitOptions): Promise<SendOutcome>
  send(record: AuditRecord, options?: SendWaitOptions): SendOutcome | Promise<SendOutcome> {
    const { taker } = this.#engine
    return options === undefined ? taker.take(record) : taker.takeWithin(record, options)
  }

  async reset(connection: AuditConnection): Promise<void> {
    const given: AuditConnection | undefined | null = connection
    if (!given) throw new AuditError('connection', 'a connection is required')
    if (this.#closing) throw new AuditError('closed', CLOSED)
    await this.#connect(given)
  }

  close({ timeoutMs = CLOSE_MS }: { timeoutMs?: number } = {}): Promise<CloseOutcome> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  stats(): AuditStats {
    return this.#engine.stats()
  }

  async #close(timeoutMs: number): Promise<CloseOutcome> {
    await this.#connecting.catch(() => undefined)
    if (!this.#failure) await this.#engine.drained(timeoutMs)
    return this.#engine.close()
  }

  #connect(connection: AuditConnection): Promise<void> {
    const connected = this.#connecting
      .catch(() => undefined)
      .then(() => this.#engine.outbox.disconnect())
      .then(() => this.#replace(connection))
    this.#connecting = connected
    return connected
  }

  async #replace(connection: AuditConnection): Promise<void> {
    try {
      this.#failure = undefined
      await this.#engine.connect(connection)
    } catch (error) {
      this.#fail(error as AuditError)
      throw error
    }
  }

  #fail(error: AuditError): void {
    this.#failure = error
    this.#options.logger?.warn(`audit: ${error.message}`)
    this.#engine.taker.roomMade()
    this.#engine.giveUp()
  }

  #refusal(): SendOutcome | undefined {
    if (this.#closing) return refused('closed', CLOSED)
    return this.#failure && { queued: false, error: this.#failure }
  }
}
