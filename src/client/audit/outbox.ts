import { MsgpackCursor } from '../../wire/msgpack/cursor.ts'
import { FAULTY, ValueScanner } from '../../wire/msgpack/scanner.ts'
import { readValue } from '../../wire/msgpack/value.ts'
import { timerMs } from '../backoff.ts'
import { chunkMessage, sameTag } from './chunk-message.ts'
import type { AuditConnection, ConnectionEvents } from './connection.ts'
import type { MessageQueue } from './message-queue.ts'

export interface OutboxOptions {
  queue: MessageQueue
  /** Messages leave in chunks that the agent acknowledges, and stay until it has. */
  isAcknowledged: boolean
  /** Names the chunks of this client. */
  clientId: string
  /** What stays longer than this without being taken, or acknowledged, is a lost connection. */
  answerMs: number
  heartbeatMs: number
  /** The bytes of a heartbeat over this kind of connection. */
  heartbeat: (kind: string) => Buffer
  /** The oldest messages have left the queue; `file` of each was asked before. */
  onConfirmed: (count: number) => void
  onLost: (error: Error) => void
}

/** Messages that leave with one write. */
interface Batch {
  count: number
  bytes: number
  chunk: string | undefined
  state: 'waiting' | 'sent' | 'done'
}

interface Session {
  connection: AuditConnection
  /** Bytes that were not taken, or not acknowledged, yet. */
  bytes: number
  heartbeatTimer: NodeJS.Timeout | undefined
  hasConfirmed: boolean
  /** Nothing more is sent over it: resolves when what was on its way has gone, or is lost. */
  ending: Promise<void> | undefined
}

export interface OutboxFigures {
  sent: number
  sentBytes: number
  /** Messages whose sending has failed, and that were, or will be, sent again. */
  requeued: number
  heartbeats: number
}

/** One write has about this size. */
const WRITE_BYTES = 64 * 1024
/** So much is on its way at once: enough to keep a socket's buffer full. */
const IN_FLIGHT_BYTES_MAX = 256 * 1024
/** The same where the agent acknowledges: what it may take a moment to make durable. */
const IN_FLIGHT_ACKNOWLEDGED_BYTES_MAX = 4 * 1024 * 1024
const ANSWER_LIMITS = { depthMax: 4, bytesMax: 64 * 1024 }

/**
 * Sends what is in the queue over the connection that there is, in order. A message leaves the queue when it was handed
 * on, or acknowledged; until then a lost connection only means that it is sent again.
 */
export class Outbox {
  readonly figures: OutboxFigures = { sent: 0, sentBytes: 0, requeued: 0, heartbeats: 0 }
  readonly #options: OutboxOptions
  readonly #batches: Batch[] = []
  /** Messages that are in a batch. */
  #taken = 0
  #session: Session | undefined
  #isScheduled = false
  #chunks = 0
  #watchdog: NodeJS.Timeout | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get isConnected(): boolean {
    return this.#session !== undefined && this.#session.ending === undefined
  }

  /** Messages that were sent and are not known to have arrived. */
  get unconfirmed(): number {
    return this.#taken
  }

  /** Whether anything was confirmed over the present connection. */
  get hasConfirmed(): boolean {
    return this.#session?.hasConfirmed ?? false
  }

  /** Connects, and sends from now on. Rejects when that fails. */
  async connect(connection: AuditConnection): Promise<void> {
    const session: Session = { connection, bytes: 0, heartbeatTimer: undefined, hasConfirmed: false, ending: undefined }
    await connection.connect(this.#eventsOf(session))
    this.#session = session
    this.pump()
  }

  /** Ends the present connection, after what was handed to it. What is not confirmed is sent over the next. */
  async disconnect(): Promise<void> {
    const session = this.#session
    if (session) await (session.ending ??= this.#end(session))
  }

  /** There is something new in the queue: much of it leaves at once, little of it at the end of this turn. */
  notify(): void {
    if (!this.#session) return
    if (this.#options.queue.bytes - this.#session.bytes >= WRITE_BYTES) this.pump()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        this.pump()
      })
    }
  }

  pump(): void {
    const session = this.#session
    if (!session || session.ending) return
    const bytesMax = this.#options.isAcknowledged ? IN_FLIGHT_ACKNOWLEDGED_BYTES_MAX : IN_FLIGHT_BYTES_MAX
    let index = 0
    for (const batch of this.#batches) {
      if (batch.state === 'waiting') {
        if (session.bytes >= bytesMax || session.ending) return
        this.#send(session, batch, index)
      }
      index += batch.count
    }
    while (!session.ending && session.bytes < bytesMax && this.#taken < this.#options.queue.length) {
      const batch = this.#nextBatch()
      this.#batches.push(batch)
      this.#send(session, batch, this.#taken)
      this.#taken += batch.count
    }
  }

  #nextBatch(): Batch {
    const { queue, isAcknowledged, clientId } = this.#options
    const run = queue.run(this.#taken, WRITE_BYTES)
    const count = isAcknowledged ? sameTag(queue, this.#taken, run) : run
    const chunk = isAcknowledged ? `${clientId}-${(this.#chunks++).toString(36)}` : undefined
    return { count, bytes: 0, chunk, state: 'waiting' }
  }

  #send(session: Session, batch: Batch, index: number): void {
    const { queue } = this.#options
    const { chunk } = batch
    const { count } = batch
    const bytes = chunk === undefined ? queue.runBytes(index, count) : chunkMessage(queue, index, count, chunk)
    batch.bytes = bytes.length
    batch.state = 'sent'
    session.bytes += bytes.length
    this.#watch()
    void this.#write(session, batch, bytes)
  }

  async #write(session: Session, batch: Batch, bytes: Uint8Array): Promise<void> {
    try {
      await session.connection.write(bytes)
    } catch (error) {
      return this.#lost(session, error as Error)
    }
    if (this.#session === session && batch.chunk === undefined) this.#done(session, batch)
  }

  #done(session: Session, batch: Batch): void {
    if (batch.state === 'done') return
    batch.state = 'done'
    session.bytes -= batch.bytes
    session.hasConfirmed = true
    let count = 0
    while (this.#batches[0]?.state === 'done') {
      const first = this.#batches.shift()
      count += first?.count ?? 0
      this.figures.sentBytes += first?.bytes ?? 0
    }
    this.#taken -= count
    this.figures.sent += count
    if (count > 0) this.#options.onConfirmed(count)
    this.#watchAnew()
    if (session.heartbeatTimer === undefined && !session.ending) this.#beginHeartbeats(session)
    this.pump()
  }

  #beginHeartbeats(session: Session): void {
    const { heartbeat, heartbeatMs } = this.#options
    const beat = async (): Promise<void> => {
      try {
        await session.connection.write(heartbeat(session.connection.kind))
        this.figures.heartbeats++
      } catch (error) {
        this.#lost(session, error as Error)
      }
    }
    session.heartbeatTimer = setInterval(() => void beat(), timerMs(heartbeatMs))
    session.heartbeatTimer.unref()
    void beat()
  }

  #eventsOf(session: Session): ConnectionEvents {
    const scanner = new ValueScanner(ANSWER_LIMITS)
    let bytes: Buffer = Buffer.alloc(0)
    return {
      onLost: (error) => this.#lost(session, error),
      onData: (chunk) => {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
        for (;;) {
          const end = scanner.end(bytes, 0, bytes.length)
          if (end === FAULTY) return this.#lost(session, new Error('the agent answers in another protocol'))
          if (end < 0) return
          this.#acknowledged(session, readValue(new MsgpackCursor().move(bytes, 0)))
          bytes = bytes.subarray(end)
        }
      },
    }
  }

  #acknowledged(session: Session, answer: unknown): void {
    const chunk: unknown = answer instanceof Map ? answer.get('ack') : undefined
    const batch = this.#batches.find((candidate) => candidate.chunk === chunk && candidate.state === 'sent')
    if (chunk !== undefined && batch && this.#session === session) this.#done(session, batch)
  }

  /** Looks whether what was sent is taken, or acknowledged, in time: counted from the last that was, whatever is sent since. */
  #watch(): void {
    const session = this.#session
    if (this.#watchdog || !session || this.#taken + this.#batches.length === 0) return
    const { answerMs } = this.#options
    this.#watchdog = setTimeout(() => {
      this.#watchdog = undefined
      this.#lost(session, new Error(`the agent has taken nothing for ${answerMs} ms`))
    }, timerMs(answerMs))
    this.#watchdog.unref()
  }

  #watchAnew(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
    this.#watch()
  }

  #lost(session: Session, error: Error): void {
    if (this.#session !== session || session.ending) return
    session.ending = this.#end(session)
    void session.ending.then(() => this.#options.onLost(error))
  }

  /** What was handed on before still goes: it must not be sent twice. */
  async #end(session: Session): Promise<void> {
    clearInterval(session.heartbeatTimer)
    await session.connection.close()
    this.#forget(session)
  }

  #forget(session: Session): void {
    if (this.#session === session) this.#session = undefined
    this.#watchAnew()
    this.figures.requeued += this.#batches.reduce((sum, { state, count }) => sum + (state === 'sent' ? count : 0), 0)
    if (this.#options.isAcknowledged) {
      // Chunks are sent again as they were: that is how the server knows those that it has.
      for (const batch of this.#batches) if (batch.state === 'sent') batch.state = 'waiting'
      return
    }
    this.#batches.length = 0
    this.#taken = 0
  }
}
