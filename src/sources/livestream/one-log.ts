import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BytePump } from '../../streams/byte-pump.ts'
import { closeFile, openFile } from '../../streams/disk-calls.ts'
import { GrowingFile } from '../../streams/growing-file.ts'
import { STREAM_LIMITS } from '../../streams/limits.ts'
import { newStreamId } from '../../streams/record.ts'
import { ReadBudget } from '../../streams/read-budget.ts'
import type { ReadableStream } from './answer.ts'
import { LogRefusal, ONE_PUT, type LogWriter } from './log-http.ts'

/** The one log of a livelog process: one PUT in its life. Its file has no name, so that no way of dying leaves it behind. */
export class OneLog {
  readonly #parentDir: string | undefined
  readonly #budget = new ReadBudget(STREAM_LIMITS)
  readonly #cutting = new AbortController()
  readonly #begun: Promise<ReadableStream>
  #begin: (stream: ReadableStream) => void = () => undefined
  #isTaken = false
  #stream: ReadableStream | undefined

  /** `undefined`: the system's own folder for temporary files. */
  constructor(parentDir: string | undefined) {
    this.#parentDir = parentDir
    this.#begun = new Promise((resolve) => (this.#begin = resolve))
  }

  /** Throws LogRefusal when there was a PUT before. One that finds no room does not count. */
  async take(): Promise<LogWriter> {
    if (this.#isTaken) throw new LogRefusal(400, ONE_PUT)
    this.#isTaken = true
    let file: GrowingFile
    try {
      file = await temporaryFile(this.#parentDir)
    } catch {
      this.#isTaken = false
      throw new LogRefusal(500, 'Could not open stream for body')
    }
    this.#stream = readable(file, this.#budget)
    this.#begin(this.#stream)
    return {
      append: (bytes) => file.append(bytes),
      isCut: this.#cutting.signal,
      async finish() {
        await file.settled()
        file.close('finished')
      },
      async interrupt() {
        // What could not be written was not shown to anybody.
        await file.settled().catch(() => undefined)
        if (file.end === undefined) file.close('cut')
      },
    }
  }

  /** The log, or the one that begins before the signal aborts. */
  async find(signal: AbortSignal): Promise<ReadableStream | undefined> {
    if (this.#stream || signal.aborted) return this.#stream
    const given = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    return Promise.race([this.#begun, given])
  }

  /** Cuts off the writer, and with it the readers. */
  close(): void {
    this.#cutting.abort(new Error('the process ends'))
  }
}

/** Held for good: without a name there is no second opening. */
async function temporaryFile(parentDir: string | undefined): Promise<GrowingFile> {
  const dir = await mkdtemp(join(parentDir ?? tmpdir(), 'livelog'))
  try {
    const path = join(dir, 'stream')
    await closeFile(await openFile(path, 'wx'))
    // Nothing of it outlives the process, so nothing is synced.
    const file = new GrowingFile({ path, sizeBytes: 0, limits: { ...STREAM_LIMITS, syncMs: Infinity } })
    await file.hold()
    await unlink(path)
    return file
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function readable(file: GrowingFile, budget: ReadBudget): ReadableStream {
  const id = newStreamId()
  return {
    get sizeBytes() {
      return file.sizeBytes
    },
    get isGrowing() {
      return file.end === undefined
    },
    get etag() {
      return file.end === 'finished' ? `"${id}-${file.sizeBytes}"` : undefined
    },
    get isBroken() {
      return file.end === 'cut'
    },
    read: (options) => Promise.resolve(new BytePump({ ...options, file, budget })),
  }
}
