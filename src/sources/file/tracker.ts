import { Admission, type AdmissionOptions } from './admission.ts'
import { type FollowedFile, newRecord } from './followed-file.ts'
import type { Handles } from './handles.ts'
import { HungError } from './lanes.ts'
import { Origins } from './origins.ts'
import { patternOf } from './pattern.ts'
import { familyOf, isArchive } from './record.ts'
import { idOf, isStill, knownUpTo, MovedError, type Sibling, statIfThere } from './relatives.ts'
import { signatureOf } from './roster.ts'
import { Siblings } from './siblings.ts'
import { errorCode } from './source-io.ts'

export interface TrackerOptions extends Omit<
  AdmissionOptions,
  'origins' | 'siblings' | 'lookOrFail' | 'lookAtFamily' | 'look'
> {
  handles: Handles
  /** Nothing more can come of the file. */
  end: (file: FollowedFile) => Promise<void>
  /** The path of a file leads elsewhere by now. */
  onLost: (file: FollowedFile) => void
  /** The path is to be looked at again soon. */
  look: (path: string) => void
}

/** How often a family is listed anew at once, because files were renamed while they were looked at. */
const TURNS_MAX = 5

/**
 * Knows which file is behind a path, whatever was renamed, copied, emptied or made anew there. One call at a time.
 *
 * What holds at any moment: every byte that was written to a log is, up to where it was read, covered by one record,
 * that of a file that is followed or one at rest. A file whose number is not known is compared with all of them before
 * anything is read of it. So it does not matter in which order files are met, nor what happened between two looks.
 */
export class Tracker {
  readonly #options: TrackerOptions
  readonly #origins: Origins
  readonly #siblings: Siblings
  readonly #admission: Admission

  constructor(options: TrackerOptions) {
    this.#options = options
    this.#siblings = new Siblings(options.io)
    this.#origins = new Origins({ ...options, now: () => performance.now() })
    this.#admission = new Admission({
      ...options,
      origins: this.#origins,
      siblings: this.#siblings,
      look: (path) => this.look(path),
      lookOrFail: (path) => this.#look(path),
      lookAtFamily: (family) => this.#lookAtFamily(family),
    })
  }

  /** Looks what is at the path now. Never rejects: what cannot be looked at is noted. */
  async look(path: string): Promise<void> {
    const { roster } = this.#options
    try {
      await this.#look(path)
      roster.problems.delete(path)
    } catch (error) {
      if (isGone(error)) this.#options.look(path)
      else this.#noteProblem(path, error)
    }
  }

  /** Whether what is at the path is the file that is followed there, as it was when it was last looked at. */
  async isUnchanged(path: string): Promise<boolean> {
    const { io, roster } = this.#options
    const current = roster.at(path)
    if (!current || roster.problems.has(path)) return false
    const stats = await io.stat(path).catch(() => undefined)
    if (stats?.mtimeNs !== current.mtimeNs || Number(stats.size) !== current.size) return false
    return idOf(stats) === current.id
  }

  /** What an earlier process left, and what happened to it meanwhile. */
  async restore(paths: ReadonlySet<string>): Promise<void> {
    const { io, roster } = this.#options
    const left = [...roster.resting.values()].filter((record) => !roster.hasEnded(record))
    const ownFirst = [...paths].sort((one, other) => Number(one !== familyOf(one)) - Number(other !== familyOf(other)))
    for (const path of ownFirst) {
      const stats = await statIfThere(io, path).catch(() => undefined)
      if (stats && roster.resting.byId(idOf(stats)).length > 0) await this.look(path)
    }
    const families = new Set([...roster.resting.values(), ...left].map(({ path }) => familyOf(path)))
    for (const family of families) await this.#lookAtFamily(family)
    for (const path of ownFirst) if (!roster.at(path)) await this.look(path)
    for (const record of left) if (roster.resting.get(record.key)) roster.giveUp(record)
  }

  /** The file was emptied or written anew in place: what it was is elsewhere, or nowhere, and it begins again. */
  async rewritten(file: FollowedFile): Promise<void> {
    const { path } = file
    this.#options.logger.debug({ path, id: file.id, offset: file.position }, 'A file was emptied or written anew')
    await this.#end(file)
    await this.look(path)
    await this.#lookAtFamily(familyOf(path))
  }

  /** The path of a file led elsewhere when it was to be opened. */
  async lost(file: FollowedFile): Promise<void> {
    const { io, wake } = this.#options
    const { path } = file
    if (file.state === 'ended' || file.isRemoved) return
    const stats = await statIfThere(io, path)
    if (stats && idOf(stats) === file.id) return wake(file)
    await this.#detach(file, path)
    await this.look(path)
  }

  /** The file was opened anew under the name of a rotated one: whether it is what it was, and not a copy of another. */
  async confirm(file: FollowedFile): Promise<void> {
    const { io } = this.#options
    const { path, position } = file
    const stats = await statIfThere(io, path)
    // It is open; the path leads elsewhere, and that is told of.
    if (!stats || idOf(stats) !== file.id) return void (file.isSure = true)
    const sibling = { path, stats }
    const isOther =
      !(await isStill(io, sibling, file.record(position))) ||
      (await this.#origins.better(sibling, file, await this.#siblings.of(path))) !== undefined
    if (!isOther) return void (file.isSure = true)
    await this.#end(file)
    await this.#lookAtFamily(familyOf(path))
  }

  /** Looks for a file that came and went before it was looked at: whether it has another name by now. */
  async find(path: string, id: string): Promise<boolean> {
    const renamed = (await this.#siblings.of(path)).find(({ stats }) => idOf(stats) === id)
    if (renamed) await this.look(renamed.path)
    return renamed !== undefined
  }

  /** The same without a name: what was written to it can be read as long as it is open, unless all of it is known. */
  async admitRemoved(sibling: Sibling, fd: number): Promise<FollowedFile | undefined> {
    if (await this.#origins.isKnown(sibling, fd)) return undefined
    return this.#admission.admitRemoved(sibling)
  }

  /** Nothing has come of the file for long. */
  async letGo(file: FollowedFile): Promise<void> {
    await this.#end(file)
    await this.#lookAtFamily(file.family)
  }

  async #look(path: string): Promise<void> {
    const { io, roster, wake } = this.#options
    const stats = await statIfThere(io, path)
    const current = roster.at(path)
    if (stats?.isFile() !== true) {
      roster.unsettle(path)
      this.#origins.forget(path)
      if (current) await this.#detach(current, path)
      if (stats && !stats.isDirectory()) throw new Error('no regular file')
      return
    }
    if (current?.id === idOf(stats)) {
      if (await this.#isReused(current, { path, stats })) return this.#meet({ path, stats })
      const hasChanged = stats.mtimeNs !== current.mtimeNs || Number(stats.size) !== current.size
      current.mtimeNs = stats.mtimeNs
      current.size = Number(stats.size)
      if (hasChanged) current.interpreter.setReference(Number(stats.mtimeMs) / 1000)
      if (hasChanged) wake(current)
      return
    }
    if (!current) return this.#meet({ path, stats })
    await this.#detach(current, path)
    await this.#meet({ path, stats })
    await this.#lookAtFamily(familyOf(path))
  }

  /** Everything of the family that is nobody's yet: first what is known by its number, so that the rest is compared. */
  async #lookAtFamily(family: string): Promise<void> {
    const { roster } = this.#options
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const { siblings, isWhole } = await this.#siblings.all(family)
      // While numbers are shifted, files that are there are not found under any name.
      if (isWhole) roster.prune(family, new Set(siblings.map(({ stats }) => idOf(stats))))
      const own = siblings.filter(({ path }) => path === family)
      const known = siblings.filter(({ stats }) => roster.resting.byId(idOf(stats)).length > 0)
      let isMoved = false
      for (const sibling of new Set([...own, ...known, ...siblings])) {
        if (roster.at(sibling.path)?.id === idOf(sibling.stats)) continue
        try {
          await this.#look(sibling.path)
        } catch (error) {
          isMoved ||= isGone(error)
          if (!isGone(error)) this.#noteProblem(sibling.path, error)
        }
      }
      if (!isMoved) return
    }
    this.#options.lookLater(family)
  }

  /** A file that is not at this path yet. */
  async #meet(sibling: Sibling): Promise<void> {
    const { roster, lookLater } = this.#options
    const file = roster.byId(idOf(sibling.stats))
    if (file && !(await this.#isReused(file, sibling))) return this.#meetAgain(file, sibling)
    if (file?.isBusy === true) return lookLater(sibling.path)
    if (file) await this.#end(file)
    await this.#admission.admit(sibling)
  }

  /** An archive that has the number of a file that is gone; what is not packed is compared when it is read. */
  async #isReused(file: FollowedFile, sibling: Sibling): Promise<boolean> {
    const { path, stats } = sibling
    if (isArchive(path) !== file.isArchive) return true
    if (!file.isArchive || file.position === 0) return false
    if (Number(stats.size) === file.size && stats.mtimeNs === file.mtimeNs) return false
    return !(await isStill(this.#options.io, sibling, file.record(file.position)))
  }

  /** A file that is followed already has this name, too, or instead. */
  async #meetAgain(file: FollowedFile, { path, stats }: Sibling): Promise<void> {
    const { io, roster, wake, patterns } = this.#options
    const isWanted = patternOf(path, patterns) !== undefined
    const before = file.path === path ? stats : await statIfThere(io, file.path)
    if (file.isRemoved || !before || idOf(before) !== file.id) {
      roster.move(file, path, stats)
      file.state = isWanted ? 'live' : 'rotated'
      file.grownMs = performance.now()
    }
    if (isWanted) roster.place(file, path)
    const isChanged = Number(stats.size) !== file.size || stats.mtimeNs !== file.mtimeNs
    file.size = Number(stats.size)
    file.mtimeNs = stats.mtimeNs
    // One that was rotated is looked at until nothing comes of it any more, and is let go then.
    if (isChanged || file.state === 'rotated') wake(file)
  }

  /** The path does not lead to the file any more: it has another name, or none. */
  async #detach(file: FollowedFile, path: string): Promise<void> {
    const { roster, handles, wake, logger } = this.#options
    roster.displace(file, path)
    if (file.path !== path) return
    logger.debug({ path, id: file.id, key: file.key, offset: file.position }, 'A file is not at its path any more')
    file.grownMs = performance.now()
    const renamed = (await this.#siblings.of(path)).find(({ stats }) => idOf(stats) === file.id)
    if (renamed && !(await this.#isReused(file, renamed))) return this.#meetAgain(file, renamed)
    // Whether it is gone or on its way to another name: while it is open, what was written to it can be read.
    file.state = 'rotated'
    file.isRemoved = true
    if (handles.has(file) || file.isBusy) return wake(file)
    await this.#end(file)
    await this.#lookAtFamily(familyOf(path))
  }

  /** Nothing more is read of it here. Where else its contents are, they are known, and go on from where it was left. */
  async #end(file: FollowedFile): Promise<void> {
    await this.#options.end(file)
    await this.#keepKnown(file)
  }

  /** What was in a file that was read itself stays known: copies of it are not read. */
  async #keepKnown(file: FollowedFile): Promise<void> {
    const { io, roster } = this.#options
    const copies = [...roster.copies].filter(([, { original }]) => original === file)
    if (copies.length === 0) return
    const siblings = await this.#siblings.of(file.path)
    for (const [id, { bytes, isSure, signature }] of copies) {
      roster.copies.delete(id)
      const sibling = siblings.find(({ stats }) => idOf(stats) === id)
      if (!sibling) continue
      roster.unsettle(sibling.path)
      if (!isSure || bytes > file.position || signatureOf(sibling.stats) !== signature) continue
      const known = await knownUpTo(io, sibling, file.record(file.position), bytes)
      const { key, device, inode } = newRecord(roster.nextKey(), sibling.path, sibling.stats)
      roster.rest({ ...known, key, path: sibling.path, device, inode }, { file, bytes })
    }
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

/** The file is not where it was when it was listed. */
function isGone(error: unknown): boolean {
  return error instanceof MovedError || errorCode(error) === 'ENOENT'
}
