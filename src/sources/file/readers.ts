import type { Counter, Counters } from '../../core/counters.ts'
import type { Logger } from '../../core/logger.ts'
import { readArchive } from './archive.ts'
import type { Courier } from './courier.ts'
import type { FollowedFile } from './followed-file.ts'
import { type Handles, ReplacedError } from './handles.ts'
import { HungError } from './lanes.ts'
import type { FileLimits } from './limits.ts'
import { mayBeOther, type PassResult, Reader } from './reader.ts'
import type { Roster } from './roster.ts'
import { errorCode, type SourceIo } from './source-io.ts'

export interface ReadersOptions {
  io: SourceIo
  handles: Handles
  courier: Courier
  limits: FileLimits
  roster: Roster
  counters: Counters
  logger: Logger
  /** The remote file system that a path is on. */
  mountOf: (path: string) => string | undefined
  /** The file is not what it was. It is not read before somebody says so. */
  onRewritten: (file: FollowedFile) => void
  /** It has to be compared with others. It is not read before somebody says so. */
  onUnsure: (file: FollowedFile) => void
  /** Its path led elsewhere when the file was to be opened. */
  onLost: (file: FollowedFile) => void
}

/** Several readers that take turns on the files that have something to read, a piece at a time. */
export class Readers {
  readonly #options: ReadersOptions
  readonly #idle: Reader[] = []
  readonly #dirty = new Set<FollowedFile>()
  /** Remote file systems that a reader is at: the others stay with files that are near. */
  readonly #mounts = new Set<string>()
  /** Files with a line that is open or held back at their end, and those that were rotated: time ends these. */
  readonly waiting = new Set<FollowedFile>()
  #active = 0
  #isClosed = false
  readonly #bytes: Counter
  #idleWaiters: (() => void)[] = []
  /** Of lines that are held back, of all files. */
  #heldBytes = 0

  constructor(options: ReadersOptions) {
    this.#options = options
    this.#bytes = options.counters.counter('file_bytes_total')
    const { io, handles, courier, limits } = options
    for (let index = 0; index < limits.readersMax; index++) {
      this.#idle.push(
        new Reader({
          io,
          handles,
          limits,
          room: () => courier.room(),
          batch: () => courier.batch,
          isFull: (batch) => courier.isFull(batch),
          now: () => performance.now(),
          onRead: (bytes) => this.#bytes.add(bytes),
        }),
      )
    }
  }

  get isIdle(): boolean {
    return this.#active === 0 && this.#dirty.size === 0
  }

  /** There may be something to read. */
  wake(file: FollowedFile): void {
    if (file.state === 'rotated') this.waiting.add(file)
    if (file.isRemoved && !this.#options.handles.has(file)) return
    if (file.isDone || file.state === 'ended' || this.#isClosed) return
    if (file.isBusy) file.isStale = true
    else {
      this.#dirty.add(file)
      this.#kick()
    }
  }

  /** Lets go of a file: what it held back becomes events. */
  async end(file: FollowedFile): Promise<void> {
    const { courier, roster, handles } = this.#options
    if (file.state === 'ended') return
    file.state = 'ended'
    this.#dirty.delete(file)
    this.waiting.delete(file)
    file.interpreter.flush(courier.batch)
    this.#tell(file)
    this.#count(file)
    roster.ending.set(file.key, file)
    roster.remove(file)
    await handles.release(file)
  }

  /** Lines that were held back long enough become events. */
  flush(file: FollowedFile): void {
    if (file.isBusy) return
    file.interpreter.flush(this.#options.courier.batch)
    this.#tell(file)
    this.#count(file)
    this.#options.courier.sendNow()
  }

  /** Resolves when nothing is left to be read for now. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  /** Ends after the pieces that are being read. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#dirty.clear()
    while (this.#active > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  #kick(): void {
    while (this.#idle.length > 0) {
      const file = this.#next()
      const reader = file && this.#idle.pop()
      if (!file || !reader) return
      this.#active++
      void this.#work(reader, file)
    }
  }

  /** The file whose turn it is. */
  #next(): FollowedFile | undefined {
    for (const file of this.#dirty) {
      const mount = this.#options.mountOf(file.path)
      if (mount !== undefined && this.#mounts.has(mount)) continue
      this.#dirty.delete(file)
      return file
    }
    return undefined
  }

  async #work(reader: Reader, first: FollowedFile): Promise<void> {
    for (let file: FollowedFile | undefined = first; file; file = this.#next()) {
      const mount = this.#options.mountOf(file.path)
      if (mount !== undefined) this.#mounts.add(mount)
      await this.#pass(reader, file)
      if (mount !== undefined) this.#mounts.delete(mount)
    }
    this.#active--
    this.#idle.push(reader)
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  async #pass(reader: Reader, file: FollowedFile): Promise<void> {
    if (file.state === 'ended' || this.#isClosed) return
    if (file.retryAtMs > performance.now()) return void this.waiting.add(file)
    file.isBusy = true
    file.isStale = false
    let result: PassResult | 'failed' = 'failed'
    try {
      result = file.isArchive ? await this.#archive(file) : await reader.pass(file, file.mustEnd)
      this.#tell(file)
      if (file.error !== undefined && (!file.isArchive || file.isDone)) this.#recovered(file)
    } catch (error) {
      if (!this.#isClosed) this.#failed(file, error)
    }
    if (result === 'rewritten') return this.#options.onRewritten(file)
    if (result === 'unsure') return this.#options.onUnsure(file)
    file.isBusy = false
    // An archive that was read to its end is read no more, whatever was told meanwhile.
    if (result === 'more' || (result === 'end' && file.isStale && !file.isDone)) this.#dirty.add(file)
    else if (result === 'end') this.#rest(file)
    this.#count(file)
    if (this.#heldBytes > this.#options.limits.heldBytesMax) this.#relieve()
  }

  /** Takes down how much of the file is held back now. */
  #count(file: FollowedFile): void {
    const held = file.position - file.settled
    this.#heldBytes += held - file.heldBytes
    file.heldBytes = held
  }

  /** Too much is held back in all: what waits longest waits no longer. */
  #relieve(): void {
    const { limits, counters } = this.#options
    for (const file of this.waiting) {
      if (this.#heldBytes <= limits.heldBytesMax / 2) return
      if (!file.isHolding || file.isBusy) continue
      this.flush(file)
      counters.add('file_held_lines_cut_short_total')
    }
  }

  #rest(file: FollowedFile): void {
    if (file.isHolding || file.openBytes > 0 || file.state === 'rotated') this.waiting.add(file)
    else this.waiting.delete(file)
    if (file.isDone || file.mustEnd) {
      file.mustEnd = false
      this.flush(file)
    }
  }

  async #archive(file: FollowedFile): Promise<PassResult> {
    const { courier, limits, io, handles } = this.#options
    const fd = await handles.take(file)
    if (mayBeOther(file)) return 'unsure'
    await readArchive(file, {
      io,
      fd,
      limits,
      room: () => courier.room(),
      batch: () => courier.batch,
      isFull: (batch) => courier.isFull(batch),
      onRead: (bytes) => {
        this.#bytes.add(bytes)
        this.#tell(file)
      },
    })
    return 'end'
  }

  /** The one who delivers learns of what was put into the batch. */
  #tell(file: FollowedFile): void {
    const { settled } = file
    if (settled <= file.told) return
    file.told = settled
    this.#options.courier.touch(file)
  }

  #failed(file: FollowedFile, error: unknown): void {
    const { logger, limits, onLost, counters } = this.#options
    if (error instanceof ReplacedError || errorCode(error) === 'ENOENT') return onLost(file)
    const isHung = error instanceof HungError
    const reason = (!isHung && errorCode(error)) || (error as Error).message
    if (file.error !== reason && !isHung) logger.warn({ path: file.path, reason }, 'A file cannot be read for now')
    counters.add('file_read_failures_total', { reason: errorCode(error) || (error as Error).name })
    file.error = reason
    file.retryAtMs = performance.now() + limits.retryMs
    this.waiting.add(file)
  }

  #recovered(file: FollowedFile): void {
    file.error = undefined
    file.retryAtMs = 0
    this.#options.logger.info({ path: file.path }, 'A file can be read again')
  }
}
