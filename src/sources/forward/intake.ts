import type { EventBatch } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import type { Principal } from '../../core/principal.ts'
import type { Sink } from '../../core/sink.ts'
import { writePatiently } from '../patient-write.ts'
import type { SourceContext } from '../source.ts'
import type { ForwardLimits } from './settings.ts'
import type { Ticket } from './tickets.ts'

const BATCH_BYTES_MIN = 16 * 1024
/** Batches of this size, which came together within `flushMs`, say that much is coming. */
const BUSY_BATCH_BYTES = 16 * 1024

/** So many bytes of rows come of a byte of messages, hardly ever more. */
const ROW_GROWTH_MAX = 2

/** Where events of one sender go: those that somebody waits for, or those that nobody does. */
export interface Lane {
  sink: Sink
  isAcknowledged: boolean
  /** Much came last: what comes next will not be alone for long. */
  isBusy: boolean
  batch: EventBatch | undefined
  /** Messages with rows in the batch. */
  tickets: Set<Ticket>
  /** Room for the next batch: twice what the last one had. */
  capacityBytes: number
}

export interface IntakeOptions {
  name: string
  context: SourceContext
  limits: ForwardLimits
  /** Events that nobody will send again were not kept. */
  drop: (events: number) => void
}

/**
 * Gathers rows into batches for the sink. What a sender waits for goes at the end of the turn, all else, and what comes
 * in a flood, after a moment. What is refused for want of room is sent again by who waits for it; what nobody would send
 * again, and a message of which a part may be stored already, is tried until there is room.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #events: Counter
  readonly #lanes = new WeakMap<Principal, { waited: Lane; plain: Lane }>()
  readonly #open = new Set<Lane>()
  #unacknowledgedBytes = 0
  readonly #writes = new Set<Promise<void>>()
  #flushMs: number
  #timer: NodeJS.Timeout | undefined
  #isTurnWatched = false
  #waiting: (() => void)[] = []
  #isClosing = false

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#flushMs = options.limits.flushMs
    this.#events = options.context.counters.counter('ingest_events_total', { source: options.name })
  }

  /** So much waits for the sink that nothing more should be taken. */
  get isFull(): boolean {
    return this.#unacknowledgedBytes > this.#options.limits.unacknowledgedBytesMax
  }

  /** Calls back once it is no longer full. */
  onRoom(listener: () => void): void {
    this.#waiting.push(listener)
  }

  /** The batch of a lane; `written` has to be called after each row. */
  batchOf(lane: Lane, ticket: Ticket | undefined): EventBatch {
    if (ticket && !lane.tickets.has(ticket)) {
      lane.tickets.add(ticket)
      ticket.begin()
    }
    if (!lane.batch) {
      lane.batch = this.#options.context.batches.take(lane.capacityBytes)
      this.#open.add(lane)
      if (lane.isAcknowledged) this.#watchTurn(lane.isBusy)
      else this.#timer ??= setTimeout(() => this.#flush(), this.#flushMs)
    }
    return lane.batch
  }

  /** Sends the batch of a lane if so many bytes of messages might make it too large. */
  makeRoom(lane: Lane, bytes: number): void {
    const taken = lane.batch?.length ?? 0
    if (taken > 0 && taken + bytes * ROW_GROWTH_MAX >= this.#options.limits.batchBytes) this.#send(lane)
  }

  written(lane: Lane, batch: EventBatch): void {
    if (batch.length >= this.#options.limits.batchBytes) this.#send(lane)
  }

  /** Resolves when everything taken until now is durable or refused; nothing is tried again any more. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#flush()
    while (this.#writes.size > 0) await Promise.all(this.#writes)
  }

  /** Where events of this sender go. */
  laneOf(principal: Principal, isAcknowledged: boolean): Lane {
    let lanes = this.#lanes.get(principal)
    if (!lanes) {
      const sink = this.#options.context.sinkFor(principal)
      const lane = (isWaitedFor: boolean): Lane => ({
        sink,
        isAcknowledged: isWaitedFor,
        isBusy: false,
        batch: undefined,
        tickets: new Set(),
        capacityBytes: BATCH_BYTES_MIN,
      })
      lanes = { waited: lane(true), plain: lane(false) }
      this.#lanes.set(principal, lanes)
    }
    return isAcknowledged ? lanes.waited : lanes.plain
  }

  #watchTurn(isBusy: boolean): void {
    if (this.#isTurnWatched) return
    this.#isTurnWatched = true
    if (isBusy) setTimeout(() => this.#flushWaited(), this.#options.limits.waitedFlushMs)
    else setImmediate(() => this.#flushWaited())
  }

  #flushWaited(): void {
    this.#isTurnWatched = false
    for (const lane of this.#open) if (lane.isAcknowledged) this.#send(lane)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    let bytes = 0
    for (const lane of this.#open) {
      bytes += lane.batch?.length ?? 0
      this.#send(lane)
    }
    const { flushMs, busyFlushMs } = this.#options.limits
    this.#flushMs = bytes > BUSY_BATCH_BYTES ? busyFlushMs : flushMs
  }

  #send(lane: Lane): void {
    const { batch, tickets } = lane
    this.#open.delete(lane)
    lane.batch = undefined
    if (!batch) return
    lane.tickets = new Set()
    const { batchBytes } = this.#options.limits
    lane.capacityBytes = Math.max(BATCH_BYTES_MIN, Math.min(batch.length * 2, batchBytes * 2))
    lane.isBusy = batch.length > BUSY_BATCH_BYTES
    this.#unacknowledgedBytes += batch.length
    const { length } = batch
    const write = this.#settle(this.#write(lane, batch, isSentAgain(tickets)), tickets, length)
    this.#writes.add(write)
    void write.finally(() => this.#writes.delete(write))
  }

  async #settle(write: Promise<boolean>, tickets: ReadonlySet<Ticket>, bytes: number): Promise<void> {
    const isDurable = await write
    this.#unacknowledgedBytes -= bytes
    for (const ticket of tickets) ticket.settle(isDurable)
    this.#wake()
  }

  /** Whether the batch is durable. `isAgain`: what is refused is sent again by who waits for it. */
  async #write(lane: Lane, batch: EventBatch, isAgain: boolean): Promise<boolean> {
    const { rows } = batch
    const isDurable = await (isAgain ? writeOnce(lane.sink, batch) : this.#writePatiently(lane.sink, batch))
    if (isDurable) this.#events.add(rows)
    else if (!lane.isAcknowledged) this.#options.drop(rows)
    return isDurable
  }

  #writePatiently(sink: Sink, batch: EventBatch): Promise<boolean> {
    return writePatiently(sink, batch, {
      retryMs: this.#options.limits.retryMs,
      isEnding: () => this.#isClosing,
      onRetry: () => this.#options.context.counters.add('forward_retries_total'),
    })
  }

  #wake(): void {
    if (this.isFull || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const listener of waiting) listener()
  }
}

/**
 * Whether a batch of these messages may be refused: nobody waits for events without tickets, and of a message that lies
 * in several batches others may be stored already, which must not be stored twice.
 */
function isSentAgain(tickets: ReadonlySet<Ticket>): boolean {
  if (tickets.size === 0) return false
  for (const ticket of tickets) if (ticket.isInParts) return false
  return true
}

/** Why it is refused is known to the sink, which says it. */
async function writeOnce(sink: Sink, batch: EventBatch): Promise<boolean> {
  try {
    await sink.write(batch)
    return true
  } catch {
    // Told by the sink, and to whoever waits.
    return false
  }
}
