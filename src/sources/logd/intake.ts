import type { EventBatch } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import type { Sink } from '../../core/sink.ts'
import type { SourceContext } from '../source.ts'
import type { Sender } from './admission.ts'
import type { DropReason, LogdLimits } from './settings.ts'

const BATCH_BYTES_MIN = 16 * 1024
/** Batches of this size, which came together within `flushMs`, say that much is coming. */
const BUSY_BATCH_BYTES = 16 * 1024

/** Where the events of one sender go. */
interface Lane {
  sink: Sink
  batch: EventBatch | undefined
  /** Room for the next batch: twice what the last one had. */
  capacityBytes: number
}

export interface IntakeOptions {
  name: string
  context: SourceContext
  limits: Pick<LogdLimits, 'unacknowledgedBytesMax' | 'batchBytes' | 'flushMs' | 'busyFlushMs'>
  drop: (reason: DropReason, events: number) => void
}

/** Gathers rows into batches for the sink. Nobody waits for an answer, so what does not fit is dropped and counted. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #events: Counter
  readonly #lanes = new WeakMap<Sender, Lane>()
  /** Lanes with a batch. */
  #open: Lane[] = []
  /** Handed to the sink and not durable yet. */
  #unacknowledgedBytes = 0
  readonly #writes = new Set<Promise<void>>()
  #flushMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#flushMs = options.limits.flushMs
    this.#events = options.context.counters.counter('ingest_events_total', { source: options.name })
  }

  /** So much waits for the sink that nothing more can be taken. */
  get isFull(): boolean {
    return this.#unacknowledgedBytes > this.#options.limits.unacknowledgedBytesMax
  }

  /** The batch that rows of this sender go to; `written` has to be called after each row. */
  batchOf(sender: Sender): EventBatch {
    let lane = this.#lanes.get(sender)
    if (!lane) {
      lane = {
        sink: this.#options.context.sinkFor(sender.principal),
        batch: undefined,
        capacityBytes: BATCH_BYTES_MIN,
      }
      this.#lanes.set(sender, lane)
    }
    if (!lane.batch) {
      lane.batch = this.#options.context.batches.take(lane.capacityBytes)
      this.#open.push(lane)
      this.#timer ??= setTimeout(() => this.#flush(), this.#flushMs)
    }
    return lane.batch
  }

  written(batch: EventBatch): void {
    if (batch.length >= this.#options.limits.batchBytes) this.#flush()
  }

  /** Whether nothing is on its way. */
  get isSettled(): boolean {
    return this.#writes.size === 0 && this.#open.length === 0
  }

  /** Resolves when everything taken until now is durable or refused. */
  async settle(): Promise<void> {
    this.#flush()
    await Promise.all(this.#writes)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const open = this.#open
    this.#open = []
    let bytes = 0
    for (const lane of open) {
      const { batch } = lane
      lane.batch = undefined
      if (!batch) continue
      bytes += batch.length
      lane.capacityBytes = Math.max(BATCH_BYTES_MIN, Math.min(batch.length * 2, this.#options.limits.batchBytes * 2))
      this.#unacknowledgedBytes += batch.length
      this.#follow(this.#write(lane.sink, batch, batch.rows, batch.length))
    }
    const { flushMs, busyFlushMs } = this.#options.limits
    this.#flushMs = bytes > BUSY_BATCH_BYTES ? busyFlushMs : flushMs
  }

  async #write(sink: Sink, batch: EventBatch, rows: number, bytes: number): Promise<void> {
    try {
      await sink.write(batch)
      this.#events.add(rows)
    } catch {
      // Why is known to the sink, which says it; here it matters that nobody else will send these events again.
      this.#options.drop('refused', rows)
    }
    this.#unacknowledgedBytes -= bytes
  }

  #follow(write: Promise<void>): void {
    this.#writes.add(write)
    void write.finally(() => this.#writes.delete(write))
  }
}
