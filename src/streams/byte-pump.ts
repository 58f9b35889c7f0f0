import type { FileEnd, Follower, GrowingFile } from './growing-file.ts'
import type { ReadBudget } from './read-budget.ts'

/**
 * Why no more bytes come. `complete`: all that was asked for has come. `failed`: the disk did not give them. `slow`: more
 * than `lagBytesMax` came meanwhile.
 */
export type PumpEnd = 'complete' | 'failed' | 'slow' | Exclude<FileEnd, 'finished'>

export interface PumpOptions {
  file: GrowingFile
  budget: ReadBudget
  /** The first byte, and the one behind the last; Infinity follows the file to its end. */
  from: number
  to: number
  /**
   * One that follows a file and takes no more at the moment is ended when it is behind by more than this, counted from
   * what was there when it began. Unless given, nobody is ended for that.
   */
  lagBytesMax?: number
  /** Takes bytes, which must not be changed. False: no more until `resume` is called. */
  write: (bytes: Buffer) => boolean
  /** Called once, unless the pump is stopped. */
  onEnd: (end: PumpEnd) => void
  /** Called once, however it comes to its end. */
  onStopped?: () => void
}

/**
 * One reader: carries the bytes of a file to whoever takes them, as fast as they are taken. Holds a position and nothing
 * else; what is not in memory any more comes from the disk. The caller holds the file until the end.
 */
export class BytePump implements Follower {
  readonly #options: PumpOptions
  readonly #begunAt: number
  #position: number
  #isBusy = false
  #isOver = false
  #isBehind = false
  #isBlocked = false
  #unfollow: (() => void) | undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.#position = options.from
    this.#begunAt = options.file.sizeBytes
    if (options.to === Infinity && options.file.end === undefined) this.#unfollow = options.file.follow()
  }

  /** Where the next byte comes from. */
  get position(): number {
    return this.#position
  }

  /** Starts it, or goes on after `write` has returned false. */
  resume(): void {
    if (this.#isBusy || this.#isOver) return
    this.#isBusy = true
    this.#isBlocked = false
    const { file, to } = this.#options
    while (!this.#isOver) {
      if (file.end === 'removed') return this.#finish('removed')
      if (this.#position >= to) return this.#finish('complete')
      if (this.#position >= file.sizeBytes) {
        if (file.end !== undefined) return this.#finish(file.end === 'finished' ? 'complete' : file.end)
        this.#setBehind(false)
        this.#isBusy = false
        return file.wait(this)
      }
      const bytes = file.recent(this.#position)
      if (!bytes) return void this.#readOn()
      if (!this.#give(bytes)) break
    }
    this.#block()
  }

  onChange(): void {
    if (this.#isBlocked) this.#block()
    else this.resume()
  }

  /** Nothing more is wanted. */
  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#setBehind(false)
    this.#unfollow?.()
    this.#options.file.forget(this)
    this.#options.onStopped?.()
  }

  #give(bytes: Buffer): boolean {
    const left = this.#options.to - this.#position
    const given = bytes.length > left ? bytes.subarray(0, left) : bytes
    this.#position += given.length
    return this.#options.write(given)
  }

  async #readOn(): Promise<void> {
    const { file, budget, to } = this.#options
    this.#setBehind(true)
    let bytes: Buffer
    try {
      const length = Math.min(budget.chunkBytes, file.sizeBytes - this.#position, to - this.#position)
      bytes = await file.read(this.#position, length)
    } catch {
      return this.#finish('failed')
    }
    if (this.#isOver) return
    // Somebody else has cut the file short.
    if (bytes.length === 0) return this.#finish('failed')
    const isWanted = this.#give(bytes)
    if (!isWanted) return this.#block()
    this.#isBusy = false
    this.resume()
  }

  /** Nothing is taken until `resume`; where a lag has an end, growth is looked at meanwhile. */
  #block(): void {
    this.#isBusy = false
    this.#isBlocked = true
    const { file, to, lagBytesMax = Infinity } = this.#options
    if (this.#isOver || lagBytesMax === Infinity || to !== Infinity || file.end !== undefined) return
    if (file.sizeBytes - Math.max(this.#position, this.#begunAt) > lagBytesMax) this.#finish('slow')
    else file.wait(this)
  }

  #setBehind(isBehind: boolean): void {
    if (isBehind === this.#isBehind) return
    this.#isBehind = isBehind
    if (isBehind) this.#options.budget.enter()
    else this.#options.budget.leave()
  }

  #finish(end: PumpEnd): void {
    if (this.#isOver) return
    this.stop()
    this.#options.onEnd(end)
  }
}
