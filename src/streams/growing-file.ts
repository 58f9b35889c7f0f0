/**
 * streams: files that one writer appends to while many read them. Bytes go into the file first and are shown then, so
 * that no reader has seen what a crash takes back; whoever keeps up gets them from memory, everybody else from the disk.
 * It must never know HTTP, lines or keys. Start here; `byte-pump.ts` is a reader, `catalog.ts` the table of all streams.
 */
import { closeFile, openFile, readFully, syncFile, writeFully } from './disk-calls.ts'
import type { StreamLimits } from './limits.ts'
import { RecentBytes } from './recent-bytes.ts'

/** How it went out. `cut`: its writer is gone and has not said that this is all. `removed`: nobody may read it any more. */
export type FileEnd = 'finished' | 'cut' | 'removed'

/** Somebody who wants to be told once when there is more, or when there will be no more. */
export interface Follower {
  onChange(): void
}

export type GrowingFileLimits = Pick<StreamLimits, 'pendingBytesMax' | 'windowBytes' | 'syncMs' | 'gatherMsMax'>

export interface GrowingFileOptions {
  path: string
  /** Bytes that are in it already. */
  sizeBytes: number
  /** How it went out before; `undefined`: somebody is going to write. */
  end?: FileEnd
  limits: GrowingFileLimits
  /** Told of every growth, before readers are. */
  onGrown?: (bytes: number) => void
}

/** So much later each further reader lets the others see what is new: telling 200 of them takes a while. */
const GATHER_MS_PER_FOLLOWER = 0.1

export class GrowingFile {
  readonly #options: GrowingFileOptions
  readonly #recent: RecentBytes
  readonly #waiting = new Set<Follower>()
  #fd: Promise<number> | undefined
  #holders = 0
  #sizeBytes: number
  #end: FileEnd | undefined
  #pending: Buffer[] = []
  #pendingBytes = 0
  #writing: Promise<void> | undefined
  #failure: Error | undefined
  #followers = 0
  #toldAtMs = 0
  #telling: NodeJS.Timeout | undefined
  #syncing: NodeJS.Timeout | undefined

  constructor(options: GrowingFileOptions) {
    this.#options = options
    this.#sizeBytes = options.sizeBytes
    this.#end = options.end
    this.#recent = new RecentBytes(options.limits.windowBytes)
  }

  /** What readers may read. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** `undefined` while there may be more. */
  get end(): FileEnd | undefined {
    return this.#end
  }

  /** Readers that follow it. */
  get followers(): number {
    return this.#followers
  }

  /** Opens the file as long as somebody holds it. Give back what it returns, once. */
  async hold(): Promise<() => void> {
    this.#fd ??= openFile(this.#options.path, this.#end === 'finished' ? 'r' : 'r+')
    const release = this.#keepOpen(this.#fd)
    try {
      await this.#fd
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  /**
   * The next bytes of the writer, who holds the file. They must not be changed any more. Returns a promise when the
   * writer has to wait before it goes on, which rejects when the file cannot be written.
   */
  append(bytes: Buffer): Promise<void> | undefined {
    // Not before `reopen`: between what is there and these bytes some would be missing.
    if (this.#failure) return this.settled()
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    this.#writing ??= this.#write()
    return this.#pendingBytes > this.#options.limits.pendingBytesMax ? this.settled() : undefined
  }

  /** Resolves when all that was appended is in the file; rejects when it could not be written. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing
    if (this.#failure) throw this.#failure
  }

  /** Resolves when it is on the disk. */
  async sync(): Promise<void> {
    clearTimeout(this.#syncing)
    this.#syncing = undefined
    await this.#use(syncFile)
  }

  /** There is no more. The writer has awaited `settled` before. */
  close(end: FileEnd): void {
    this.#end = end
    clearTimeout(this.#syncing)
    this.#syncing = undefined
    this.#tell()
  }

  /** A writer came back, also while readers wait for one: it goes on behind what is there. */
  reopen(): void {
    if (this.#end === 'finished' || this.#end === 'removed') {
      throw new Error('nobody writes on in a file that is finished or removed')
    }
    this.#end = undefined
    this.#failure = undefined
  }

  /** The bytes from there on, as far as they are at hand in memory. */
  recent(position: number): Buffer | undefined {
    return this.#recent.from(position)
  }

  /** From the disk, for who holds the file. Fewer than `length` only where the file has been cut short by others. */
  async read(position: number, length: number): Promise<Buffer> {
    return this.#use((fd) => readFully(fd, position, length))
  }

  /** Somebody will want what is new: it is kept in memory for them. Call what it returns when they do not any more. */
  follow(): () => void {
    this.#followers++
    let isFollowing = true
    return () => {
      if (!isFollowing) return
      isFollowing = false
      if (--this.#followers === 0) this.#recent.clear(this.#sizeBytes)
    }
  }

  /** Tells the follower at the next change, once. */
  wait(follower: Follower): void {
    this.#waiting.add(follower)
  }

  forget(follower: Follower): void {
    this.#waiting.delete(follower)
  }

  /** A descriptor must not be closed while the system works with it: its number may be another file's by then. */
  async #use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    if (!this.#fd) throw new Error('nobody holds the file')
    const release = this.#keepOpen(this.#fd)
    try {
      return await work(await this.#fd)
    } finally {
      release()
    }
  }

  #keepOpen(opened: Promise<number>): () => void {
    this.#holders++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      if (--this.#holders > 0) return
      this.#fd = undefined
      // What could not be opened, or cannot be closed, is not there: nothing is lost by it.
      void opened.then(closeFile).catch(() => undefined)
    }
  }

  /** There is something to write, and nothing has failed. It ends later, never before it has returned. */
  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const pending = this.#pending
        const bytes = this.#pendingBytes
        this.#pending = []
        const buffers = await this.#use((fd) => this.#put(fd, gathered(pending)))
        this.#pendingBytes -= bytes
        this.#sizeBytes += bytes
        if (this.#followers > 0) this.#recent.add(buffers, this.#sizeBytes)
        this.#options.onGrown?.(bytes)
        if (this.#options.limits.syncMs !== Infinity) this.#syncing ??= this.#startSync()
        this.#announce()
      }
    } catch (error) {
      this.#failure = error as Error
      this.#pending = []
      this.#pendingBytes = 0
    }
    this.#writing = undefined
  }

  async #put(fd: number, buffers: Buffer[]): Promise<Buffer[]> {
    await writeFully(fd, this.#sizeBytes, buffers)
    return buffers
  }

  #startSync(): NodeJS.Timeout {
    return setTimeout(() => {
      // A failure shows at the end, when everything is synced once more.
      this.sync().catch(() => undefined)
    }, this.#options.limits.syncMs)
  }

  /** The more readers there are, the longer what is new is gathered for them. */
  #announce(): void {
    if (this.#waiting.size === 0 || this.#telling) return
    const delayMs = Math.min(this.#options.limits.gatherMsMax, this.#waiting.size * GATHER_MS_PER_FOLLOWER)
    const leftMs = delayMs < 1 ? 0 : this.#toldAtMs + delayMs - performance.now()
    if (leftMs <= 0) this.#tell()
    else this.#telling = setTimeout(() => this.#tell(), leftMs)
  }

  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    this.#toldAtMs = performance.now()
    this.#recent.join()
    const told = [...this.#waiting]
    this.#waiting.clear()
    for (const follower of told) follower.onChange()
  }
}

/** Small pieces together: each costs as much to write and to keep as a large one. */
const GATHERED_BYTES_MAX = 64 * 1024

function gathered(pending: Buffer[]): Buffer[] {
  const [first] = pending
  if (pending.length === 1 && first) return isFrugal(first) ? pending : [Buffer.from(first)]
  const bytes = pending.reduce((sum, piece) => sum + piece.length, 0)
  return bytes <= GATHERED_BYTES_MAX ? [Buffer.concat(pending, bytes)] : pending
}

/** Whether it does not keep much more memory than it needs. */
function isFrugal(bytes: Buffer): boolean {
  return bytes.buffer.byteLength <= 4 * bytes.length
}
