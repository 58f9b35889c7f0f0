import type { MountIo } from './mounts.ts'
import { Mounts } from './mounts.ts'
import type { SourceIo } from './source-io.ts'

/** A call into a remote file system has not returned in time, and nobody is to make another one before it has. */
export class HungError extends Error {
  override readonly name = 'HungError'
  readonly code = 'ETIMEDOUT'

  constructor(mount: string) {
    super(`the file system at ${mount} does not answer`)
  }
}

export interface LanesOptions {
  io: SourceIo
  mounts: MountIo
  /** How long one call may take. */
  callMs: number
  /** Calls into remote file systems at the same time. Each may keep one of the few threads of the process for ever. */
  callsMax: number
  onHung: (mount: string) => void
  /** It answers again. */
  onBack: (mount: string) => void
}

interface Lane {
  mount: string
  isHung: boolean
  /** Those who wait for their turn, first come, first served. */
  waiting: { go: () => void; fail: (error: Error) => void }[]
  isBusy: boolean
  /** Files that could not be closed. */
  toClose: number[]
}

/**
 * The calls of the source, so that a file system on the network that hangs holds up nobody else: one call at a time into
 * each of them, and none while one has not returned. Local file systems are called at once.
 */
export class Lanes {
  readonly io: SourceIo
  readonly mounts: Mounts
  readonly #options: LanesOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #openFiles = new Map<number, Lane>()
  #calls = 0

  constructor(options: LanesOptions) {
    this.#options = options
    this.mounts = new Mounts(options.mounts)
    this.io = this.#wrap(options.io)
  }

  /** Mounts that do not answer. */
  hung(): string[] {
    return [...this.#lanes.values()].filter(({ isHung }) => isHung).map(({ mount }) => mount)
  }

  #wrap(io: SourceIo): SourceIo {
    const through = <T>(path: string, call: () => Promise<T>, discard?: (value: T) => void): Promise<T> => {
      const lane = this.#laneOf(path)
      return lane ? this.#run(lane, call, discard) : call()
    }
    return {
      stat: (path) => through(path, () => io.stat(path)),
      list: (path) => through(path, () => io.list(path)),
      realpath: (path) => through(path, () => io.realpath(path)),
      fileSystem: (path) => through(path, () => io.fileSystem(path)),
      open: async (path) => {
        const lane = this.#laneOf(path)
        if (!lane) return io.open(path)
        const fd = await this.#run(
          lane,
          () => io.open(path),
          (late) => void io.close(late).catch(() => undefined),
        )
        this.#openFiles.set(fd, lane)
        return fd
      },
      statOpen: (fd) => {
        const lane = this.#openFiles.get(fd)
        return lane ? this.#run(lane, () => io.statOpen(fd)) : io.statOpen(fd)
      },
      read: (fd, target, length, position) => {
        const lane = this.#openFiles.get(fd)
        return lane ? this.#read(lane, fd, target, length, position) : io.read(fd, target, length, position)
      },
      close: (fd) => {
        const lane = this.#openFiles.get(fd)
        this.#openFiles.delete(fd)
        if (!lane) return io.close(fd)
        // Nobody has to wait for that.
        this.#close(lane, fd)
        return Promise.resolve()
      },
    }
  }

  /** Into a buffer of its own: what comes too late must not end up in one that is used again. */
  async #read(lane: Lane, fd: number, target: Buffer, length: number, position: number): Promise<number> {
    const own = Buffer.allocUnsafeSlow(length)
    const count = await this.#run(lane, () => this.#options.io.read(fd, own, length, position))
    own.copy(target, 0, 0, count)
    return count
  }

  #laneOf(path: string): Lane | undefined {
    const mount = this.mounts.of(path)
    if (mount === undefined) return undefined
    const known = this.#lanes.get(mount)
    if (known) return known
    const lane: Lane = { mount, isHung: false, waiting: [], isBusy: false, toClose: [] }
    this.#lanes.set(mount, lane)
    return lane
  }

  /** `discard` takes what came too late. */
  async #run<T>(lane: Lane, call: () => Promise<T>, discard?: (value: T) => void): Promise<T> {
    await this.#turn(lane)
    return new Promise<T>((resolve, reject) => {
      let isLate = false
      let isSettled = false
      const giveUp = (): void => {
        if (isSettled) return
        isLate = true
        this.#hang(lane)
        reject(new HungError(lane.mount))
      }
      // After a while in which this process had no time, the answer may be there.
      const timer = setTimeout(() => setImmediate(giveUp), this.#options.callMs)
      const settle = (then: () => void): void => {
        isSettled = true
        clearTimeout(timer)
        this.#free(lane)
        then()
      }
      call().then(
        (value) => settle(() => (isLate ? discard?.(value) : resolve(value))),
        (error: unknown) => settle(() => reject(error)),
      )
    })
  }

  /** Resolves when it is the caller's turn. */
  #turn(lane: Lane): Promise<void> {
    if (lane.isHung || this.#isStuck) return Promise.reject(new HungError(lane.mount))
    if (!lane.isBusy && this.#calls < this.#options.callsMax) {
      this.#take(lane)
      return Promise.resolve()
    }
    return new Promise((go, fail) => lane.waiting.push({ go, fail }))
  }

  /** Whether every call that may be made is one that has not returned. */
  get #isStuck(): boolean {
    return this.hung().length >= this.#options.callsMax
  }

  #take(lane: Lane): void {
    lane.isBusy = true
    this.#calls++
  }

  #free(lane: Lane): void {
    lane.isBusy = false
    this.#calls--
    if (lane.isHung) {
      lane.isHung = false
      this.#options.onBack(lane.mount)
    }
    // Others first: whoever has just had a turn has waited least.
    for (const other of [...this.#lanes.values()].filter((one) => one !== lane).concat(lane)) {
      if (other.isBusy || this.#calls >= this.#options.callsMax) continue
      const next = other.waiting.shift()
      if (!next) continue
      this.#take(other)
      next.go()
    }
    if (this.#isStuck) return
    for (const other of this.#lanes.values()) {
      if (!other.isHung) for (const fd of other.toClose.splice(0)) this.#close(other, fd)
    }
  }

  #hang(lane: Lane): void {
    lane.isHung = true
    this.#options.onHung(lane.mount)
    for (const stuck of this.#isStuck ? this.#lanes.values() : [lane]) {
      for (const { fail } of stuck.waiting.splice(0)) fail(new HungError(stuck.mount))
    }
  }

  /** Now, or once the file system answers again. */
  #close(lane: Lane, fd: number): void {
    let isBegun = false
    const begin = (): Promise<void> => {
      isBegun = true
      return this.#options.io.close(fd)
    }
    this.#run(lane, begin).catch(() => {
      // A file that was only read has nothing to lose; one whose turn did not come has it later.
      if (!isBegun) lane.toClose.push(fd)
    })
  }
}
