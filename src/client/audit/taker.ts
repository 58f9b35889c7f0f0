import { release } from 'node:os'
import { encodeMessage, writeHeartbeat, writeRecord } from '../../wire/audit/encode.ts'
import type { AuditRecord } from '../../wire/audit/record.ts'
import { invalidReason } from '../../wire/audit/validate.ts'
import { MsgpackWriter } from '../../wire/msgpack/writer.ts'
import { timerMs } from '../backoff.ts'
import type { MessageQueue } from './message-queue.ts'
import { IN_MEMORY, ON_DISK, refused, type SendOutcome } from './outcome.ts'
import type { Overflow } from './overflow.ts'

/** Sees each valid record, and may change it: what it returns is sent instead, and has to be valid as well. */
export type AuditHook = (record: AuditRecord) => AuditRecord | undefined | void

export interface TakerOptions {
  queue: MessageQueue
  overflow: Overflow | undefined
  hook: AuditHook | undefined
  /** Put on every record. */
  serviceTreeId: string | undefined
  /** Calls that may wait for room at once. */
  waitingMax: number
  /** Why nothing can be taken now; `undefined`: it can. */
  refusal: () => SendOutcome | undefined
  onTaken: () => void
  onFull: () => void
}

export interface SendWaitOptions {
  /** How long to wait for room in the queue. */
  timeoutMs?: number
  /** Ends the wait. */
  signal?: AbortSignal
}

export interface TakerFigures {
  queued: number
  /** Of those: to the overflow folder. */
  overflowed: number
  refused: { validation: number; connection: number; 'queue-full': number; timeout: number; closed: number }
}

const SLAB_BYTES = 256 * 1024
const FULL = 'the queue is full'

interface Waiting {
  bytes: Buffer
  start: number
  end: number
  settle: (outcome: SendOutcome) => void
}

/** Takes records: checks and encodes them, and finds a place for them in memory, on disk, or not at all. */
export class Taker {
  readonly figures: TakerFigures = {
    queued: 0,
    overflowed: 0,
    refused: { validation: 0, connection: 0, 'queue-full': 0, timeout: 0, closed: 0 },
  }
  readonly #options: TakerOptions
  readonly #writer = new MsgpackWriter(SLAB_BYTES)
  readonly #waiting = new Set<Waiting>()

  constructor(options: TakerOptions) {
    this.#options = options
  }

  /** Takes it now, or says why not. */
  take(record: AuditRecord): SendOutcome {
    const { queue } = this.#options
    const problem = this.#encode(record)
    if (problem) return this.#count(problem)
    const writer = this.#writer
    if (this.#mustOverflow()) {
      const outcome = this.#overflow(writer.bytes.subarray(writer.start, writer.at))
      writer.undo()
      return this.#count(outcome)
    }
    queue.push(writer.bytes, writer.start, writer.at)
    this.figures.queued++
    this.#options.onTaken()
    return IN_MEMORY
  }

  /** The same, and waits for room when there is none. */
  async takeWithin(record: AuditRecord, { timeoutMs, signal }: SendWaitOptions): Promise<SendOutcome> {
    if (signal?.aborted) return this.#count(refused('timeout', 'the wait was ended', signal.reason))
    if (!this.#mustWait()) return this.take(record)
    const problem = this.#encode(record)
    if (problem) return this.#count(problem)
    const writer = this.#writer
    if (this.#waiting.size >= this.#options.waitingMax) {
      writer.undo()
      return this.#count(refused('queue-full', FULL))
    }
    const { bytes, start, at: end } = writer
    return new Promise((resolve) => {
      const over = (): void => waiting.settle(this.#count(refused('timeout', FULL, signal?.reason)))
      const timer = timeoutMs === undefined ? undefined : setTimeout(over, timerMs(timeoutMs))
      const waiting: Waiting = {
        bytes,
        start,
        end,
        settle: (outcome) => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', over)
          this.#waiting.delete(waiting)
          resolve(outcome)
        },
      }
      signal?.addEventListener('abort', over, { once: true })
      this.#waiting.add(waiting)
    })
  }

  /** There is room again: for those who wait first. */
  roomMade(): void {
    const { queue, overflow, onTaken } = this.#options
    for (const waiting of this.#waiting) {
      const refusal = this.#options.refusal()
      if (refusal) waiting.settle(this.#count(refusal))
      else {
        if (queue.isFull || overflow?.hasUnread) return
        queue.push(waiting.bytes, waiting.start, waiting.end)
        this.figures.queued++
        waiting.settle(IN_MEMORY)
        onTaken()
      }
    }
  }

  /** Nothing can be taken any more. */
  refuseWaiting(): void {
    for (const waiting of this.#waiting)
      waiting.settle(this.#count(this.#options.refusal() ?? refused('closed', 'closed')))
  }

  #mustOverflow(): boolean {
    const { queue, overflow } = this.#options
    return queue.isFull || this.#waiting.size > 0 || overflow?.hasUnread === true
  }

  /** A folder has room at once. */
  #mustWait(): boolean {
    return this.#options.overflow === undefined && this.#mustOverflow() && this.#options.refusal() === undefined
  }

  #overflow(message: Buffer): SendOutcome {
    const { overflow, onFull } = this.#options
    onFull()
    try {
      if (!overflow?.append(message)) return refused('queue-full', overflow ? 'the overflow folder is full' : FULL)
    } catch (cause) {
      return refused('queue-full', `the overflow folder cannot be written: ${(cause as Error).message}`, cause)
    }
    this.figures.queued++
    this.figures.overflowed++
    return ON_DISK
  }

  /** Leaves the message in the writer; says why when there is none. */
  #encode(given: AuditRecord): SendOutcome | undefined {
    const { hook, serviceTreeId, refusal } = this.#options
    const no = refusal()
    if (no) return no
    try {
      let record = serviceTreeId === undefined ? given : { ...given, serviceTreeId }
      let reason = invalidReason(record)
      if (reason === undefined && hook) {
        const changed = hook(record)
        if (changed) {
          record = changed
          reason = invalidReason(record)
        }
      }
      if (reason !== undefined) return refused('validation', reason)
      writeRecord(this.#writer, record, Math.floor(Date.now() / 1000))
      return undefined
    } catch (cause) {
      this.#writer.undo()
      return refused('validation', (cause as Error).message, cause)
    }
  }

  #count(outcome: SendOutcome): SendOutcome {
    if (!outcome.queued) this.figures.refused[outcome.error.category]++
    return outcome
  }
}

/** What a client says about itself. */
export function heartbeatBytes(kind: string, serviceTreeId: string | undefined): Buffer {
  const heartbeat = {
    auditVersion: serviceTreeId === undefined ? 'v.0.0.1' : 'v.2.0.0',
    osVersion: release(),
    language: `node${process.versions.node}`,
    destination: kind,
    ...(serviceTreeId !== undefined && { serviceTreeId }),
  }
  return encodeMessage((writer) => writeHeartbeat(writer, heartbeat, Math.floor(Date.now() / 1000)))
}
