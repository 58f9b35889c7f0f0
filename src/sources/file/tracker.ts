import type { BigIntStats } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from '../../core/logger.ts'
import { type FileState, type FollowedFile, newRecord } from './followed-file.ts'
import { HungError } from './lanes.ts'
import type { FileLimits } from './limits.ts'
import { type FilePattern, patternOf } from './pattern.ts'
import { familyOf, type FileRecord, isArchive } from './record.ts'
import { beginsWith, headOf, isCopy, type Sibling, siblingsOf, statIfThere } from './relatives.ts'
import type { Roster } from './roster.ts'
import { errorCode, type SourceIo } from './source-io.ts'

export interface TrackerOptions {
  io: SourceIo
  roster: Roster
  patterns: readonly FilePattern[]
  limits: FileLimits
  logger: Logger
  /** Begins to follow a file. */
  follow: (record: FileRecord, pattern: FilePattern, writtenMs: number) => FollowedFile
  /** There may be something to read. */
  wake: (file: FollowedFile) => void
  /** Nothing more can come of the file. */
  end: (file: FollowedFile) => Promise<void>
  /** The folder of a link's target has to be watched as well. */
  watchExtra: (folder: string) => Promise<void>
  /** Milliseconds since 1970. */
  wallClock: () => number
  /** The path is to be looked at again, later. */
  lookLater: (path: string) => void
}

/** How coarse the times of files are, and how far the clock of a file system may be from ours. */
const CLOCK_MS = 50

/** Knows which file is behind a path, whatever was renamed, copied, emptied or made anew there. One call at a time. */
export class Tracker {
  readonly #options: TrackerOptions
  /** Found, and not yet known whether they are links. */
  readonly #unresolved: string[] = []
  #isResolving = false

  constructor(options: TrackerOptions) {
    this.#options = options
  }

  /** Looks what is at the path now. Never rejects: what cannot be looked at is noted. */
  async look(path: string): Promise<void> {
    const { roster } = this.#options
    try {
      await this.#look(path)
      roster.problems.delete(path)
    } catch (error) {
      this.#noteProblem(path, error)
    }
  }

  /** Whether what is at the path is the file that is followed there, as it was when it was last looked at. */
  async isUnchanged(path: string): Promise<boolean> {
    const { io, roster, wallClock } = this.#options
    const current = roster.at(path)
    if (!current || roster.problems.has(path)) return false
    const stats = await io.stat(path).catch(() => undefined)
    if (stats?.mtimeNs !== current.mtimeNs || Number(stats.size) !== current.size) return false
    if (`${stats.dev}:${stats.ino}` !== current.id) return false
    current.seenMs = wallClock()
    return true
  }

  /**
   * What an earlier process left: files that are still where they were go on first, so that copies are known by them;
   * then those that were renamed meanwhile, and those that came and were rotated away unseen.
   */
  async restore(paths: ReadonlySet<string>): Promise<void> {
    const { io, roster } = this.#options
    const left = roster.lastSeen()
    const unknown: string[] = []
    for (const path of paths) {
      const stats = await statIfThere(io, path).catch(() => undefined)
      if (stats && roster.remembered(`${stats.dev}:${stats.ino}`)) await this.look(path)
      else unknown.push(path)
    }
    for (const record of roster.unclaimed()) await this.#findAgain(record)
    for (const path of unknown) await this.look(path)
    for (const record of roster.unclaimed()) roster.giveUp(record)
    for (const [path, { id, seenMs, isBlank }] of left) {
      // One that was empty may have been written, copied and emptied since: nothing in it would tell.
      if (isBlank || roster.at(path)?.id !== id) await this.#followUnseen(path, seenMs)
    }
  }

  /** The file was emptied or written anew in place: what it was before has ended, and it begins again. */
  async rewritten(file: FollowedFile): Promise<void> {
    const { io, roster, end, wake } = this.#options
    const { path, seenMs } = file
    this.#options.logger.debug({ path, id: file.id, offset: file.position }, 'A file was emptied or written anew')
    const { state } = file
    const copy = roster.shadowOf(file) ? undefined : await this.#findCopy(path, file.record(file.position), file.id)
    await end(file)
    if (copy) wake(copy)
    const stats = await statIfThere(io, path)
    if (stats?.isFile() === true && `${stats.dev}:${stats.ino}` === file.id) await this.#admit({ path, stats }, state)
    await this.#followUnseen(path, seenMs)
  }

  async #look(path: string): Promise<void> {
    const { io, roster, wake, wallClock } = this.#options
    const stats = await statIfThere(io, path)
    const current = roster.at(path)
    if (stats?.isFile() !== true) {
      if (current) await this.#detach(current, path)
      if (stats && !stats.isDirectory()) throw new Error('no regular file')
      return
    }
    const id = `${stats.dev}:${stats.ino}`
    if (current?.id === id) {
      current.seenMs = wallClock()
      const hasChanged = stats.mtimeNs !== current.mtimeNs || Number(stats.size) !== current.size
      current.mtimeNs = stats.mtimeNs
      current.size = Number(stats.size)
      if (hasChanged) current.interpreter.setReference(Number(stats.mtimeMs) / 1000)
      // It may be long before it is read, and emptied before that: its copy is known by its beginning.
      if (hasChanged && !current.isArchive) await this.#learnHead(current)
      if (hasChanged) wake(current)
      return
    }
    if (current) {
      const { seenMs } = current
      await this.#detach(current, path)
      await this.#admit({ path, stats })
      await this.#followUnseen(path, seenMs)
    } else await this.#admit({ path, stats })
  }

  /** A file that came and went before it was looked at: under another name by now. */
  admit(sibling: Sibling): Promise<void> {
    return this.#admit(sibling)
  }

  /** The same without a name: what was written to it can be read as long as it is open. */
  admitRemoved(path: string, stats: BigIntStats): FollowedFile | undefined {
    const { roster, patterns, limits, wallClock } = this.#options
    const pattern = patternOf(path, patterns)
    if (!pattern || roster.size >= limits.filesMax) return undefined
    const file = this.#begin(newRecord(roster.nextKey(), path, stats, wallClock()), pattern, { path, stats })
    roster.displace(file, path)
    file.state = 'rotated'
    file.isRemoved = true
    file.grownMs = performance.now()
    return file
  }

  /** A file that is new at this path. */
  async #admit(sibling: Sibling, state: FileState = 'live'): Promise<void> {
    const { roster, wake, io, logger, limits } = this.#options
    const { path, stats } = sibling
    const id = `${stats.dev}:${stats.ino}`
    const known = roster.byId(id)
    if (known) return this.#meetAgain(known, sibling)
    const pattern = this.#patternOf(path)
    if (!pattern) return
    if (roster.size >= limits.filesMax) {
      if (roster.refuse(path)) logger.warn({ filesMax: limits.filesMax }, 'There are more files than are followed')
      return
    }
    const record = await this.#recall(sibling)
    if (record) {
      wake(this.#begin(record, pattern, sibling))
      return
    }
    const verdict = await this.#originalOf(sibling)
    if (verdict === 'later') return this.#options.lookLater(path)
    const fresh = newRecord(roster.nextKey(), path, stats, this.#options.wallClock())
    if (verdict?.file) roster.shadow(verdict.file, this.#begin(fresh, pattern, sibling))
    else if (verdict?.record) wake(this.#begin(copied(verdict.record, fresh), pattern, sibling))
    else {
      if (pattern.startAt === 'end' && roster.isStarting && !isArchive(path)) {
        fresh.offset = Number(stats.size)
        fresh.head = await headOf(io, path)
      }
      const file = this.#begin(fresh, pattern, sibling)
      if (state === 'rotated') file.state = state
      wake(file)
    }
  }

  /** A rotated file is read as the one that it was is. */
  #patternOf(path: string): FilePattern | undefined {
    const { patterns } = this.#options
    return patternOf(path, patterns) ?? patternOf(familyOf(path), patterns)
  }

  #begin(record: FileRecord, pattern: FilePattern, { path, stats }: Sibling): FollowedFile {
    const { roster, follow, patterns, logger } = this.#options
    // Looking at its relatives may have led here meanwhile.
    const known = roster.byId(`${stats.dev}:${stats.ino}`)
    if (known) return known
    const file = follow({ ...record, path }, pattern, Number(stats.mtimeMs))
    logger.debug({ path, id: file.id, offset: record.offset }, 'A file is followed')
    file.size = Number(stats.size)
    file.mtimeNs = stats.mtimeNs
    if (patternOf(path, patterns)) roster.place(file, path)
    else file.state = 'rotated'
    this.#unresolved.push(path)
    void this.#resolveLinks()
    return file
  }

  /** A file that is followed already has this name, too, or instead. */
  async #meetAgain(file: FollowedFile, { path, stats }: Sibling): Promise<void> {
    const { io, roster, wake, patterns } = this.#options
    const before = file.path === path ? undefined : await statIfThere(io, file.path)
    const isStillThere = before !== undefined && `${before.dev}:${before.ino}` === file.id
    const isWanted = patternOf(path, patterns) !== undefined
    if (!isStillThere) {
      roster.move(file, path)
      file.state = isWanted ? 'live' : 'rotated'
      file.isRemoved = false
      file.grownMs = performance.now()
    }
    if (isWanted) roster.place(file, path)
    if (file.state === 'rotated' || Number(stats.size) !== file.position) wake(file)
  }

  /** Where the file was left by an earlier process, if it is the same. */
  async #recall(sibling: Sibling): Promise<FileRecord | undefined> {
    const { io, roster } = this.#options
    const { path, stats } = sibling
    const id = `${stats.dev}:${stats.ino}`
    const left = roster.remembered(id)
    const ended = roster.ancestors(familyOf(path)).findLast((old) => `${old.device}:${old.inode}` === id)
    const record = left ?? ended
    if (!record) return undefined
    // Nothing was seen of its contents, so that they cannot tell it from another file with the same number.
    if (record.head.bytes === 0) {
      roster.claim(record)
      return undefined
    }
    const isLongEnough = isArchive(path) || Number(stats.size) >= record.offset
    if (isLongEnough && (await beginsWith(io, path, record.head))) {
      roster.claim(record)
      return record
    }
    if (!left) return undefined
    // Emptied meanwhile, or its number was given to another file.
    roster.giveUp(left)
    const copy = await this.#findCopy(left.path, left, id)
    if (copy) this.#options.wake(copy)
    await this.#followUnseen(left.path, left.seenMs)
    return undefined
  }

  /** The path does not lead to the file any more: it has another name, or none. */
  async #detach(file: FollowedFile, path: string): Promise<void> {
    const { io, roster, wake, logger } = this.#options
    roster.displace(file, path)
    if (file.path !== path) return
    logger.debug({ path, id: file.id, offset: file.position }, 'A file is not at its path any more')
    file.grownMs = performance.now()
    const renamed = (await siblingsOf(io, path)).find(({ stats }) => `${stats.dev}:${stats.ino}` === file.id)
    if (!renamed) {
      // Whether it is gone or on its way to another name: while it is open, what was written to it can be read.
      file.state = 'rotated'
      file.isRemoved = true
      return wake(file)
    }
    await this.#meetAgain(file, renamed)
  }

  /** A file that was known by an earlier process and is not where it was: looks for it under another name. */
  async #findAgain(record: FileRecord): Promise<void> {
    const { io } = this.#options
    const id = `${record.device}:${record.inode}`
    const found = (await siblingsOf(io, record.path)).find(({ stats }) => `${stats.dev}:${stats.ino}` === id)
    if (found) await this.#admit(found)
  }

  /** Files that were rotated away before anybody saw them: written since we last looked at the path, and not known. */
  async #followUnseen(path: string, sinceMs: number): Promise<void> {
    const { io, roster, patterns } = this.#options
    const siblings = await siblingsOf(io, path)
    roster.prune(familyOf(path), new Set(siblings.map(({ stats }) => `${stats.dev}:${stats.ino}`)))
    for (const sibling of siblings) {
      const { dev, ino, mtimeMs } = sibling.stats
      // Paths that are wanted are looked at for themselves.
      if (sibling.path === familyOf(path) && patternOf(sibling.path, patterns)) continue
      if (Number(mtimeMs) < sinceMs - CLOCK_MS || roster.byId(`${dev}:${ino}`)) continue
      await this.#admit(sibling).catch((error: unknown) => this.#noteProblem(sibling.path, error))
    }
  }

  /** A copy that was made of a file before it was emptied. Followed from where the original was left. */
  async #findCopy(path: string, original: FileRecord, ownId: string): Promise<FollowedFile | undefined> {
    const { io, roster, wallClock } = this.#options
    for (const sibling of await siblingsOf(io, path)) {
      const id = `${sibling.stats.dev}:${sibling.stats.ino}`
      if (id === ownId || roster.byId(id) || roster.remembered(id) || isArchive(sibling.path)) continue
      if (await this.#wasRead(sibling, id)) continue
      if ((await isCopy(io, sibling, original)) !== 'yes') continue
      const pattern = this.#patternOf(sibling.path)
      if (!pattern) continue
      return this.#begin(
        copied(original, newRecord(roster.nextKey(), sibling.path, sibling.stats, wallClock())),
        pattern,
        sibling,
      )
    }
    return undefined
  }

  /** Whether a file was followed before and let go. */
  async #wasRead({ path, stats }: Sibling, id: string): Promise<boolean> {
    const { io, roster } = this.#options
    const ended = roster.ancestors(familyOf(path)).findLast((old) => `${old.device}:${old.inode}` === id)
    if (!ended || ended.head.bytes === 0 || Number(stats.size) < ended.offset) return false
    return beginsWith(io, path, ended.head)
  }

  /** The copy of a file that has ended is read from where that one was left. */
  async takeOver(original: FollowedFile): Promise<void> {
    const { io, roster, wake, wallClock } = this.#options
    const copy = roster.shadowOf(original)
    if (!copy) return
    roster.removeShadow(original)
    const stats = await statIfThere(io, copy.path).catch(() => undefined)
    if (stats?.isFile() !== true || `${stats.dev}:${stats.ino}` !== copy.id) return
    const fresh = newRecord(copy.key, copy.path, stats, wallClock())
    wake(this.#begin(copied(original.record(original.position), fresh), copy.pattern, { path: copy.path, stats }))
  }

  /** What a file that nobody has seen before is a copy of. `later`: that cannot be told yet. */
  async #originalOf(sibling: Sibling): Promise<{ file?: FollowedFile; record?: FileRecord } | 'later' | undefined> {
    const { io, roster } = this.#options
    const family = familyOf(sibling.path)
    // Under the log's own name nobody puts a copy of it.
    if (sibling.path === family) return undefined
    const isRecent = this.#options.wallClock() - Number(sibling.stats.mtimeMs) < this.#options.limits.archiveQuietMs
    if (isArchive(sibling.path) && isRecent) return 'later'
    let isShort = false
    for (const file of roster.family(family)) {
      if (file.isArchive || file.isShadow) continue
      await this.#learnHead(file)
      const verdict = await isCopy(io, sibling, file.record(file.position))
      if (verdict === 'yes') return isArchive(sibling.path) ? 'later' : { file }
      isShort ||= verdict === 'short'
    }
    let furthest: FileRecord | undefined
    for (const record of roster.ancestors(family)) {
      const verdict = await isCopy(io, sibling, record)
      if (verdict === 'yes' && record.offset > (furthest?.offset ?? -1)) furthest = record
      isShort ||= verdict === 'short'
    }
    if (furthest) return { record: furthest }
    // A copy that is being made has not all of it yet; one that is not finished soon is a file like others.
    return isShort && isRecent ? 'later' : undefined
  }

  /** Before it was read for the first time, a copy of a file could not be told from others. */
  async #learnHead(file: FollowedFile): Promise<void> {
    const { io } = this.#options
    if (file.head.bytes > 0) return
    const stats = await statIfThere(io, file.path)
    if (!stats || `${stats.dev}:${stats.ino}` !== file.id) return
    const head = await headOf(io, file.path)
    if (file.head.bytes === 0) file.head = head
  }

  /** Where paths lead that were found: one after the other, as there may be thousands at once. */
  async #resolveLinks(): Promise<void> {
    if (this.#isResolving) return
    this.#isResolving = true
    for (let path = this.#unresolved.pop(); path !== undefined; path = this.#unresolved.pop()) {
      const real = await this.#options.io.realpath(path).catch(() => path)
      if (real === path) continue
      this.#options.roster.alias(real, path)
      await this.#options.watchExtra(dirname(real))
    }
    this.#isResolving = false
  }

  #noteProblem(path: string, error: unknown): void {
    const { roster, logger } = this.#options
    // That is told once for all that is there.
    if (error instanceof HungError) return
    const reason = errorCode(error) || (error as Error).message
    if (roster.problems.get(path) !== reason) logger.warn({ path, reason }, 'A file cannot be read')
    roster.problems.set(path, reason)
  }
}

/** What is known of the original's contents, for the copy. */
function copied(original: FileRecord, copy: FileRecord): FileRecord {
  const { head, offset, anchor, anchorAt, crc, crcBytes, part, encoding } = original
  return { ...copy, head, offset, anchor, anchorAt, crc, crcBytes, part, encoding }
}
