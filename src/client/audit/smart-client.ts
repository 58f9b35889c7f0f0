/**
 * The smart client: starts with or without an agent, reconnects by itself, sends what is interrupted again, and keeps
 * what finds no room in memory in a folder. Whoever sends never waits, unless it asks to, and is told of every record
 * that is not taken.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { AuditRecord } from '../../wire/audit/record.ts'
import { PATIENCE, timerMs, type Patience } from '../backoff.ts'
import type { AuditConnection } from './connection.ts'
import { Engine, type AuditOptions, type AuditStats, type CloseOutcome } from './engine.ts'
import { Notices, type AuditNotice, type DeliveredNotice } from './notices.ts'
import { AuditError, refused, type SendOutcome } from './outcome.ts'
import { Overflow, type OverflowOptions } from './overflow.ts'
import type { SendWaitOptions } from './taker.ts'

export interface SmartAuditOptions extends AuditOptions {
  /** Records that find no room in memory go to this folder. */
  overflow?: OverflowOptions
  /** How long to wait between attempts to connect. */
  backoff?: Partial<BackoffOptions>
  /** Told everything that the iterator is, as it happens. */
  onNotice?: (notice: AuditNotice) => void
  /** For tests. */
  patience?: Patience
}

export interface BackoffOptions {
  /** Before the second attempt; the first is at once. 100 ms unless given. */
  firstMs: number
  /** Each wait is this many times the one before; 2 unless given. */
  factor: number
  /** Waits are longer or shorter by up to this share, by chance; 0.5 unless given. */
  spread: number
  /** 60 s unless given. */
  longestMs: number
}

export interface SmartAuditStats extends AuditStats {
  connected: boolean
  /** How often a connection was made, the first included. */
  connections: number
  /** Attempts that failed. */
  failedConnections: number
  noticesSuppressed: number
  overflow: { bytes: number; damaged: number } | null
}

export interface SmartAuditClient {
  /** Checks a record and puts it into the queue, or says why not. Returns at once and never throws. */
  send(record: AuditRecord): SendOutcome
  /** The same, and waits for room in the queue when there is none and no overflow folder. */
  send(record: AuditRecord, options: SendWaitOptions): Promise<SendOutcome>
  /** What happens to the connection and the queue, from now on; each iterator gets all of it. */
  readonly notices: AsyncIterable<DeliveredNotice>
  /** Takes no more records, and resolves when those that were taken have left, or after `timeoutMs` (20 s). */
  close(options?: { timeoutMs?: number }): Promise<CloseOutcome>
  stats(): SmartAuditStats
}

const CLOSE_MS = 20_000
const CLOSED = 'audit: client is closed'
const BACKOFF: BackoffOptions = { firstMs: 100, factor: 2, spread: 0.5, longestMs: 60_000 }

/** Throws TypeError for options that cannot be, AuditError without a connection, and what the overflow folder throws. */
export function createSmartAuditClient(connection: AuditConnection, options: SmartAuditOptions = {}): SmartAuditClient {
  const given: AuditConnection | undefined | null = connection
  if (!given) throw new AuditError('connection', 'a connection is required')
  return new SmartClient(given, options)
}

class SmartClient implements SmartAuditClient {
  readonly notices: Notices
  readonly #connection: AuditConnection
  readonly #options: SmartAuditOptions
  readonly #backoff: BackoffOptions
  readonly #overflow: Overflow | undefined
  readonly #engine: Engine
  readonly #stop = new AbortController()
  readonly #connected: Promise<void>
  #lost: ((error: Error) => void) | undefined
  #connections = 0
  #failedConnections = 0
  #isFull = false
  #closing: Promise<CloseOutcome> | undefined

  constructor(connection: AuditConnection, options: SmartAuditOptions) {
    this.#connection = connection
    this.#options = options
    this.#backoff = { ...BACKOFF, ...options.backoff }
    this.notices = new Notices(options.onNotice)
    this.#overflow = options.overflow && new Overflow(options.overflow)
    this.#engine = new Engine({
      options,
      overflow: this.#overflow,
      refusal: () => (this.#closing ? refused('closed', CLOSED) : undefined),
      onLost: (error) => this.#lost?.(error),
      onFull: () => this.#full(),
      onRoom: () => this.#free(),
    })
    this.#connected = this.#stayConnected()
  }

  send(record: AuditRecord): SendOutcome
  send(record: AuditRecord, options: SendWaitOptions): Promise<SendOutcome>
  send(record: AuditRecord, options?: SendWaitOptions): SendOutcome | Promise<SendOutcome> {
    const { taker } = this.#engine
    return options === undefined ? taker.take(record) : taker.takeWithin(record, options)
  }

  close({ timeoutMs = CLOSE_MS }: { timeoutMs?: number } = {}): Promise<CloseOutcome> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  stats(): SmartAuditStats {
    return {
      ...this.#engine.stats(),
      connected: this.#engine.outbox.isConnected,
      connections: this.#connections,
      failedConnections: this.#failedConnections,
      noticesSuppressed: this.notices.suppressed,
      overflow: this.#overflow ? { bytes: this.#overflow.bytes, damaged: this.#overflow.damaged } : null,
    }
  }

  async #close(timeoutMs: number): Promise<CloseOutcome> {
    await this.#engine.drained(timeoutMs)
    this.#stop.abort()
    this.#lost?.(new Error(CLOSED))
    const outcome = await this.#engine.close()
    await this.#connection.close()
    await this.#connected
    this.notices.end()
    return outcome
  }

  async #stayConnected(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      const lost = new Promise<Error>((resolve) => (this.#lost = resolve))
      try {
        await this.#engine.connect(this.#connection)
      } catch (error) {
        failures++
        this.#failedConnections++
        await this.#pause(error as Error, failures)
        continue
      }
      if (this.#stop.signal.aborted) return this.#engine.outbox.disconnect()
      this.#connections++
      this.notices.tell({ kind: 'connected', at: new Date() })
      const sentBefore = this.#engine.outbox.figures.sent
      const error = await lost
      if (this.#stop.signal.aborted) return
      this.#options.logger?.warn(`audit: ${error.message}`)
      this.notices.tell({ kind: 'disconnected', at: new Date(), error })
      // An agent that takes nothing is tried like one that is not there.
      failures = this.#engine.outbox.figures.sent > sentBefore ? 0 : failures + 1
      if (failures > 1) await this.#pause(error, failures)
    }
  }

  async #pause(error: Error, attempt: number): Promise<void> {
    const { random, wait } = this.#options.patience ?? { ...PATIENCE, wait: waitUnref }
    const retryMs = backoffMs(this.#backoff, attempt, random)
    this.notices.tell({ kind: 'connect-failed', at: new Date(), error, attempt, retryMs })
    try {
      await wait(retryMs, this.#stop.signal)
    } catch {
      // Closed: the loop looks.
    }
  }

  #full(): void {
    if (this.#isFull) return
    this.#isFull = true
    this.notices.tell({ kind: 'queue-full', at: new Date(), place: this.#overflow ? 'disk' : 'refused' })
  }

  #free(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.notices.tell({ kind: 'queue-free', at: new Date() })
  }
}

/** Waiting for an agent keeps no process alive. */
function waitUnref(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return delay(timerMs(ms), undefined, { ref: false, ...(signal && { signal }) })
}

/** The wait before attempt `attempt + 1`. */
export function backoffMs(
  { firstMs, factor, spread, longestMs }: BackoffOptions,
  attempt: number,
  random: () => number,
) {
  const fullMs = Math.min(longestMs, firstMs * factor ** Math.min(attempt - 1, 64))
  return Math.min(longestMs, Math.round(fullMs * (1 - spread + random() * spread * 2)))
}
