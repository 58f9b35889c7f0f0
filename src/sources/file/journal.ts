import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { FileRecord } from './record.ts'

const NAME = 'files.journal'
const VERSION = 1
/** The journal is written anew when it has grown to this, and to so many times what it holds. */
const COMPACT_BYTES_MIN = 1024 * 1024
const COMPACT_RATIO = 4

/** What is to be remembered of a delivery before it leaves. */
export interface Intent {
  id: string
  /** Of each file with events in it: as it is once it has arrived. */
  records: readonly FileRecord[]
}

/** One line of the journal. */
interface Entry {
  version?: number
  files?: readonly FileRecord[]
  intent?: Intent
  taken?: string
  /** Let go, and kept to know copies by. */
  ended?: readonly number[]
  gone?: readonly number[]
  /** Pattern → milliseconds since 1970: when it was first followed. */
  since?: Readonly<Record<string, number>>
}

/**
 * Where each file was read to, as far as the server has it, in a file of lines that is only appended to. A delivery is
 * written down before it leaves, so that after a crash one is left at most of which the server has to be asked.
 */
export class Journal {
  readonly #path: string
  readonly records = new Map<number, FileRecord>()
  readonly ended = new Set<number>()
  /** Pattern → milliseconds since 1970: when it was first followed. */
  readonly since = new Map<string, number>()
  /** The delivery whose arrival is not known. */
  inDoubt: Intent | undefined
  /** Arrived, and not yet written down. */
  #taken: string | undefined
  /** Why it could not be written the last time. */
  problem: string | undefined
  #handle: FileHandle | undefined
  /** The last line may have been written in part. */
  #isTorn = false
  #bytes = 0
  #liveBytes = 0
  #queue: Promise<void> = Promise.resolve()

  private constructor(path: string) {
    this.#path = path
  }

  /** Reads what an earlier process left; makes the folder if there is none. */
  static async open(folder: string): Promise<Journal> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const journal = new Journal(join(folder, NAME))
    await journal.#read()
    await journal.#compact()
    return journal
  }

  get path(): string {
    return this.#path
  }

  get nextKey(): number {
    return Math.max(0, ...this.records.keys()) + 1
  }

  /** Resolves when the intent, and that the one before has arrived, are on the medium. */
  intend(intent: Intent): Promise<void> {
    return this.#append(
      () => ({ ...this.#settle(), intent }),
      () => (this.inDoubt = intent),
    )
  }

  /** The delivery has arrived. Written down with what comes next. */
  taken(id: string): void {
    if (this.inDoubt?.id !== id) return
    this.#apply(this.inDoubt.records)
    this.inDoubt = undefined
    this.#taken = id
  }

  /** The server does not have the delivery in doubt: its files are where they were before it. */
  dropDoubt(): Promise<void> {
    return this.#append(() => {
      this.inDoubt = undefined
      return { taken: '' }
    })
  }

  /** Files that moved on without a delivery, as they are when it is their turn to be written. */
  note(look: () => readonly FileRecord[]): Promise<void> {
    return this.#append(() => {
      const files = look()
      this.#apply(files)
      return { ...this.#settle(), files }
    })
  }

  /** Files that are known, files that were let go; `gone` are forgotten for good. */
  end(files: readonly FileRecord[], ended: readonly number[], gone: readonly number[]): Promise<void> {
    return this.#append(() => {
      const taken = this.#settle()
      this.#apply(files)
      for (const key of ended) this.ended.add(key)
      for (const key of gone) this.#forget(key)
      return { ...taken, files, ended, gone }
    })
  }

  /** These patterns are followed. Resolves with those that are so for the first time, when it is known since when. */
  async follow(patterns: readonly string[], nowMs: number): Promise<ReadonlySet<string>> {
    const unknown = patterns.filter((pattern) => !this.since.has(pattern))
    for (const pattern of unknown) this.since.set(pattern, nowMs)
    if (unknown.length > 0) await this.#append(() => ({ since: Object.fromEntries(this.since) }))
    return new Set(unknown)
  }

  async close(): Promise<void> {
    if (this.#taken !== undefined) await this.#append(() => this.#settle())
    await this.#queue
    await this.#handle?.close()
    this.#handle = undefined
  }

  #settle(): Entry {
    const taken = this.#taken
    this.#taken = undefined
    return taken === undefined ? {} : { taken }
  }

  #append(entry: () => Entry, then?: () => void): Promise<void> {
    const write = async (): Promise<void> => {
      if (this.#bytes > COMPACT_BYTES_MIN && this.#bytes > this.#liveBytes * COMPACT_RATIO) await this.#compact()
      const line = Buffer.from(`${this.#isTorn ? '\n' : ''}${JSON.stringify(entry())}\n`)
      this.#isTorn = true
      await this.#handle?.appendFile(line)
      await this.#handle?.datasync()
      this.#isTorn = false
      this.#bytes += line.length
      then?.()
    }
    const done = this.#queue.then(write)
    done.then(
      () => (this.problem = undefined),
      (error: unknown) => (this.problem = (error as Error).message),
    )
    // What fails is told to whoever asked for it; the next entry is a new attempt.
    this.#queue = done.catch(() => undefined)
    return done
  }

  #apply(records: readonly FileRecord[]): void {
    for (const record of records) {
      this.records.set(record.key, record)
      this.ended.delete(record.key)
    }
  }

  #forget(key: number): void {
    this.records.delete(key)
    this.ended.delete(key)
  }

  async #read(): Promise<void> {
    let lines: AsyncIterable<string>
    try {
      const handle = await open(this.#path)
      lines = createInterface({ input: createReadStream('', { fd: handle }), crlfDelay: Infinity })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    for await (const line of lines) {
      let entry: Entry
      try {
        entry = JSON.parse(line) as Entry
      } catch {
        // The line that a crash cut off: nothing followed from it yet.
        continue
      }
      this.#replay(entry)
    }
  }

  #replay({ taken, files, intent, ended, gone, since }: Entry): void {
    if (taken === '') this.inDoubt = undefined
    else if (taken !== undefined && taken === this.inDoubt?.id) {
      this.#apply(this.inDoubt.records)
      this.inDoubt = undefined
    }
    if (files) this.#apply(files)
    // Another one is written down only after the one before was settled.
    if (intent && this.inDoubt) this.#apply(this.inDoubt.records)
    if (intent) this.inDoubt = intent
    for (const key of ended ?? []) this.ended.add(key)
    for (const key of gone ?? []) this.#forget(key)
    for (const [pattern, ms] of Object.entries(since ?? {})) this.since.set(pattern, ms)
  }

  /** Writes the journal anew with what counts: whole under another name, then renamed. */
  async #compact(): Promise<void> {
    const temporary = `${this.#path}.new`
    const entries: Entry[] = [{ version: VERSION, since: Object.fromEntries(this.since) }]
    const records = [...this.records.values()]
    for (let at = 0; at < records.length; at += 100) entries.push({ files: records.slice(at, at + 100) })
    if (this.ended.size > 0) entries.push({ ended: [...this.ended] })
    if (this.inDoubt) entries.push({ intent: this.inDoubt })
    const text = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
    await this.#handle?.close()
    this.#handle = await open(this.#path, 'a', 0o600)
    this.#bytes = text.length
    this.#liveBytes = text.length
    this.#taken = undefined
  }
}
