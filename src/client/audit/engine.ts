import { randomBytes } from 'node:crypto'
import { timerMs } from '../backoff.ts'
import type { AuditConnection } from './connection.ts'
import { MessageQueue } from './message-queue.ts'
import { AuditError, type SendOutcome } from './outcome.ts'
import { Outbox, type OutboxFigures } from './outbox.ts'
import type { Overflow } from './overflow.ts'
import { heartbeatBytes, Taker, type AuditHook, type TakerFigures } from './taker.ts'

/** Where a client says what it cannot tell its caller: a console or a logger of this kind. */
export interface AuditLogger {
  warn(message: string): void
}

/** What base and smart clients have in common. */
export interface AuditOptions {
  /** Records that wait in memory; 2048 unless given. */
  queueSize?: number
  /** What they take; 64 MiB unless given. */
  queueBytesMax?: number
  hook?: AuditHook
  logger?: AuditLogger
  /** Version 1 of the format: put on every record and heartbeat. */
  serviceTreeId?: string
  /**
   * Records leave in chunks, and stay in the queue until the other side has acknowledged them. Tailrace does when they
   * are on disk, and stores a chunk that comes again once; agents of the original do not.
   */
  acknowledge?: boolean
  /** A connection that takes, or acknowledges, nothing for so long is lost; 15 s unless given. */
  answerTimeoutMs?: number
  /** 30 minutes unless given. */
  heartbeatMs?: number
}

export interface AuditStats extends OutboxFigures, TakerFigures {
  /** Records in memory. */
  queue: number
  queueBytes: number
}

export interface CloseOutcome {
  /** Records that were taken and have not left. */
  undelivered: number
  /** Of those: kept in the overflow folder, for the next client on it. */
  kept: number
}

export interface EngineOptions {
  options: AuditOptions
  overflow: Overflow | undefined
  refusal: () => SendOutcome | undefined
  onLost: (error: Error) => void
  onFull: () => void
  onRoom: () => void
}

const QUEUE_SIZE = 2048
const QUEUE_BYTES_MAX = 64 * 1024 * 1024
const ANSWER_MS = 15_000
const HEARTBEAT_MS = 30 * 60_000
const WAITING_MAX = 10_000

/** Queue, taker and outbox, joined. */
export class Engine {
  readonly queue: MessageQueue
  readonly taker: Taker
  readonly outbox: Outbox
  readonly #overflow: Overflow | undefined
  readonly #onRoom: () => void
  #idle: (() => void)[] = []

  /** Throws TypeError for options that cannot be. */
  constructor({ options, overflow, refusal, onLost, onFull, onRoom }: EngineOptions) {
    const { queueSize = QUEUE_SIZE, queueBytesMax = QUEUE_BYTES_MAX, serviceTreeId, hook } = options
    const { answerTimeoutMs = ANSWER_MS, heartbeatMs = HEARTBEAT_MS, acknowledge = false } = options
    if (!Number.isInteger(queueSize) || queueSize < 1) throw new TypeError('audit: queueSize is a whole number above 0')
    if (serviceTreeId === '') throw new AuditError('validation', 'service tree ID is required')
    this.#overflow = overflow
    this.#onRoom = onRoom
    this.queue = new MessageQueue(queueSize, queueBytesMax)
    this.outbox = new Outbox({
      queue: this.queue,
      isAcknowledged: acknowledge,
      clientId: randomBytes(9).toString('base64url'),
      answerMs: answerTimeoutMs,
      heartbeatMs,
      heartbeat: (kind) => heartbeatBytes(kind, serviceTreeId),
      onConfirmed: (count) => this.#confirmed(count),
      onLost,
    })
    this.taker = new Taker({
      queue: this.queue,
      overflow,
      hook,
      serviceTreeId,
      waitingMax: WAITING_MAX,
      refusal,
      onTaken: () => this.outbox.notify(),
      onFull,
    })
  }

  /** Connects, and takes what the overflow folder has. Rejects with AuditError. */
  async connect(connection: AuditConnection): Promise<void> {
    try {
      await this.outbox.connect(connection)
    } catch (cause) {
      throw new AuditError('connection', (cause as Error).message, { cause })
    }
    this.#makeRoom()
  }

  /** Resolves when everything that was taken has left, or after the time. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve)
      timer = setTimeout(resolve, timerMs(timeoutMs))
    })
    clearTimeout(timer)
  }

  /** Nobody needs to wait any longer for what is left. */
  giveUp(): void {
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Ends it all: what has not left goes to the overflow folder, if there is one. */
  async close(): Promise<CloseOutcome> {
    this.taker.refuseWaiting()
    await this.outbox.disconnect()
    const undelivered = this.queue.length
    const kept = this.#overflow?.close(this.queue) ?? 0
    this.queue.drop(undelivered)
    return { undelivered, kept }
  }

  stats(): AuditStats {
    return {
      ...this.taker.figures,
      refused: { ...this.taker.figures.refused },
      ...this.outbox.figures,
      queue: this.queue.length,
      queueBytes: this.queue.bytes,
    }
  }

  get #isIdle(): boolean {
    return this.queue.length === 0 && this.#overflow?.hasUnread !== true
  }

  #confirmed(count: number): void {
    if (this.#overflow) for (let index = 0; index < count; index++) this.#overflow.confirmed(this.queue.fileOf(index))
    this.queue.drop(count)
    this.#makeRoom()
    if (this.#isIdle) this.giveUp()
  }

  #makeRoom(): void {
    const overflow = this.#overflow
    // Half a queue at a time, so that a file is not read message by message.
    if (overflow?.hasUnread && this.queue.length <= this.queue.size / 2) {
      if (overflow.refill(this.queue) > 0) this.outbox.notify()
    }
    this.taker.roomMade()
    // Not at the first place that is free: the next record would take it.
    if (this.queue.length <= this.queue.size / 2 && overflow?.hasUnread !== true) this.#onRoom()
  }
}
