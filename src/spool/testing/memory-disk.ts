import type { Disk } from '../disk.ts'

interface State {
  files: Map<string, { bytes: Buffer }>
  folders: Set<string>
}

/**
 * A disk in memory that can fail or stop at any step, and lose what was not synced. Names become durable in the order
 * in which they changed, as with a journalling file system: a sync makes all earlier changes durable, a power loss
 * keeps some first part of the later ones.
 */
export class MemoryDisk implements Disk {
  #seen: State
  #durable: State
  #journal: ((state: State) => void)[] = []
  #stepsLeft: number
  readonly #failingSteps: ReadonlySet<number>
  #step = 0
  #onStop: () => void = () => {}
  /** Resolves when the disk has stopped. From then on no call returns any more. */
  readonly stopped = new Promise<void>((resolve) => (this.#onStop = resolve))
  freeBytesNow = Number.MAX_SAFE_INTEGER

  constructor(stepsMax = Number.POSITIVE_INFINITY, failingSteps: Iterable<number> = [], state = emptyState()) {
    this.#stepsLeft = stepsMax
    this.#failingSteps = new Set(failingSteps)
    this.#seen = state
    this.#durable = copyOf(state)
  }

  /** The disk as the next process finds it. After a power loss only `kept` of the unsynced changes are left. */
  restart(kept: number | undefined, stepsMax?: number, failingSteps?: Iterable<number>): MemoryDisk {
    this.#stop()
    if (kept === undefined) return new MemoryDisk(stepsMax, failingSteps, copyOf(this.#seen))
    for (const change of this.#journal.slice(0, kept)) change(this.#durable)
    return new MemoryDisk(stepsMax, failingSteps, copyOf(this.#durable))
  }

  /** Every file below a folder, with its contents. */
  filesIn(folder: string): Map<string, Buffer> {
    return new Map(
      [...this.#seen.files].filter(([path]) => path.startsWith(`${folder}/`)).map(([path, { bytes }]) => [path, bytes]),
    )
  }

  async makeFolder(path: string): Promise<void> {
    await this.#next()
    this.#change((state) => {
      for (let end = path.indexOf('/', 1); end >= 0; end = path.indexOf('/', end + 1))
        state.folders.add(path.slice(0, end))
      state.folders.add(path)
    })
  }

  async list(path: string): Promise<{ name: string; isFolder: boolean }[]> {
    await this.#next()
    this.#needFolder(path)
    const inside = (other: string): boolean => other.startsWith(`${path}/`) && !other.includes('/', path.length + 1)
    const name = (other: string): string => other.slice(path.length + 1)
    return [
      ...[...this.#seen.folders].filter(inside).map((other) => ({ name: name(other), isFolder: true })),
      ...[...this.#seen.files.keys()].filter(inside).map((other) => ({ name: name(other), isFolder: false })),
    ]
  }

  async bytes(path: string): Promise<number> {
    await this.#next()
    return this.#file(path).bytes.length
  }

  async write(path: string, contents: readonly Uint8Array[]): Promise<void> {
    await this.#next()
    if (this.#seen.files.has(path)) throw failure('EEXIST')
    this.#needFolder(path.slice(0, path.lastIndexOf('/')))
    const whole = Buffer.concat(contents)
    const file = { bytes: whole.subarray(0, whole.length >> 1) }
    this.#change((state) => state.files.set(path, file))
    await this.#next()
    file.bytes = whole
  }

  async read(path: string, each: (piece: Uint8Array) => void): Promise<void> {
    await this.#next()
    const { bytes } = this.#file(path)
    each(bytes.subarray(0, bytes.length >> 1))
    each(bytes.subarray(bytes.length >> 1))
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#next()
    this.#needFolder(to.slice(0, to.lastIndexOf('/')))
    if (this.#seen.folders.has(from)) {
      if ((this.#seen.folders.has(to) && this.#isFull(to)) || this.#seen.files.has(to)) throw failure('ENOTEMPTY')
      this.#change((state) => renameFolder(state, from, to))
      return
    }
    this.#file(from)
    this.#change((state) => {
      const file = state.files.get(from)
      state.files.delete(from)
      if (file) state.files.set(to, file)
    })
  }

  async removeFile(path: string): Promise<void> {
    await this.#next()
    this.#file(path)
    this.#change((state) => state.files.delete(path))
  }

  async removeFolder(path: string): Promise<void> {
    await this.#next()
    this.#needFolder(path)
    if (this.#isFull(path)) throw failure('ENOTEMPTY')
    this.#change((state) => state.folders.delete(path))
  }

  async syncFolder(path: string): Promise<void> {
    await this.#next()
    this.#needFolder(path)
    for (const change of this.#journal) change(this.#durable)
    this.#journal = []
  }

  async freeBytes(): Promise<number> {
    await this.#next()
    return this.freeBytesNow
  }

  #change(change: (state: State) => void): void {
    change(this.#seen)
    this.#journal.push(change)
  }

  #file(path: string): { bytes: Buffer } {
    const file = this.#seen.files.get(path)
    if (!file) throw failure('ENOENT')
    return file
  }

  #needFolder(path: string): void {
    if (!this.#seen.folders.has(path)) throw failure('ENOENT')
  }

  #isFull(path: string): boolean {
    return [...this.#seen.files.keys(), ...this.#seen.folders].some((other) => other.startsWith(`${path}/`))
  }

  #stop(): void {
    this.#stepsLeft = 0
    this.#onStop()
  }

  async #next(): Promise<void> {
    if (this.#stepsLeft <= 0) {
      this.#stop()
      await new Promise<never>(() => {})
    }
    this.#stepsLeft--
    await Promise.resolve()
    if (this.#failingSteps.has(this.#step++)) throw failure('EIO')
  }
}

function renameFolder(state: State, from: string, to: string): void {
  state.folders.delete(from)
  state.folders.add(to)
  for (const [path, file] of state.files) {
    if (!path.startsWith(`${from}/`)) continue
    state.files.delete(path)
    state.files.set(to + path.slice(from.length), file)
  }
}

function emptyState(): State {
  return { files: new Map(), folders: new Set(['/']) }
}

function copyOf(state: State): State {
  return { files: new Map(state.files), folders: new Set(state.folders) }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}
