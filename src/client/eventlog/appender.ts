import { closeSync, openSync, readdirSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessAlive } from '../../core/process.ts'
import { doneName, fileName, listFiles, plainName, readSent } from './folder.ts'

/** When the folder is full: lose the oldest events that were not sent, or refuse new ones. */
export type FullPolicy = 'drop-oldest' | 'refuse'

export interface AppenderOptions {
  dir: string
  /** See `writerName`. */
  writer: string
  /** All files of the folder together, of every process that logs into it. */
  bytesMax: number
  policy: FullPolicy
  /** A file is closed at about this size, and a new one begun. */
  fileBytesMax: number
}

export interface AppenderStats {
  /** Events that were refused, as the folder was full or could not be written. */
  refused: number
  /** Files with events that were not sent, deleted to make room. */
  filesDropped: number
  bytesDropped: number
  lastError: string | null
}

/** The folder's size is looked at after this many bytes of our own. */
const CHECK_BYTES = 1024 * 1024
const NEWLINE = Buffer.from('\n')

/**
 * Appends lines with one write(2) each: what was written is in the kernel's hands when the call returns, and outlives
 * the process however it ends.
 */
export class Appender {
  readonly stats: AppenderStats = { refused: 0, filesDropped: 0, bytesDropped: 0, lastError: null }
  readonly #options: AppenderOptions
  #number = 0
  #fd: number | undefined
  #name = ''
  #bytes = 0
  #uncheckedBytes = CHECK_BYTES
  #isFull = false
  /** A line was written in part: the next begins on a line of its own. */
  #isTorn = false

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  /** The file and the offset behind the last line; `undefined` before the first. */
  get position(): { name: string; bytes: number } | undefined {
    return this.#name === '' ? undefined : { name: this.#name, bytes: this.#bytes }
  }

  /** True when the line is kept. `line` ends with a newline. Never throws. */
  append(line: string): boolean {
    try {
      if (!this.#hasRoom(line.length)) {
        this.stats.refused++
        return false
      }
      const fd = (this.#fd ??= this.#open())
      if (this.#isTorn) {
        this.#bytes += writeSync(fd, NEWLINE)
        this.#isTorn = false
      }
      this.#write(fd, line)
      return true
    } catch (error) {
      this.stats.refused++
      this.stats.lastError = (error as Error).message
      return false
    }
  }

  /** Nothing more will be appended: the sender may delete the last file as soon as it is sent. */
  close(): void {
    this.#finish()
  }

  #open(): number {
    this.#name = fileName(this.#options.writer, this.#number++)
    this.#bytes = 0
    return openSync(join(this.#options.dir, this.#name), 'ax', 0o600)
  }

  #write(fd: number, line: string): void {
    const written = writeSync(fd, line)
    this.#bytes += written
    this.#uncheckedBytes += written
    // One byte per character at least: a shorter write is a disk that is full.
    if (written < line.length || !this.#isWhole(line, written)) {
      this.#isTorn = true
      throw new Error(`only ${written} bytes of an event could be written`)
    }
    if (this.#bytes >= this.#options.fileBytesMax) this.#finish()
  }

  #isWhole(line: string, written: number): boolean {
    return written === line.length || written === Buffer.byteLength(line)
  }

  #finish(): void {
    if (this.#fd === undefined) return
    closeSync(this.#fd)
    this.#fd = undefined
    const path = join(this.#options.dir, this.#name)
    try {
      renameSync(path, doneName(path))
    } catch (error) {
      // Dropped for want of room by another process.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.stats.lastError = (error as Error).message
    }
  }

  #hasRoom(bytes: number): boolean {
    if (this.#uncheckedBytes + bytes < CHECK_BYTES && !this.#isFull) return true
    const { dir, bytesMax, policy } = this.#options
    let size = folderBytes(dir)
    if (size + CHECK_BYTES > bytesMax && policy === 'drop-oldest') {
      this.#finish()
      size -= this.#dropOldest(size + CHECK_BYTES - bytesMax)
    }
    this.#uncheckedBytes = 0
    this.#isFull = size + CHECK_BYTES > bytesMax
    return !this.#isFull
  }

  /** Deletes whole files, oldest first, until so many bytes are free. Returns how many that were. */
  #dropOldest(wantedBytes: number): number {
    const { dir } = this.#options
    const sent = readSent(dir)
    let freed = 0
    for (const file of listFiles(dir)) {
      if (freed >= wantedBytes) break
      // Somebody may be appending to it.
      if (!file.isDone && isProcessAlive(file.pid)) continue
      const path = join(dir, file.name)
      try {
        const { size } = statSync(path)
        unlinkSync(path)
        freed += size
        const unsent = size - (sent.get(plainName(file.name)) ?? 0)
        if (unsent <= 0) continue
        this.stats.filesDropped++
        this.stats.bytesDropped += unsent
      } catch (error) {
        // The sender, or another process, was faster.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    return freed
  }
}

function folderBytes(dir: string): number {
  let bytes = 0
  for (const name of readdirSync(dir)) {
    try {
      bytes += statSync(join(dir, name)).size
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return bytes
}
