import { AppError } from '../core/errors.ts'
import type { Stream } from './stream.ts'
import type { StreamState } from './record.ts'

export interface StreamWriterOptions {
  clock: () => number
  /** Puts the record of the stream on disk. */
  save: () => Promise<void>
  /** Why nothing more can be written now. */
  refusal: () => AppError | undefined
  onClosed: () => void
}

/** Whoever writes a stream now. Ends with `finish` or `interrupt`, once; `cut` is called by others. */
export class StreamWriter {
  readonly stream: Stream
  readonly #options: StreamWriterOptions
  readonly #cutting = new AbortController()
  #release: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(stream: Stream, options: StreamWriterOptions) {
    this.stream = stream
    this.#options = options
  }

  /** Aborts when somebody else goes on with the stream, removes it, or the server closes: then `interrupt` it. */
  get isCut(): AbortSignal {
    return this.#cutting.signal
  }

  async open(): Promise<void> {
    this.#release = await this.stream.file.hold()
  }

  /** See `GrowingFile.append`. Throws, or rejects with, STREAMS_FULL or STREAM_WRITE_FAILED. */
  append(bytes: Buffer): Promise<void> | undefined {
    const refusal = this.#options.refusal()
    if (refusal) throw refusal
    const waiting = this.stream.file.append(bytes)
    return waiting && explained(waiting)
  }

  /** Resolves when all that was appended is in the file: readers see it, and the end of this process does not undo it. */
  settled(): Promise<void> {
    return explained(this.stream.file.settled())
  }

  /** That was all. Resolves when everything is on the disk; rejects with STREAM_WRITE_FAILED, having interrupted it. */
  async finish(): Promise<void> {
    try {
      await this.settled()
      await explained(this.stream.file.sync())
    } catch (error) {
      await this.interrupt()
      throw error
    }
    this.#closing ??= this.#close('finished')
    await this.#closing
  }

  /** The writer went away before it had said that this was all. Resolves when that is on disk. Never rejects. */
  interrupt(): Promise<void> {
    this.#closing ??= this.#interrupted()
    return this.#closing
  }

  /** For those who need it out of the way: resolves when it has ended. */
  async cut(): Promise<void> {
    this.#cutting.abort()
    await this.interrupt()
  }

  /** It never began. */
  async abandon(): Promise<void> {
    this.stream.file.close('removed')
    await this.interrupt()
  }

  async #interrupted(): Promise<void> {
    try {
      await this.stream.file.settled()
      await this.stream.file.sync()
    } catch {
      // What could not be written was never shown to anybody; what is there stays.
    }
    await this.#close('interrupted')
  }

  async #close(state: StreamState): Promise<void> {
    const { stream } = this
    const sizeBytes = state === 'finished' ? stream.sizeBytes : null
    stream.record = { ...stream.record, state, sizeBytes, endedMs: this.#options.clock() }
    if (stream.file.end === undefined && state === 'finished') stream.file.close('finished')
    this.#release?.()
    this.#options.onClosed()
    try {
      await this.#options.save()
    } catch {
      // After a restart it counts as interrupted, with all of its bytes.
    }
  }
}

async function explained(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('STREAM_WRITE_FAILED', { cause, detail })
  }
}
