import { dirname } from 'node:path'
import type { Logger } from '../../core/logger.ts'
import { type FollowedFile, newRecord } from './followed-file.ts'
import type { FileLimits } from './limits.ts'
import type { Origin, Origins } from './origins.ts'
import { type FilePattern, patternOf } from './pattern.ts'
import { familyOf, type FileRecord, identityOf, isArchive } from './record.ts'
import { headOf, idOf, isExactly, knownUpTo, type Sibling, statIfThere } from './relatives.ts'
import { type Copy, type Roster, signatureOf } from './roster.ts'
import type { Siblings } from './siblings.ts'
import type { SourceIo } from './source-io.ts'

export interface AdmissionOptions {
  io: SourceIo
  roster: Roster
  origins: Origins
  siblings: Siblings
  patterns: readonly FilePattern[]
  limits: FileLimits
  logger: Logger
  /** Files that are found now were there before anybody looked for them. */
  isFirstLook: (pattern: FilePattern) => boolean
  /** Milliseconds since 1970: when the pattern was first followed. */
  sinceOf: (pattern: FilePattern) => number
  /** Begins to follow a file, or goes on with one that was let go and is not delivered yet. */
  follow: (record: FileRecord, pattern: FilePattern, sibling: Sibling) => FollowedFile
  /** There may be something to read. */
  wake: (file: FollowedFile) => void
  /** The folder of a link's target has to be watched as well. */
  watchExtra: (folder: string) => Promise<void>
  /** The path is to be looked at again, later. */
  lookLater: (path: string) => void
  /** Looks what is at a path. The first one never rejects. */
  look: (path: string) => Promise<void>
  lookOrFail: (path: string) => Promise<void>
  lookAtFamily: (family: string) => Promise<void>
}

/** How coarse the times of files are. */
const CLOCK_MS = 50

/** Decides what is done with a file that is nobody's yet: whether it is read, and from where on. */
export class Admission {
  readonly #options: AdmissionOptions
  /** Found, and not yet known whether they are links. */
  readonly #unresolved: string[] = []
  #isResolving = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** A file whose number is that of nobody who is followed. */
  async admit(sibling: Sibling): Promise<void> {
    const { roster, logger, limits, lookLater } = this.#options
    const { path, stats } = sibling
    if (roster.isSettled(sibling)) return
    const pattern = this.#patternOf(path)
    if (!pattern) return
    if (roster.size >= limits.filesMax) {
      if (roster.refuse(path)) logger.warn({ filesMax: limits.filesMax }, 'There are more files than are followed')
      return
    }
    // Nothing was done to it since its log is followed.
    if (!patternOf(path, this.#options.patterns) && Number(stats.ctimeMs) < this.#options.sinceOf(pattern) - CLOCK_MS) {
      return roster.settle(sibling)
    }
    const copy = roster.copies.get(idOf(stats))
    if (copy && copy.signature === signatureOf(stats) && (copy.isSure || copy.original.position < copy.bytes)) {
      return this.#keepCopy(sibling, copy)
    }
    await this.#lookAtOriginals(path)
    if (roster.byId(idOf(stats)) || roster.isSettled(sibling)) return
    const origin = (copy ? undefined : await this.#knownAs(sibling)) ?? (await this.#originOf(sibling))
    if (origin.is === 'later') lookLater(path)
    else if (origin.is === 'copy') this.#keepCopy(sibling, origin)
    else if (origin.is === 'known') await this.#rest(origin.record, sibling)
    else if (origin.is === 'continued') await this.#resume(origin.record, pattern, sibling)
    else await this.#admitNew(pattern, sibling)
  }

  /** A log of which nothing is left but that it is open. */
  admitRemoved(sibling: Sibling): FollowedFile | undefined {
    const { roster, patterns, limits } = this.#options
    const { path, stats } = sibling
    const pattern = patternOf(path, patterns)
    // Under other names it may be a copy.
    if (!pattern || path !== familyOf(path) || roster.size >= limits.filesMax) return undefined
    const file = this.#follow(newRecord(roster.nextKey(), path, stats), pattern, sibling)
    if (!file) return undefined
    roster.displace(file, path)
    file.state = 'rotated'
    file.isRemoved = true
    return file
  }

  /** What its number says, unless it is the number of another one that begins alike. */
  async #knownAs(sibling: Sibling): Promise<Origin | undefined> {
    const record = await this.#options.origins.knownAs(sibling)
    if (!record) return undefined
    const { path } = sibling
    const better =
      path === familyOf(path)
        ? undefined
        : await this.#options.origins.better(sibling, record, await this.#options.siblings.of(path))
    return better ?? { is: 'continued', record }
  }

  /**
   * A copy that is still being made is found in its original; once that was emptied, the copy is whole. So one that has
   * grown while it was compared is compared once more, and then for good.
   */
  async #originOf(sibling: Sibling): Promise<Origin> {
    const { path } = sibling
    // Under the log's own name nobody puts a copy of it.
    if (path === familyOf(path)) return { is: 'new' }
    const origin = await this.#options.origins.of(sibling, await this.#options.siblings.of(path))
    if (origin.is !== 'new') return origin
    const stats = await statIfThere(this.#options.io, path)
    if (!stats || signatureOf(stats) === signatureOf(sibling.stats)) return origin
    return this.#options.origins.of({ path, stats }, await this.#options.siblings.of(path))
  }

  /** What a file may be a copy of has to be known before it: the log itself, and for an archive what is not packed. */
  async #lookAtOriginals(path: string): Promise<void> {
    const { roster } = this.#options
    const family = familyOf(path)
    if (path === family) return
    await this.#options.look(family)
    if (!isArchive(path)) return
    for (const { path: other, stats } of await this.#options.siblings.of(path)) {
      if (!isArchive(other) && !roster.byId(idOf(stats))) await this.#options.lookOrFail(other)
    }
  }

  async #admitNew(pattern: FilePattern, sibling: Sibling): Promise<void> {
    const { roster, io, patterns, sinceOf } = this.#options
    const { path, stats } = sibling
    const isOurs = patternOf(path, patterns) !== undefined || Number(stats.mtimeMs) >= sinceOf(pattern) - CLOCK_MS
    if (!isOurs || (stats.size === 0n && path !== familyOf(path))) return roster.settle(sibling)
    const fresh = newRecord(roster.nextKey(), path, stats)
    if (pattern.startAt === 'end' && this.#options.isFirstLook(pattern) && !isArchive(path)) {
      fresh.offset = Number(stats.size)
      fresh.head = await headOf(io, sibling)
    }
    this.#begin(fresh, pattern, sibling)
    // It may have been rotated since it is looked for, and before it was found.
    if (path === familyOf(path) && !this.#options.isFirstLook(pattern)) await this.#options.lookAtFamily(path)
  }

  /** Nothing is read of a copy as long as its original is. */
  #keepCopy({ path, stats }: Sibling, { original, bytes, isSure }: Pick<Copy, 'original' | 'bytes' | 'isSure'>): void {
    const { roster, lookLater, wake } = this.#options
    roster.copies.set(idOf(stats), { original, bytes, isSure, signature: signatureOf(stats) })
    if (isSure && original.position >= bytes) return roster.settle({ path, stats })
    wake(original)
    lookLater(path)
  }

  /** All of a file is known, from another one. */
  async #rest(record: FileRecord, sibling: Sibling): Promise<void> {
    const { io, roster } = this.#options
    const { path, stats } = sibling
    const all = (await isExactly(io, sibling, record)) ? record : await knownUpTo(io, sibling, record, Infinity)
    const { key, device, inode } = newRecord(roster.nextKey(), path, stats)
    roster.rest({ ...all, key, path, device, inode }, roster.undelivered(record.key))
    roster.settle(sibling)
  }

  /** A file at rest that is here now. */
  async #resume(record: FileRecord, pattern: FilePattern, sibling: Sibling): Promise<void> {
    const { roster, io } = this.#options
    const { path, stats } = sibling
    const isUndelivered = roster.ending.has(record.key)
    const isAll = isArchive(path)
      ? await isExactly(io, sibling, record)
      : Number(stats.size) === record.offset && path !== familyOf(path) && (isUndelivered || roster.hasEnded(record))
    const isSame = identityOf(record) === idOf(stats)
    if (!isAll || (isUndelivered && !isSame)) return this.#begin(record, pattern, sibling)
    if (!isSame) {
      const { device, inode } = newRecord(record.key, path, stats)
      roster.rest({ ...record, path, device, inode })
    } else if (!isUndelivered && !roster.hasEnded(record)) roster.giveUp(record)
    roster.settle(sibling)
  }

  /** A rotated file is read as the one that it was is. */
  #patternOf(path: string): FilePattern | undefined {
    const { patterns } = this.#options
    return patternOf(path, patterns) ?? patternOf(familyOf(path), patterns)
  }

  #begin(record: FileRecord, pattern: FilePattern, sibling: Sibling): void {
    const file = this.#follow(record, pattern, sibling)
    if (file) this.#options.wake(file)
  }

  #follow(record: FileRecord, pattern: FilePattern, sibling: Sibling): FollowedFile | undefined {
    const { roster, follow, patterns, logger } = this.#options
    const { path, stats } = sibling
    // Looking at its relatives may have led here meanwhile.
    if (roster.byId(idOf(stats))) return undefined
    const file = follow(record, pattern, sibling)
    logger.debug({ path, id: file.id, key: file.key, offset: record.offset }, 'A file is followed')
    roster.copies.delete(file.id)
    file.size = Number(stats.size)
    file.mtimeNs = stats.mtimeNs
    file.grownMs = performance.now()
    file.state = patternOf(path, patterns) ? 'live' : 'rotated'
    if (file.state === 'live') roster.place(file, path)
    this.#unresolved.push(path)
    void this.#resolveLinks()
    return file
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
}
