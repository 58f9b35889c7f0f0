import { mkdir, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { formatSize } from '../core/units.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { BytePump, type PumpOptions } from './byte-pump.ts'
import { closeFile, openFile } from './disk-calls.ts'
import { GrowingFile, type FileEnd } from './growing-file.ts'
import { STREAM_LIMITS, type StreamLimits } from './limits.ts'
import { ReadBudget } from './read-budget.ts'
import { BYTES_SUFFIX, newStreamId, RECORD_SUFFIX, saveRecord, type StreamRecord, type StreamState } from './record.ts'
import { recoverStreams } from './recover.ts'
import { Stream } from './stream.ts'
import { StreamWriter } from './stream-writer.ts'

export interface CatalogOptions {
  dir: string
  counters: Counters
  logger: Logger
  /** Milliseconds since 1970. */
  clock: () => number
  limits?: Partial<StreamLimits>
}

/** What a new stream is to be. */
export interface NewStream extends Pick<StreamRecord, 'keyId' | 'stamps' | 'host'> {
  name: string
  isIndexed: boolean
}

export interface CatalogStatus extends Record<StreamState, number> {
  bytes: number
  bytesMax: number
  writers: number
  readers: number
}

export type ReadOptions = Omit<PumpOptions, 'file' | 'budget' | 'onStopped'>

/** How often ages and free disk are looked at. */
const CHECK_MS = 5000
const RETRY_SECONDS = 5

/** All streams of a folder. */
export class StreamCatalog {
  readonly limits: StreamLimits
  readonly budget: ReadBudget
  readonly #options: CatalogOptions
  readonly #streams = new Map<string, Stream>()
  readonly #endListeners: ((stream: Stream) => void)[] = []
  #bytes = 0
  #readers = 0
  #writers = 0
  #isDiskLow = false
  #isClosing = false
  #checking: NodeJS.Timeout | undefined

  private constructor(options: CatalogOptions) {
    this.#options = options
    this.limits = { ...STREAM_LIMITS, ...options.limits }
    this.budget = new ReadBudget(this.limits)
  }

  /** Opens the folder. Streams that were live when the server ended are interrupted now. */
  static async open(options: CatalogOptions): Promise<StreamCatalog> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 })
    const catalog = new StreamCatalog(options)
    for (const { record, sizeBytes } of await recoverStreams(options)) {
      const isRecent = (record.endedMs ?? 0) > options.clock() - catalog.limits.resumeWaitMs
      const end = record.state === 'finished' ? 'finished' : isRecent ? undefined : 'cut'
      const stream = new Stream(record, catalog.#file(record, sizeBytes, end))
      catalog.#streams.set(record.name, stream)
      catalog.#bytes += sizeBytes
      if (!end) catalog.#awaitWriter(stream)
    }
    await catalog.#check()
    catalog.#checking = setInterval(() => void catalog.#check(), CHECK_MS)
    catalog.#checking.unref()
    return catalog
  }

  get(name: string): Stream | undefined {
    return this.#streams.get(name)
  }

  /** In the order in which they were begun. */
  all(): Iterable<Stream> {
    return this.#streams.values()
  }

  /** Streams by state, and what they take together. */
  status(): CatalogStatus {
    const states = { live: 0, interrupted: 0, finished: 0 }
    for (const { state } of this.#streams.values()) states[state]++
    const { bytesMax } = this.limits
    return { ...states, bytes: this.#bytes, bytesMax, writers: this.#writers, readers: this.#readers }
  }

  /** Told of every stream that is finished, removed, or for whose writer nobody waits any more. */
  onEnd(listener: (stream: Stream) => void): void {
    this.#endListeners.push(listener)
  }

  /** Begins a stream. Throws STREAM_EXISTS, STREAMS_FULL, TOO_MANY_REQUESTS, SERVER_CLOSING. */
  async create({ isIndexed, ...wanted }: NewStream): Promise<StreamWriter> {
    this.#admitWriter()
    if (this.#streams.has(wanted.name)) {
      throw new AppError('STREAM_EXISTS', {
        detail: `There is a stream ${wanted.name} already.`,
        hint: 'Choose another name, or delete it. One that was interrupted is gone on with by sending Content-Range.',
      })
    }
    this.#makeRoom(1)
    const record: StreamRecord = {
      version: 1,
      id: newStreamId(),
      state: 'live',
      startedMs: this.#options.clock(),
      endedMs: null,
      sizeBytes: null,
      indexed: isIndexed ? { bytes: 0, lines: 0 } : null,
      shares: [],
      ...wanted,
    }
    const stream = new Stream(record, this.#file(record, 0))
    // Before anything is awaited: the name is taken.
    this.#streams.set(record.name, stream)
    const writer = this.#writer(stream)
    try {
      await closeFile(await openFile(this.#path(record, BYTES_SUFFIX), 'wx'))
      await this.#save(stream)
      await writer.open()
    } catch (cause) {
      this.#streams.delete(record.name)
      await writer.abandon()
      throw writeFailed(cause)
    }
    this.#options.counters.add('streams_started_total')
    return writer
  }

  /**
   * Goes on with a stream that was interrupted, or is about to be: a writer that is still there is cut off. The caller
   * has checked that it may. Throws STREAM_FINISHED and as `create`.
   */
  async resume(stream: Stream): Promise<StreamWriter> {
    if (stream.state === 'finished') throw new AppError('STREAM_FINISHED', { detail: `${stream.name} is finished.` })
    await stream.writer?.cut()
    this.#admitWriter()
    if (stream.writer || stream.state !== 'interrupted') {
      throw new AppError('STREAM_EXISTS', { detail: `Somebody else has gone on with ${stream.name}.` })
    }
    clearTimeout(stream.waiting)
    stream.file.reopen()
    stream.record = { ...stream.record, state: 'live', endedMs: null }
    const writer = this.#writer(stream)
    try {
      await writer.open()
      await this.#save(stream)
    } catch (cause) {
      await writer.interrupt()
      throw writeFailed(cause)
    }
    this.#options.counters.add('streams_resumed_total')
    return writer
  }

  /** Carries bytes of a stream to a reader. Rejects with TOO_MANY_REQUESTS, or STREAM_NOT_FOUND where it went meanwhile. */
  async read(stream: Stream, options: ReadOptions): Promise<BytePump> {
    if (this.#readers >= this.limits.readersMax) {
      this.#options.counters.add('streams_limited_total', { limit: 'readersMax' })
      const detail = `${this.#readers} readers are there already`
      throw new AppError('TOO_MANY_REQUESTS', { detail, retryAfterSeconds: RETRY_SECONDS })
    }
    this.#readers++
    stream.readers++
    return this.#pump(stream, options, () => {
      this.#readers--
      stream.readers--
    })
  }

  /** The same for a part of the server, which is no reader that is shown or counted. */
  readInside(stream: Stream, options: ReadOptions): Promise<BytePump> {
    return this.#pump(stream, options, () => undefined)
  }

  /** Notes how far the lines of a stream are events; on disk at once, or with the next change. */
  async noteIndexed(stream: Stream, indexed: NonNullable<StreamRecord['indexed']>, isDue: boolean): Promise<void> {
    stream.record = { ...stream.record, indexed }
    if (isDue) await this.#save(stream)
  }

  /** Replaces the links of a stream; resolves when that is on disk. */
  async setShares(stream: Stream, shares: StreamRecord['shares']): Promise<void> {
    stream.record = { ...stream.record, shares }
    await this.#save(stream)
  }

  /** Removes it, and cuts off its writer and its readers. */
  async remove(stream: Stream): Promise<void> {
    if (this.#streams.get(stream.name) !== stream) return
    this.#streams.delete(stream.name)
    this.#bytes -= stream.sizeBytes
    stream.file.close('removed')
    clearTimeout(stream.waiting)
    await stream.writer?.cut()
    for (const listener of this.#endListeners) listener(stream)
    await stream.saving
    for (const suffix of [RECORD_SUFFIX, BYTES_SUFFIX]) {
      try {
        await unlink(this.#path(stream.record, suffix))
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code === 'ENOENT') continue
        this.#options.logger.warn({ err, stream: stream.name }, 'A file of a stream could not be removed')
      }
    }
  }

  /** Interrupts all writers and cuts off all readers; resolves when everything is on disk. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#checking)
    const streams = [...this.#streams.values()]
    await Promise.all(streams.map(async ({ writer }) => writer?.cut()))
    for (const { file, waiting } of streams) {
      clearTimeout(waiting)
      if (file.end === undefined) file.close('cut')
    }
    await Promise.all(streams.map(({ saving }) => saving))
  }

  async #pump(stream: Stream, options: ReadOptions, onLeft: () => void): Promise<BytePump> {
    let release: () => void
    try {
      release = await stream.file.hold()
    } catch (cause) {
      onLeft()
      throw new AppError('STREAM_NOT_FOUND', { cause, detail: 'Its bytes are gone.' })
    }
    const onStopped = (): void => {
      onLeft()
      release()
    }
    return new BytePump({ ...options, onStopped, file: stream.file, budget: this.budget })
  }

  #file(record: StreamRecord, sizeBytes: number, end?: FileEnd): GrowingFile {
    return new GrowingFile({
      path: this.#path(record, BYTES_SUFFIX),
      sizeBytes,
      ...(end && { end }),
      limits: this.limits,
      onGrown: (bytes) => this.#grown(record, bytes),
    })
  }

  #path({ id }: Pick<StreamRecord, 'id'>, suffix: string): string {
    return join(this.#options.dir, id + suffix)
  }

  #writer(stream: Stream): StreamWriter {
    this.#writers++
    const { clock } = this.#options
    const writer = new StreamWriter(stream, {
      clock,
      save: () => this.#save(stream),
      refusal: () => this.#refusal(),
      onClosed: () => {
        this.#writers--
        if (stream.writer === writer) stream.writer = undefined
        if (stream.state === 'interrupted') this.#awaitWriter(stream)
        else for (const listener of this.#endListeners) listener(stream)
      },
    })
    stream.writer = writer
    return writer
  }

  /** Readers wait for a while; then they are told that the writer did not come back. */
  #awaitWriter(stream: Stream): void {
    if (stream.file.end !== undefined) return
    this.#options.counters.add('streams_interrupted_total')
    const giveUp = (): void => {
      if (stream.writer) return
      stream.file.close('cut')
      for (const listener of this.#endListeners) listener(stream)
    }
    if (this.#isClosing || this.limits.resumeWaitMs === 0) return giveUp()
    stream.waiting = setTimeout(giveUp, this.limits.resumeWaitMs)
    stream.waiting.unref()
  }

  #save(stream: Stream): Promise<void> {
    const saved = this.#saveAfter(stream.saving, stream)
    stream.saving = saved.catch(() => undefined)
    return saved
  }

  async #saveAfter(before: Promise<void>, stream: Stream): Promise<void> {
    await before
    if (stream.file.end !== 'removed') await saveRecord(this.#options.dir, stream.record)
  }

  #admitWriter(): void {
    const refusal = this.#isClosing
      ? new AppError('SERVER_CLOSING', { retryAfterSeconds: RETRY_SECONDS })
      : this.#writers >= this.limits.writersMax
        ? new AppError('TOO_MANY_REQUESTS', {
            detail: `${this.#writers} streams are being written already`,
            retryAfterSeconds: RETRY_SECONDS,
          })
        : this.#refusal()
    if (!refusal) return
    this.#options.counters.add('streams_limited_total', { limit: refusal.code })
    throw refusal
  }

  /** Why nothing more can be written now. */
  #refusal(): AppError | undefined {
    if (this.#isDiskLow) {
      const least = formatSize(this.limits.diskFreeBytesMin)
      return new AppError('STREAMS_FULL', { detail: `Less than ${least} are free on the disk.` })
    }
    this.#makeRoom(0)
    if (this.#bytes <= this.limits.bytesMax) return undefined
    return new AppError('STREAMS_FULL', {
      detail: `Streams take ${formatSize(this.limits.bytesMax)} together, and none that has ended is left to make room.`,
    })
  }

  #grown({ name, id }: StreamRecord, bytes: number): void {
    if (this.#streams.get(name)?.id !== id) return
    this.#bytes += bytes
    this.#options.counters.add('streams_bytes_total', {}, bytes)
    if (this.#bytes > this.limits.bytesMax) this.#makeRoom(0)
  }

  /** Removes the streams that ended first, until there is room for the bytes there are and so many more streams. */
  #makeRoom(streamsMore: number): void {
    const isTooMuch = (): boolean =>
      this.#bytes > this.limits.bytesMax || this.#streams.size + streamsMore > this.limits.streamsMax
    if (!isTooMuch()) return
    const ended = [...this.#streams.values()].filter(({ writer }) => !writer)
    ended.sort((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0))
    for (const stream of ended) {
      if (!isTooMuch()) return
      this.#drop(stream, 'room')
    }
    if (this.#streams.size + streamsMore > this.limits.streamsMax) {
      throw new AppError('STREAMS_FULL', { detail: `There are ${this.limits.streamsMax} streams, and all are live.` })
    }
  }

  #drop(stream: Stream, reason: 'age' | 'room'): void {
    this.#options.counters.add('streams_dropped_total', { reason })
    void this.remove(stream)
  }

  async #check(): Promise<void> {
    const oldestMs = this.#options.clock() - this.limits.ageMs
    if (this.limits.ageMs > 0) {
      for (const stream of this.#streams.values()) {
        if (!stream.writer && stream.endedMs !== null && stream.endedMs < oldestMs) this.#drop(stream, 'age')
      }
    }
    if (this.#bytes > this.limits.bytesMax) this.#makeRoom(0)
    try {
      const { bavail, bsize } = await statfs(this.#options.dir)
      this.#isDiskLow = bavail * bsize < this.limits.diskFreeBytesMin
    } catch (err) {
      this.#options.logger.warn({ err }, 'How much of the disk is free could not be told')
    }
  }
}

function writeFailed(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  return new AppError('STREAM_WRITE_FAILED', { cause, detail: cause instanceof Error ? cause.message : String(cause) })
}
