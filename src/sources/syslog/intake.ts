import type { EventBatch } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import type { Principal } from '../../core/principal.ts'
import type { Sink } from '../../core/sink.ts'
import { writePatiently } from '../patient-write.ts'
import type { SourceContext } from '../source.ts'
import type { SyslogLimits } from './settings.ts'

const BATCH_BYTES_MIN = 16 * 1024

export interface IntakeOptions {
  name: string
  context: Pick<SourceContext, 'sinkFor' | 'batches' | 'counters'>
  limits: SyslogLimits
  /** Events that nobody will send again were not kept. */
  drop: (events: number) => void
}

/**
 * Gathers rows of all senders into batches for the sink. Nobody would send them again, so what is refused for want of
 * room is tried until there is room; meanwhile it counts as what waits.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #events: Counter
  #batch: EventBatch | undefined
  #principal: Principal | undefined
  #sink: Sink | undefined
  /** Room for the next batch: twice what the last one had. */
  #capacityBytes = BATCH_BYTES_MIN
  #unacknowledgedBytes = 0
  readonly #writes = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #waiting: (() => void)[] = []
  #isClosing = false

  constructor(options: IntakeOptions) {
    this.#options = options
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

  /** The batch for rows of this principal; `written` has to be called after each row. */
  batchOf(principal: Principal): EventBatch {
    if (principal !== this.#principal) {
      this.#flush()
      this.#principal = principal
      this.#sink = this.#options.context.sinkFor(principal)
    }
    this.#batch ??= this.#options.context.batches.take(this.#capacityBytes)
    this.#timer ??= setTimeout(() => this.#flush(), this.#options.limits.flushMs)
    return this.#batch
  }

  written(batch: EventBatch): void {
    if (batch.length >= this.#options.limits.batchBytes) this.#flush()
  }

  /** Resolves when everything taken until now is durable or refused; nothing is tried again any more. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#flush()
    while (this.#writes.size > 0) await Promise.all(this.#writes)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#batch
    const sink = this.#sink
    this.#batch = undefined
    if (!batch || !sink || batch.rows === 0) return
    const { length } = batch
    this.#capacityBytes = Math.max(BATCH_BYTES_MIN, Math.min(length * 2, this.#options.limits.batchBytes * 2))
    this.#unacknowledgedBytes += length
    const write = this.#write(sink, batch)
    this.#writes.add(write)
    void write.finally(() => {
      this.#unacknowledgedBytes -= length
      this.#writes.delete(write)
      this.#wake()
    })
  }

  async #write(sink: Sink, batch: EventBatch): Promise<void> {
    const { rows } = batch
    const isDurable = await writePatiently(sink, batch, {
      retryMs: this.#options.limits.retryMs,
      isEnding: () => this.#isClosing,
      onRetry: () => this.#options.context.counters.add('syslog_retries_total'),
    })
    if (isDurable) this.#events.add(rows)
    else this.#options.drop(rows)
  }

  #wake(): void {
    if (this.isFull || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const listener of waiting) listener()
  }
}
