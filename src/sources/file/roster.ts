import type { BigIntStats } from 'node:fs'
import type { FollowedFile } from './followed-file.ts'
import type { Journal } from './journal.ts'
import type { Sibling } from './relatives.ts'
import { type FileRecord, identityOf, isBlank } from './record.ts'
import { Resting } from './resting.ts'

/** A file that holds nothing but what is in another one, which is read itself. */
export interface Copy {
  original: FollowedFile
  bytes: number
  /** Something was read of the original by then: it cannot have been emptied in between without being noticed. */
  isSure: boolean
  /** As it was when that was found out. */
  signature: string
}

/** What the journal learns of files that are not read. */
interface Note {
  record: FileRecord
  /** Not before so much of this one is delivered. */
  after: { file: FollowedFile; bytes: number } | undefined
}

/** Who is followed, under which path, and what is known of files that are not read, or not there, any more. */
export class Roster {
  readonly #ancestorsMax: number
  readonly #byId = new Map<string, FollowedFile>()
  readonly #byPath = new Map<string, FollowedFile>()
  /** Where links lead → the path that is followed. */
  readonly #aliases = new Map<string, string>()
  readonly #families = new Map<string, Set<FollowedFile>>()
  readonly resting = new Resting()
  /** Those were let go: nothing came for long. */
  readonly #ended: Set<number>
  /** Let go, with events that are not delivered yet, by number. */
  readonly ending = new Map<number, FollowedFile>()
  /** By identity. */
  readonly copies = new Map<string, Copy>()
  /** Files of which nothing is wanted, by path: how they were when that was found out. */
  readonly #settled = new Map<string, string>()
  readonly #notes: Note[] = []
  readonly #lapsed: number[] = []
  readonly #gone: number[] = []
  readonly #refused = new Set<string>()
  #nextKey: number
  /** Path → why it cannot be read. */
  readonly problems = new Map<string, string>()
  /** Files that are found now were there before. */
  isStarting = true

  constructor(journal: Journal, ancestorsMax: number) {
    this.#ancestorsMax = ancestorsMax
    this.#nextKey = journal.nextKey
    this.#ended = new Set(journal.ended)
    for (const record of journal.records.values()) this.resting.set(record)
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
    const { key } = file
    this.resting.delete(key)
    this.#ended.delete(key)
    // What the journal was to learn of it at rest is older than what it is told from now on.
    this.#notes.splice(0, Infinity, ...this.#notes.filter(({ record }) => record.key !== key))
    this.#lapsed.splice(0, Infinity, ...this.#lapsed.filter((lapsed) => lapsed !== key))
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

  /** The file has another name, or is another file from now on. */
  move(file: FollowedFile, path: string, stats: BigIntStats): void {
    this.#take(file)
    file.moveTo(path, stats)
    this.add(file)
  }

  /** Not followed any more. What was read of it is known. */
  remove(file: FollowedFile): void {
    this.#take(file)
    this.resting.set(file.record(file.position))
  }

  #take(file: FollowedFile): void {
    if (this.#byId.get(file.id) === file) this.#byId.delete(file.id)
    for (const [path, other] of this.#byPath) if (other === file) this.#byPath.delete(path)
    const family = this.#families.get(file.family)
    family?.delete(file)
    if (family?.size === 0) this.#families.delete(file.family)
  }

  hasEnded({ key }: FileRecord): boolean {
    return this.#ended.has(key)
  }

  /** All of a file is known that nobody reads: the journal learns of it once what it is a copy of is delivered. */
  rest(record: FileRecord, after?: Note['after']): void {
    this.resting.set(record)
    this.#ended.add(record.key)
    this.#notes.push({ record, after })
  }

  /** What has to be delivered before the journal may say that all of the file is known. */
  undelivered(key: number): Note['after'] {
    const file = this.ending.get(key)
    return file && { file, bytes: file.settled }
  }

  lapse(file: FollowedFile): void {
    this.giveUp(file.record(file.position))
  }

  /** What the journal has not been told: files that are known now, those that were let go, those that nobody needs. */
  takeNews(): { known: FileRecord[]; ended: number[]; gone: number[] } {
    const known = this.#notes.filter(isDue).map(({ record }) => record)
    this.#notes.splice(0, Infinity, ...this.#notes.filter((note) => !isDue(note)))
    return { known, ended: [...known.map(({ key }) => key), ...this.#lapsed.splice(0)], gone: this.#gone.splice(0) }
  }

  /** Nothing is wanted of a file as it is now. */
  settle({ path, stats }: Sibling): void {
    this.#settled.set(path, signatureOf(stats))
  }

  isSettled({ path, stats }: Sibling): boolean {
    return this.#settled.get(path) === signatureOf(stats)
  }

  /** Nothing is at the path. */
  unsettle(path: string): void {
    this.#settled.delete(path)
  }

  /** The file of a record is not there any more. Copies of it are known all the same. */
  giveUp(record: FileRecord): void {
    if (isBlank(record)) return this.#forget(record.key)
    this.#ended.add(record.key)
    this.#lapsed.push(record.key)
  }

  #forget(key: number): void {
    this.resting.delete(key)
    this.#ended.delete(key)
    this.#gone.push(key)
  }

  /** Forgets who came to rest longest ago, but for those that are still there: they would be taken for new ones. */
  prune(family: string, present: ReadonlySet<string>): void {
    const absent = this.resting
      .ofFamily(family)
      .filter((record) => this.#ended.has(record.key) && !present.has(identityOf(record)))
      .sort((one, other) => one.key - other.key)
    for (const { key } of absent.slice(0, Math.max(0, absent.length - this.#ancestorsMax))) {
      this.#forget(key)
    }
  }

  /** False when it was refused before. */
  refuse(path: string): boolean {
    const isFirst = this.#refused.size === 0
    this.#refused.add(path)
    return isFirst
  }
}

/** What is different as soon as a file was written to, or is another one. */
export function signatureOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino} ${size} ${mtimeNs}`
}

function isDue({ after }: Note): boolean {
  return !after || after.file.delivered >= after.bytes
}
