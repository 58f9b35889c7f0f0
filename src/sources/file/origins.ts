import type { FollowedFile } from './followed-file.ts'
import { familyOf, type FileRecord, identityOf, isArchive, isBlank } from './record.ts'
import type { Handles } from './handles.ts'
import type { FileLimits } from './limits.ts'
import {
  idOf,
  isExactly,
  isOpenCopy,
  isOpenStill,
  isStill,
  isWithin,
  matches,
  mayBeCopy,
  type Sibling,
} from './relatives.ts'
import { type Roster, signatureOf } from './roster.ts'
import type { SourceIo } from './source-io.ts'

/**
 * Where the contents of a file come from that is not known by its number. `new`: from nobody. `copy`: all of it is in a
 * file that is read itself. `known`: all of it was read. `continued`: it begins with everything that was read of a file
 * whose contents are nowhere else any more. `later`: that cannot be told yet.
 */
export type Origin =
  | { is: 'new' | 'later' }
  | { is: 'copy'; original: FollowedFile; bytes: number; isSure: boolean }
  | { is: 'known' | 'continued'; record: FileRecord }

export interface OriginsOptions {
  io: SourceIo
  roster: Roster
  handles: Handles
  limits: Pick<FileLimits, 'archiveQuietMs'>
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  wake: (file: FollowedFile) => void
  /** The path of a file leads elsewhere by now. */
  onLost: (file: FollowedFile) => void
}

/**
 * Tells copies from new files. Nothing but contents and names decides, so that it does not matter who is met first, nor
 * what was seen happening: every byte that an application wrote is read from one file, whichever files hold it.
 */
export class Origins {
  readonly #options: OriginsOptions
  /** Archives that may not be whole yet, by path: since when they have not changed. */
  readonly #quiet = new Map<string, { signature: string; sinceMs: number }>()

  constructor(options: OriginsOptions) {
    this.#options = options
  }

  /** Rejects when the file, or one that it is compared with, cannot be read. */
  async of(sibling: Sibling, siblings: readonly Sibling[]): Promise<Origin> {
    const { path, stats } = sibling
    // Under the log's own name nobody puts a copy of it.
    if (path === familyOf(path)) return { is: 'new' }
    if (isArchive(path) && !this.#isQuiet(sibling)) return { is: 'later' }
    if (stats.size === 0n) return { is: 'new' }
    for (const file of this.#options.roster.family(familyOf(path))) {
      const origin = file.isArchive || !mayBeCopy(path, file) ? undefined : await this.#ofFollowed(sibling, file)
      if (origin) return origin
    }
    return this.#ofResting(sibling, siblings)
  }

  /**
   * Whether the contents of a file that agree with all that was read of one are rather those of another: logs may begin
   * alike, and then the one of which more is found is the one.
   */
  async better(
    sibling: Sibling,
    known: FollowedFile | FileRecord,
    siblings: readonly Sibling[],
  ): Promise<Origin | undefined> {
    const offset = 'position' in known ? known.position : known.offset
    const { path } = sibling
    for (const file of this.#options.roster.family(familyOf(path))) {
      if (file === known || file.isArchive || !mayBeCopy(path, file) || !mayBeginAlike(file, known)) continue
      const origin = await this.#ofFollowed(sibling, file)
      if (origin?.is === 'copy' || (origin && file.position > offset)) return origin
    }
    const origin = await this.#ofResting(sibling, siblings, known)
    return 'record' in origin && origin.record.offset > offset ? origin : undefined
  }

  /** Whether something was read of what is in a log that is open and has no name any more, as its copy may have been. */
  async isKnown({ path, stats }: Sibling, fd: number): Promise<boolean> {
    const { io, roster } = this.#options
    const family = familyOf(path)
    const records = [
      ...roster.resting.ofFamily(family),
      ...roster.family(family).map((file) => file.record(file.position)),
    ]
    for (const record of records) {
      if (!isBlank(record) && (await isOpenCopy(io, fd, Number(stats.size), record))) return true
    }
    return false
  }

  /** What is known of a file by its number, as far as its contents agree. */
  async knownAs(sibling: Sibling): Promise<FileRecord | undefined> {
    const { io, roster } = this.#options
    for (const record of roster.resting.byId(idOf(sibling.stats))) {
      if (!isBlank(record) && (await isStill(io, sibling, record))) return record
    }
    return undefined
  }

  async #ofFollowed(sibling: Sibling, file: FollowedFile): Promise<Origin | undefined> {
    const { io, wake, onLost } = this.#options
    const { path } = sibling
    const opened = await this.#open(file)
    if (!opened) {
      onLost(file)
      return { is: 'later' }
    }
    try {
      // Only what is compressed is a copy of a file that was rotated.
      if (isArchive(path) || file.path === file.family || path.startsWith(file.path)) {
        const bytes = await isWithin(io, sibling, opened.fd)
        if (bytes !== undefined) {
          const { position } = file
          // What it still is it was when they were compared.
          const isIntact = await isOpenStill(io, opened.fd, file.record(position))
          if (isIntact) return { is: 'copy', original: file, bytes, isSure: position > 0 }
          wake(file)
          return { is: 'later' }
        }
      }
      for (;;) {
        const { position } = file
        if (position === 0 || !(await matches(io, sibling, file.record(position)))) return undefined
        if (await isOpenStill(io, opened.fd, file.record(position))) return undefined
        wake(file)
        if (file.position === position) return { is: 'later' }
      }
    } finally {
      if (opened.isOwn) await io.close(opened.fd)
    }
  }

  async #ofResting(sibling: Sibling, siblings: readonly Sibling[], known?: FollowedFile | FileRecord): Promise<Origin> {
    const { io, roster } = this.#options
    for (const record of roster.resting.ofFamily(familyOf(sibling.path))) {
      if (isBlank(record) || record === known || !mayBeCopy(sibling.path, record)) continue
      if (known && !mayBeginAlike(record, known)) continue
      if (isArchive(sibling.path) && (await isExactly(io, sibling, record))) return { is: 'known', record }
      const present = await this.#present(record, siblings)
      if (present && isArchive(sibling.path) && (await this.#isWithinPath(sibling, present))) {
        return { is: 'known', record }
      }
      if (!present && (await matches(io, sibling, record))) return { is: 'continued', record }
    }
    return { is: 'new' }
  }

  /** The file of a record, where it is still there and what it was. */
  async #present(record: FileRecord, siblings: readonly Sibling[]): Promise<Sibling | undefined> {
    const found = siblings.find(({ stats }) => idOf(stats) === identityOf(record))
    return found && (await isStill(this.#options.io, found, record)) ? found : undefined
  }

  async #isWithinPath(sibling: Sibling, original: Sibling): Promise<boolean> {
    const { io } = this.#options
    if (isArchive(original.path)) return false
    const fd = await io.open(original.path)
    try {
      return (await isWithin(io, sibling, fd)) !== undefined
    } finally {
      await io.close(fd)
    }
  }

  /** One that has no name any more is open as long as it is followed; another one may be closed at any time. */
  async #open(file: FollowedFile): Promise<{ fd: number; isOwn: boolean } | undefined> {
    const { io, handles } = this.#options
    if (file.isRemoved) {
      const fd = handles.peek(file)
      return fd === undefined ? undefined : { fd, isOwn: false }
    }
    const fd = await io.open(file.path).catch(() => undefined)
    if (fd === undefined) return undefined
    if (idOf(await io.statOpen(fd)) === file.id) return { fd, isOwn: true }
    await io.close(fd)
    return undefined
  }

  forget(path: string): void {
    this.#quiet.delete(path)
  }

  #isQuiet({ path, stats }: Sibling): boolean {
    const { now, limits } = this.#options
    const signature = signatureOf(stats)
    const known = this.#quiet.get(path)
    if (known?.signature !== signature) {
      this.#quiet.set(path, { signature, sinceMs: now() })
      return limits.archiveQuietMs === 0
    }
    return now() - known.sinceMs >= limits.archiveQuietMs
  }
}

/** As far as both are known, without looking. */
function mayBeginAlike({ head: one }: Pick<FileRecord, 'head'>, { head: other }: Pick<FileRecord, 'head'>): boolean {
  return one.bytes !== other.bytes || one.hash === other.hash
}
