import type { FollowedFile } from './followed-file.ts'
import type { SourceIo } from './source-io.ts'

/** The file at the path is another one by now. */
export class ReplacedError extends Error {
  override readonly name = 'ReplacedError'
}

/**
 * Open files within a budget: who was read longest ago is closed first, and opened again when it is needed. One that has
 * no name any more stays open until it is let go: it could not be found again. `isIdle` says who may be closed.
 */
export class Handles {
  readonly #io: SourceIo
  readonly #openMax: number
  /** In the order of their last use. */
  readonly #open = new Map<FollowedFile, number>()
  readonly #onClosed: () => void

  constructor(io: SourceIo, openMax: number, onClosed: () => void) {
    this.#io = io
    this.#openMax = openMax
    this.#onClosed = onClosed
  }

  get size(): number {
    return this.#open.size
  }

  get isFull(): boolean {
    return this.#open.size >= this.#openMax
  }

  has(file: FollowedFile): boolean {
    return this.#open.has(file)
  }

  /** The open handle of a file, if there is one. */
  peek(file: FollowedFile): number | undefined {
    return this.#open.get(file)
  }

  /** An open handle on this very file. Rejects with ReplacedError, or as opening a file does. */
  async take(file: FollowedFile): Promise<number> {
    const known = this.#open.get(file)
    if (known !== undefined) {
      this.#open.delete(file)
      this.#open.set(file, known)
      return known
    }
    await this.#makeRoom()
    const fd = await this.#io.open(file.path)
    try {
      const stats = await this.#io.statOpen(fd)
      if (`${stats.dev}:${stats.ino}` !== file.id) throw new ReplacedError(`${file.path} is another file by now`)
    } catch (error) {
      await this.#io.close(fd)
      throw error
    }
    const adopted = this.#open.get(file)
    if (adopted !== undefined) {
      await this.#io.close(fd)
      return adopted
    }
    this.#open.set(file, fd)
    return fd
  }

  /** Takes over what is open on this very file. False when it is open already. */
  adopt(file: FollowedFile, fd: number): boolean {
    if (this.#open.has(file)) return false
    this.#open.set(file, fd)
    return true
  }

  async release(file: FollowedFile): Promise<void> {
    const fd = this.#open.get(file)
    if (fd === undefined) return
    this.#open.delete(file)
    file.isSure = false
    await this.#io.close(fd)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((file) => this.release(file)))
  }

  async #makeRoom(): Promise<void> {
    // Those under another name than the log's first: they hardly grow.
    for (const isRotated of [true, false]) {
      for (const file of this.#open.keys()) {
        if (this.#open.size < this.#openMax) return
        if (file.isBusy || file.isRemoved || (file.path !== file.family) !== isRotated) continue
        await this.release(file)
        this.#onClosed()
      }
    }
  }
}
