import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'
import type { EventBatch } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import type { Sink } from '../../core/sink.ts'
import { NS_PER_MS } from '../../core/time.ts'
import type { BytePump, PumpEnd } from '../../streams/byte-pump.ts'
import type { StreamCatalog } from '../../streams/catalog.ts'
import type { Stream } from '../../streams/stream.ts'
import { eventDefaults } from '../../wire/transcode/row-writer.ts'
import { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import type { SourceContext } from '../source.ts'
import { fieldsOf } from './fields.ts'
import { ID_ATTRIBUTE, LINE_ATTRIBUTE, LineRows } from './line-rows.ts'

export interface IndexerOptions {
  name: string
  catalog: StreamCatalog
  context: Pick<SourceContext, 'sinkFor' | 'batches' | 'counters' | 'logger' | 'clock' | 'limits' | 'recentValues'>
}

/** Rows of one stream that wait while the ones before become durable; its lines are not read any further beyond that. */
const BATCH_BYTES_MAX = 512 * 1024
const BATCH_BYTES = 64 * 1024
/** A writer who is so far ahead is left most of the processor: for each unit of work so many of rest. */
const OUTRUN_BYTES = 4 * 1024 * 1024
const REST_FACTOR = 4
/** How far its lines have come is put on disk this often while a stream grows. */
const SAVE_MS = 1000
const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 30_000

/**
 * Makes events of the lines of streams. It reads like any other reader, from the disk where it is behind, so that no
 * writer waits for the store; how far it has come is part of the stream's record.
 */
export class Indexer {
  readonly #options: IndexerOptions
  readonly #transcoder: LineTranscoder
  readonly #running = new Map<Stream, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #events: Counter
  readonly #bytes: Counter

  constructor(options: IndexerOptions) {
    this.#options = options
    this.#transcoder = new LineTranscoder(options.context.limits.event)
    const labels = { source: options.name }
    this.#events = options.context.counters.counter('ingest_events_total', labels)
    this.#bytes = options.context.counters.counter('ingest_bytes_total', labels)
  }

  /** Goes on with what was left to do when the server ended. */
  start(): void {
    for (const stream of this.#options.catalog.all()) if (isBehind(stream)) this.follow(stream, true)
  }

  /** Follows a stream to its end. `isOld`: its lines may be events beyond what its record says. */
  follow(stream: Stream, isOld = false): void {
    if (!stream.indexed || this.#running.has(stream) || this.#stopping.signal.aborted) return
    const work = this.#run(stream, isOld).catch((err: unknown) => {
      if (this.#stopping.signal.aborted) return
      this.#options.context.logger.error({ err, stream: stream.name }, 'Lines of a stream do not become events')
    })
    const done = work.finally(() => {
      this.#running.delete(stream)
      // A writer came back while it was about to end.
      if (stream.isGrowing && stream.writer) this.follow(stream)
    })
    this.#running.set(stream, done)
  }

  /**
   * Resolves when all lines of a stream that has ended are events, or after that time; at once where so much is left to do
   * that it would be waited for in vain.
   */
  async settled(stream: Stream, { waitMsMax, bytesMax }: { waitMsMax: number; bytesMax: number }): Promise<void> {
    const work = this.#running.get(stream)
    if (!work || stream.sizeBytes - (stream.indexed?.bytes ?? 0) > bytesMax) return
    const over = new AbortController()
    await Promise.race([work, wait(waitMsMax, undefined, { signal: over.signal }).catch(() => undefined)])
    over.abort()
  }

  /** Hands no more over; resolves when what was handed over is durable, and written down. */
  async close(): Promise<void> {
    this.#stopping.abort(new AppError('SERVER_CLOSING'))
    await Promise.all(this.#running.values())
  }

  async #run(stream: Stream, isOld: boolean): Promise<void> {
    const { context, catalog } = this.#options
    const { signal } = this.#stopping
    let linesKnown = isOld ? await this.#linesKnown(stream) : 0
    for (let attempt = 0; !signal.aborted; attempt++) {
      const pass = new IndexPass(
        stream,
        { ...this.#options, transcoder: this.#transcoder, signal, linesKnown },
        (batch) => {
          this.#events.add(batch.rows)
          this.#bytes.add(batch.bytes)
          attempt = 0
        },
      )
      try {
        await pass.run()
        if (stream.file.end === 'removed') this.#countLost(stream)
        return
      } catch (error) {
        if (signal.aborted) return await catalog.noteIndexed(stream, stream.indexed ?? NOTHING_INDEXED, true)
        if (catalog.get(stream.name) !== stream) return
        context.counters.add('livestream_index_failures_total')
        if (!(error instanceof AppError)) throw error
        linesKnown = stream.indexed?.lines ?? 0
        await wait(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempt), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** The newest event of a stream tells how far it had come since its record was written for the last time. */
  async #linesKnown(stream: Stream): Promise<number> {
    const [line = '0'] = await this.#options.context.recentValues({
      source: fieldsOf(stream).source,
      attribute: LINE_ATTRIBUTE,
      // Its source may be that of others, too.
      where: { attribute: ID_ATTRIBUTE, value: stream.id },
      sinceNs: BigInt(stream.startedMs) * NS_PER_MS,
      windowMs: 0,
      valuesMax: 1,
    })
    return Math.max(Number(line), stream.indexed?.lines ?? 0)
  }

  #countLost({ sizeBytes, indexed }: Stream): void {
    const lost = sizeBytes - (indexed?.bytes ?? sizeBytes)
    if (lost > 0) this.#options.context.counters.add('livestream_unindexed_bytes_total', {}, lost)
  }
}

const NOTHING_INDEXED = { bytes: 0, lines: 0 }

function isBehind(stream: Stream): boolean {
  return stream.indexed !== undefined && (stream.isGrowing || stream.indexed.bytes < stream.sizeBytes)
}

interface PassOptions extends IndexerOptions {
  transcoder: LineTranscoder
  signal: AbortSignal
  linesKnown: number
}

/** Lines of a stream from where they are no events yet, until the stream ends or the sink refuses. */
class IndexPass {
  readonly #stream: Stream
  readonly #options: PassOptions
  readonly #onDurable: (batch: { rows: number; bytes: number }) => void
  readonly #rows: LineRows
  readonly #sink: Sink
  readonly #startBytes: number
  #pump: BytePump | undefined
  #writing = false
  #isFull = false
  #isResting = false
  #isEnded = false
  #failure: unknown
  #unreportedBytes = 0
  #savedMs = 0
  #settle: ((error?: unknown) => void) | undefined

  constructor(stream: Stream, options: PassOptions, onDurable: (batch: { rows: number; bytes: number }) => void) {
    this.#stream = stream
    this.#options = options
    this.#onDurable = onDurable
    const { bytes, lines } = stream.indexed ?? NOTHING_INDEXED
    this.#startBytes = bytes
    const { context, transcoder, linesKnown } = options
    this.#sink = context.sinkFor({ ...OPEN_PRINCIPAL, stamps: new Map(stream.stamps) })
    const { name, host } = stream
    this.#rows = new LineRows({
      transcoder,
      defaults: eventDefaults({ service: name, source: name, host }),
      id: stream.id,
      linesBefore: lines,
      linesKnown,
      onBinary: (line) => {
        const labels = { source: options.name, reason: 'binary' }
        context.counters.add('ingest_rejected_total', labels)
        context.counters.keepExample('ingest_rejected_total', labels, `line ${line} of ${name}`)
      },
      newBatch: () => context.batches.take(BATCH_BYTES),
      clock: () => Number(context.clock() / (1000n * NS_PER_MS)),
    })
  }

  /** Resolves when the stream has ended and all of its lines are events; rejects when the sink or the disk fails. */
  async run(): Promise<void> {
    const { catalog, signal } = this.#options
    const finished = new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error))
    })
    // It rejects where it is awaited, or nobody is there to be told.
    finished.catch(() => undefined)
    const stop = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#pump = await catalog.readInside(this.#stream, {
        from: this.#startBytes,
        to: Infinity,
        write: (bytes) => this.#take(bytes),
        onEnd: (end) => this.#end(end),
      })
      if (signal.aborted) stop()
      else this.#pump.resume()
      await finished
    } finally {
      signal.removeEventListener('abort', stop)
      this.#pump?.stop()
    }
  }

  #take(bytes: Buffer): boolean {
    this.#unreportedBytes += bytes.length
    const fromMs = performance.now()
    this.#rows.push(bytes)
    if (!this.#writing) void this.#write()
    this.#isFull = this.#writing && this.#rows.batchBytes >= BATCH_BYTES_MAX
    if (this.#isFull || !this.#isOutrun()) return !this.#isFull
    this.#isResting = true
    setTimeout(() => this.#goOn(), REST_FACTOR * (performance.now() - fromMs))
    return false
  }

  /** A writer that is this far ahead has more use for the processor. */
  #isOutrun(): boolean {
    return this.#stream.writer !== undefined && this.#stream.sizeBytes - (this.#pump?.position ?? 0) > OUTRUN_BYTES
  }

  #goOn(): void {
    this.#isResting = false
    if (!this.#isFull) this.#pump?.resume()
  }

  #end(end: PumpEnd): void {
    if (end === 'failed') return this.#fail(new AppError('STREAM_NOT_FOUND', { detail: 'its bytes cannot be read' }))
    this.#isEnded = true
    if (end !== 'removed') this.#rows.end()
    if (!this.#writing) void this.#write()
  }

  #fail(error: unknown): void {
    this.#pump?.stop()
    this.#failure ??= error
    // What is being written is still waited for: its lines must not become events twice.
    if (!this.#writing) this.#settle?.(this.#failure)
  }

  /** Hands over what there is, again and again, one batch after the other. */
  async #write(): Promise<void> {
    this.#writing = true
    do {
      const { place } = this.#rows
      const batch = this.#rows.takeBatch()
      const bytes = this.#unreportedBytes
      this.#unreportedBytes = 0
      try {
        if (batch) await this.#handOver(batch, bytes)
        await this.#reached(place)
      } catch (error) {
        this.#failure ??= error
      }
      if (this.#isFull && this.#failure === undefined) {
        this.#isFull = false
        if (!this.#isResting) this.#pump?.resume()
      }
    } while (this.#failure === undefined && this.#rows.batchBytes > 0)
    this.#writing = false
    if (this.#failure !== undefined) this.#settle?.(this.#failure)
    else if (this.#isEnded) await this.#finish()
  }

  async #handOver(batch: EventBatch, bytes: number): Promise<void> {
    const { rows } = batch
    await this.#sink.write(batch)
    this.#onDurable({ rows, bytes })
  }

  async #reached({ bytes, lines }: { bytes: number; lines: number }, isLast = false): Promise<void> {
    const indexed = { bytes: this.#startBytes + bytes, lines }
    const isDue = isLast || performance.now() - this.#savedMs > SAVE_MS
    if (isDue) this.#savedMs = performance.now()
    await this.#options.catalog.noteIndexed(this.#stream, indexed, isDue)
  }

  async #finish(): Promise<void> {
    try {
      await this.#reached(this.#rows.place, true)
      this.#settle?.()
    } catch (error) {
      this.#settle?.(error)
    }
  }
}
