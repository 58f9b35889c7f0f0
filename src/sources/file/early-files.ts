import { close, closeSync, constants, fstatSync, lstatSync, openSync, type BigIntStats } from 'node:fs'
import type { Counters } from '../../core/counters.ts'
import type { Handles } from './handles.ts'
import { type FilePattern, patternOf } from './pattern.ts'
import { isArchive } from './record.ts'
import type { Readers } from './readers.ts'
import { idOf, statIfThere } from './relatives.ts'
import type { Roster } from './roster.ts'
import type { SourceIo } from './source-io.ts'
import type { Tracker } from './tracker.ts'

interface EarlyFile {
  fd: number
  stats: BigIntStats
}

export interface EarlyFilesOptions {
  io: SourceIo
  roster: Roster
  handles: Handles
  patterns: readonly FilePattern[]
  counters: Counters
  tracker: Pick<Tracker, 'find' | 'admitRemoved'>
  readers: Pick<Readers, 'wake'>
}

/** Opened before it was their turn to be looked at. */
const EARLY_FILES_MAX = 64
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/**
 * Files that came a moment ago, opened at once: when they are looked at, they may be gone already. What was written to
 * them can be read as long as they are open.
 */
export class EarlyFiles {
  readonly #options: EarlyFilesOptions
  readonly #open = new Map<string, EarlyFile[]>()
  #count = 0

  constructor(options: EarlyFilesOptions) {
    this.#options = options
  }

  /** Something came to this path, or went from it. Does not wait: that is the point. */
  meet(path: string): void {
    const { roster, patterns } = this.#options
    if (this.#count >= EARLY_FILES_MAX || isArchive(path) || !patternOf(path, patterns)) return
    let fd: number | undefined
    try {
      // Links may lead to where this would wait.
      if (!lstatSync(path).isFile()) return
      fd = openSync(path, FLAGS)
      const stats = fstatSync(fd, { bigint: true })
      const id = idOf(stats)
      const isKnown = roster.byId(id) !== undefined || roster.resting.byId(id).length > 0
      const met = this.#open.get(path) ?? []
      if (!stats.isFile() || isKnown || met.some((early) => idOf(early.stats) === id)) return closeSync(fd)
      met.push({ fd, stats })
      this.#open.set(path, met)
      this.#count++
    } catch {
      // It went, or cannot be read: whoever looks at it finds out.
      if (fd !== undefined) closeSync(fd)
    }
  }

  /** The path was looked at: what came to it and is not followed by now is gone from it. */
  async settle(path: string): Promise<void> {
    const met = this.#open.get(path)
    if (!met) return
    this.#open.delete(path)
    this.#count -= met.length
    for (const early of met) await this.#settle(path, early)
  }

  close(): void {
    for (const { fd } of [...this.#open.values()].flat()) closeSync(fd)
    this.#open.clear()
  }

  async #settle(path: string, { fd, stats }: EarlyFile): Promise<void> {
    const { io, roster, handles, counters, tracker, readers } = this.#options
    const id = idOf(stats)
    let file = roster.byId(id)
    if (!file) {
      const now = await statIfThere(io, path).catch(() => undefined)
      // It is there, and not followed for a reason.
      if (now && idOf(now) === id) return letGo(fd)
      const isRenamed = await tracker.find(path, id)
      file = roster.byId(id)
      const last = fstatSync(fd, { bigint: true })
      if (!file && !isRenamed && last.size > 0n) {
        // Files without a name are held open for a while: not more of them than may be open.
        if (handles.isFull) counters.add('file_gone_unread_total')
        else file = await tracker.admitRemoved({ path, stats: last }, fd)
      }
    }
    if (!file || !handles.adopt(file, fd)) return letGo(fd)
    readers.wake(file)
  }
}

function letGo(fd: number): void {
  close(fd, () => undefined)
}
