import type { EventBatch } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import type { Sink } from '../../core/sink.ts'
import { EventStream, type Reject, type StreamFormat } from '../../wire/transcode/event-stream.ts'
import type { EventDefaults } from '../../wire/transcode/row-writer.ts'
import type { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import type { SourceContext } from '../source.ts'

/** What all requests of the source share. */
export interface IngestState {
  name: string
  context: SourceContext
  transcoder: LineTranscoder
  /** Requests whose body is being taken. */
  active: number
  events: Counter
  bytes: Counter
}

export interface IngestOptions {
  /** Where this body's events go. */
  sink: Sink
  format: StreamFormat
  defaults: EventDefaults
  /** Size of the body, NaN where it is not known beforehand. */
  sizeBytes: number
}

export interface IngestResult {
  accepted: number
  rejected: Reject[]
  rejectedTotal: number
}

const BATCH_BYTES_MIN = 64 * 1024
/** By how much a batch outgrows its size before it is handed over: what a chunk of the body may bring. */
const BATCH_BYTES_OVER = 128 * 1024
const RETRY_AFTER_SECONDS = 5

/** One body on its way into the sink. */
export class Ingest {
  readonly #state: IngestState
  readonly #sink: Sink
  readonly #stream: EventStream
  readonly #rejected: Reject[] = []
  #acceptedCount = 0
  #unacknowledgedBytes = 0
  #writes = 0
  #failure: unknown
  #wake: (() => void) | undefined

  constructor(state: IngestState, options: IngestOptions) {
    this.#state = state
    this.#sink = options.sink
    const { clock, counters, limits, batches } = state.context
    this.#stream = new EventStream({
      transcoder: state.transcoder,
      format: options.format,
      defaults: options.defaults,
      nowSeconds: Number(clock() / 1_000_000_000n),
      capacityBytes: Math.min(options.sizeBytes || BATCH_BYTES_MIN, limits.batchBytes + BATCH_BYTES_OVER),
      newBatch: (capacityBytes) => batches.take(capacityBytes),
      onReject: (line, reason, detail, excerpt) => {
        const labels = { source: state.name, reason }
        counters.add('ingest_rejected_total', labels)
        counters.keepExample('ingest_rejected_total', labels, `line ${line}, ${detail}: ${excerpt}`)
        if (this.#rejected.length < limits.rejectsListedMax) this.#rejected.push({ line, reason: detail })
      },
    })
  }

  /**
   * Resolves when the whole body has been read and every event in it is durable. Rejects with what stopped it, after
   * waiting for what had been handed over; the detail says how many events those were.
   */
  async run(body: AsyncIterable<Buffer>): Promise<IngestResult> {
    const sink = this.#sink
    this.#state.active++
    let release = sink.hold()
    try {
      for await (const chunk of body) {
        this.#state.bytes.add(chunk.length)
        this.#stream.push(chunk, () => this.#flush(this.#batchBytes()))
        if (this.#isFull()) {
          // While this request waits nothing more comes from it: others need not wait for that.
          release()
          await this.#until(() => !this.#isFull())
          release = sink.hold()
        }
        if (this.#failure !== undefined) break
      }
      if (this.#failure === undefined) {
        this.#stream.end()
        this.#flush(1)
      }
    } catch (error) {
      this.#failure ??= error
    } finally {
      this.#state.active--
      release()
    }
    await this.#until(() => this.#writes === 0)
    if (this.#failure !== undefined) throw this.#explained(this.#failure)
    return {
      accepted: this.#acceptedCount,
      rejected: this.#rejected,
      rejectedTotal: this.#stream.rejectedCount,
    }
  }

  #batchBytes(): number {
    const { batchBytes, batchesBytesMax } = this.#state.context.limits
    return Math.max(BATCH_BYTES_MIN, Math.min(batchBytes, Math.floor(batchesBytesMax / this.#state.active)))
  }

  #isFull(): boolean {
    return this.#failure === undefined && this.#unacknowledgedBytes > this.#state.context.limits.unacknowledgedBytesMax
  }

  #flush(bytesMin: number): void {
    if (this.#failure !== undefined || this.#stream.batchBytes < bytesMin) return
    const batch = this.#stream.takeBatch()
    if (!batch) return
    const { rows, length } = batch
    this.#unacknowledgedBytes += length
    this.#writes++
    void this.#write(batch, rows, length)
  }

  async #write(batch: EventBatch, rows: number, bytes: number): Promise<void> {
    try {
      await this.#sink.write(batch)
      this.#acceptedCount += rows
      this.#state.events.add(rows)
    } catch (error) {
      this.#failure ??= error
    }
    this.#unacknowledgedBytes -= bytes
    this.#writes--
    this.#wake?.()
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The same error, telling what of the body was kept all the same. */
  #explained(error: unknown): unknown {
    if (!(error instanceof AppError)) return error
    const { counters } = this.#state.context
    counters.add('ingest_failed_bodies_total', { source: this.#state.name, code: error.code })
    const kept = `${this.#acceptedCount} events of the body were accepted before that and are durable`
    const retryAfterSeconds = error.retryAfterSeconds ?? (error.status === 503 ? RETRY_AFTER_SECONDS : undefined)
    return new AppError(error.code, {
      cause: error,
      detail: `${error.detail ?? error.title}; ${kept}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      problems: [{ accepted: this.#acceptedCount }],
    })
  }
}
