import type { FollowedFile } from './followed-file.ts'
import type { Journal } from './journal.ts'
import { familyOf, type FileRecord } from './record.ts'

/** Who is followed, under which path, and who is remembered from before. */
export class Roster {
  readonly #ancestorsMax: number
  readonly #byId = new Map<string, FollowedFile>()
  readonly #byPath = new Map<string, FollowedFile>()
  /** Where links lead → the path that is followed. */
  readonly #aliases = new Map<string, string>()
  readonly #families = new Map<string, Set<FollowedFile>>()
  readonly #shadows = new Map<FollowedFile, FollowedFile>()
  /** Records of the journal that nobody follows, by identity and by family. */
  readonly #remembered = new Map<string, FileRecord>()
  readonly #ancestors = new Map<string, FileRecord[]>()
  readonly #refused = new Set<string>()
  #nextKey: number
  /** Path → why it cannot be read. */
  readonly problems = new Map<string, string>()
  /** Files that are found now were there before. */
  isStarting = true

  constructor(journal: Journal, ancestorsMax: number) {
    this.#ancestorsMax = ancestorsMax
    this.#nextKey = journal.nextKey
    for (const record of journal.records.values()) {
      if (!journal.ended.has(record.key)) this.#remembered.set(identity(record), record)
      this.#addAncestor(record)
    }
  }

  get size(): number {
    return this.#byId.size
  }

  /** Files that were found when there were too many. */
  get refused(): number {
    return this.#refused.size
  }

  files(): IterableIterator<FollowedFile> {
    return this.#byId.values()
  }

  nextKey(): number {
    return this.#nextKey++
  }

  at(path: string): FollowedFile | undefined {
    return this.#byPath.get(path)
  }

  paths(): IterableIterator<string> {
    return this.#byPath.keys()
  }

  /** The path as it is followed, for one that a change was told of. */
  resolve(path: string): string {
    return this.#aliases.get(path) ?? path
  }

  alias(real: string, path: string): void {
    this.#aliases.set(real, path)
  }

  byId(id: string): FollowedFile | undefined {
    return this.#byId.get(id)
  }

  family(name: string): FollowedFile[] {
    return [...(this.#families.get(name) ?? [])]
  }

  add(file: FollowedFile): void {
    this.#byId.set(file.id, file)
    const found = this.#families.get(file.family)
    if (found) found.add(file)
    else this.#families.set(file.family, new Set([file]))
  }

  place(file: FollowedFile, path: string): void {
    this.#byPath.set(path, file)
  }

  displace(file: FollowedFile, path: string): void {
    if (this.#byPath.get(path) === file) this.#byPath.delete(path)
  }

  move(file: FollowedFile, path: string): void {
    this.displace(file, file.path)
    file.path = path
  }

  /** The copy is read once the original has ended. */
  shadow(original: FollowedFile, copy: FollowedFile): void {
    copy.isShadow = true
    this.#shadows.set(original, copy)
  }

  shadowOf(original: FollowedFile): FollowedFile | undefined {
    return this.#shadows.get(original)
  }

  /** The copy is not followed any more as one. */
  removeShadow(original: FollowedFile): void {
    const copy = this.#shadows.get(original)
    this.#shadows.delete(original)
    if (copy) this.#take(copy)
  }

  /** Not followed any more; copies of it are known by what is remembered. */
  remove(file: FollowedFile): void {
    this.#take(file)
    if (!file.isShadow) this.#addAncestor(file.record(file.position))
  }

  #take(file: FollowedFile): void {
    if (this.#byId.get(file.id) === file) this.#byId.delete(file.id)
    this.displace(file, file.path)
    for (const [path, other] of this.#byPath) if (other === file) this.#byPath.delete(path)
    const family = this.#families.get(file.family)
    family?.delete(file)
    if (family?.size === 0) this.#families.delete(file.family)
  }

  remembered(id: string): FileRecord | undefined {
    return this.#remembered.get(id)
  }

  unclaimed(): FileRecord[] {
    return [...this.#remembered.values()]
  }

  /** Of each family that is remembered: the path, who was there, when that was seen last, and whether it was empty. */
  lastSeen(): Map<string, { id: string; seenMs: number; isBlank: boolean }> {
    const seen = new Map<string, { id: string; seenMs: number; isBlank: boolean; isPlain: boolean }>()
    for (const record of this.#remembered.values()) {
      const path = familyOf(record.path)
      const isPlain = record.path === path
      const known = seen.get(path)
      const isBetter =
        !known || (isPlain && !known.isPlain) || (isPlain === known.isPlain && record.seenMs > known.seenMs)
      if (!isBetter) continue
      seen.set(path, { id: identity(record), seenMs: record.seenMs, isBlank: record.head.bytes === 0, isPlain })
    }
    return seen
  }

  claim(record: FileRecord): void {
    this.#remembered.delete(identity(record))
    this.#dropAncestor(record)
  }

  /** The file of the record is not there any more. Copies of it are known all the same. */
  giveUp(record: FileRecord): void {
    this.#remembered.delete(identity(record))
    this.#lapsed.push(record.key)
  }

  /** Keys of files that ended since the last call, and of those that nobody needs to remember. */
  takeEnded(): { ended: number[]; gone: number[] } {
    return { ended: this.#lapsed.splice(0), gone: this.#gone.splice(0) }
  }

  readonly #lapsed: number[] = []
  readonly #gone: number[] = []

  lapse(file: FollowedFile): void {
    this.#lapsed.push(file.key)
  }

  ancestors(family: string): readonly FileRecord[] {
    return this.#ancestors.get(family) ?? []
  }

  /** Forgets who was let go longest ago, but for those that are still there: they would be taken for new ones. */
  prune(family: string, present: ReadonlySet<string>): void {
    const found = this.#ancestors.get(family) ?? []
    const absent = found.filter((record) => !present.has(identity(record)) && !this.#remembered.has(identity(record)))
    const gone = new Set(absent.slice(0, Math.max(0, absent.length - this.#ancestorsMax)))
    if (gone.size === 0) return
    this.#ancestors.set(
      family,
      found.filter((record) => !gone.has(record)),
    )
    for (const { key } of gone) this.#gone.push(key)
  }

  /** False when it was refused before. */
  refuse(path: string): boolean {
    const isFirst = this.#refused.size === 0
    this.#refused.add(path)
    return isFirst
  }

  #addAncestor(record: FileRecord): void {
    const family = familyOf(record.path)
    const found = this.#ancestors.get(family) ?? []
    found.push(record)
    this.#ancestors.set(family, found)
  }

  #dropAncestor(record: FileRecord): void {
    const found = this.#ancestors.get(familyOf(record.path))
    const index = found?.findIndex(({ key }) => key === record.key) ?? -1
    if (index >= 0) found?.splice(index, 1)
  }
}

function identity({ device, inode }: FileRecord): string {
  return `${device}:${inode}`
}
