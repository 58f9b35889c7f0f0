import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { MessageQueue } from './message-queue.ts'
import { takeSenderLock, type SenderLock } from '../eventlog/sender-lock.ts'

export interface OverflowOptions {
  /** Folder of this client alone. Made if it is not there. */
  dir: string
  /** All records in it; 1 GiB unless given. */
  bytesMax?: number
}

/** Length and CRC-32 of the message behind them, both 32 bits, big-endian. */
const HEAD_BYTES = 8
const FILE_BYTES = 4 * 1024 * 1024
const BYTES_MAX = 1024 ** 3
const NAME = /^(\d{12})\.audit$/
/** What was in memory when a client closed goes in front of what its folder has. */
const FIRST_NUMBER = 1_000_000

interface OverflowFile {
  number: number
  bytes: number
  /** Messages that were read and are not known to have arrived. */
  unconfirmed: number
  isRead: boolean
}

interface Staged {
  file: number
  bytes: Buffer
  starts: number[]
  ends: number[]
  /** The first that is not in memory yet. */
  next: number
}

/**
 * Messages that found no room in memory, in files of a folder, in order. A message is in the kernel's hands when
 * `append` returns. A file is deleted when all of it has arrived; after a crash a file is sent again from its beginning.
 */
export class Overflow {
  /** Messages that were cut off or damaged when a process ended. */
  damaged = 0
  readonly #dir: string
  readonly #bytesMax: number
  readonly #lock: SenderLock
  /** Oldest first. */
  #files: OverflowFile[] = []
  #unread = 0
  #bytes = 0
  #next: number
  #fd: number | undefined
  /** A file on its way to memory. */
  #staged: Staged | undefined

  /** Throws when the folder cannot be used, or another client uses it. */
  constructor({ dir, bytesMax = BYTES_MAX }: OverflowOptions) {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const lock = takeSenderLock(dir)
    if (!lock) throw new Error(`the overflow folder ${dir} is used by another client`)
    this.#lock = lock
    this.#dir = dir
    this.#bytesMax = bytesMax
    const numbers = readdirSync(dir).flatMap((name) => Number(NAME.exec(name)?.[1] ?? Number.NaN) || [])
    for (const number of numbers.sort((a, b) => a - b)) {
      const { size } = statSync(this.#path(number))
      this.#files.push({ number, bytes: size, unconfirmed: 0, isRead: false })
      this.#bytes += size
      this.#unread++
    }
    this.#next = Math.max(FIRST_NUMBER, (numbers.at(-1) ?? 0) + 1)
  }

  /** There are messages that are not in memory yet: new ones have to go behind them. */
  get hasUnread(): boolean {
    return this.#unread > 0 || this.#staged !== undefined
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Puts a message behind all others. False when there is no room. Throws when it cannot be written. */
  append(message: Uint8Array): boolean {
    if (this.#bytes + message.length + HEAD_BYTES > this.#bytesMax) return false
    const { file, fd } = this.#appendable()
    this.#write(fd, message)
    file.bytes += message.length + HEAD_BYTES
    this.#bytes += message.length + HEAD_BYTES
    if (file.bytes >= FILE_BYTES) this.#endFile()
    return true
  }

  /** Moves messages to a queue, oldest first, until it is full. Returns how many. */
  refill(queue: MessageQueue): number {
    let count = 0
    for (;;) {
      const staged = (this.#staged ??= this.#read())
      if (!staged) return count
      const { bytes, starts, ends, file } = staged
      while (staged.next < starts.length && !queue.isFull) {
        queue.push(bytes, starts[staged.next] ?? 0, ends[staged.next] ?? 0, file)
        staged.next++
        count++
      }
      if (staged.next < starts.length) return count
      this.#staged = undefined
    }
  }

  /** The messages of the oldest file that was not read. */
  #read(): Staged | undefined {
    const file = this.#files.find(({ isRead }) => !isRead)
    if (!file) return undefined
    if (file === this.#files.at(-1)) this.#endFile()
    const { bytes, starts, ends } = this.#contents(file)
    file.isRead = true
    file.unconfirmed = starts.length
    this.#unread--
    if (starts.length === 0) this.#remove(file)
    return { file: file.number, bytes, starts, ends, next: 0 }
  }

  /** What cannot be read any more is damage like other: whoever waits for records to leave must not be harmed by it. */
  #contents({ number }: OverflowFile): Pick<Staged, 'bytes' | 'starts' | 'ends'> {
    try {
      const bytes = readFileSync(this.#path(number))
      return { bytes, ...this.#messagesOf(bytes) }
    } catch {
      this.damaged++
      return { bytes: Buffer.alloc(0), starts: [], ends: [] }
    }
  }

  /** A message of this file has arrived; 0 is none. */
  confirmed(number: number): void {
    if (number === 0) return
    const file = this.#files.find((candidate) => candidate.number === number)
    if (file && --file.unconfirmed === 0) this.#remove(file)
  }

  /**
   * Gives the folder free, with the messages of the queue, which have not arrived, in front of those that it has. Returns
   * how many of the queue it keeps: where they cannot be written those that it had before, whose files stay as they were.
   */
  close(queue: MessageQueue): number {
    this.#endFile()
    const read = this.#files.filter(({ isRead }) => isRead)
    const first = this.#files.find(({ isRead }) => !isRead)
    const isKept = this.#keep(this.#left(queue), first?.number ?? this.#next)
    if (isKept) for (const file of read) this.#remove(file)
    this.#lock.release()
    if (isKept) return queue.length
    let had = 0
    for (let index = 0; index < queue.length; index++) if (queue.fileOf(index) !== 0) had++
    return had
  }

  *#left(queue: MessageQueue): Generator<Buffer> {
    for (let index = 0; index < queue.length; index++) yield queue.message(index)
    const staged = this.#staged
    if (!staged) return
    const { bytes, starts, ends, next } = staged
    for (let i = next; i < starts.length; i++) yield bytes.subarray(starts[i], ends[i])
  }

  /** As one file that stands before the file of this number. False, with no such file, when it cannot be written. */
  #keep(messages: Iterable<Uint8Array>, before: number): boolean {
    let fd: number | undefined
    // Files that were read stand there; theirs is the number that is free when all is well.
    const taken = new Set(this.#files.map(({ number }) => number))
    let number = before - 1
    while (taken.has(number)) number--
    try {
      for (const message of messages) {
        fd ??= openSync(this.#path(number), 'w', 0o600)
        this.#write(fd, message)
      }
      return true
    } catch {
      // Told by what is returned.
      this.#unlink(number)
      return false
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  #write(fd: number, message: Uint8Array): void {
    const framed = Buffer.allocUnsafe(HEAD_BYTES + message.length)
    framed.writeUInt32BE(message.length, 0)
    framed.writeUInt32BE(crc32(message), 4)
    framed.set(message, HEAD_BYTES)
    const written = writeSync(fd, framed)
    if (written < framed.length) {
      // What is behind a torn message could not be found again: others go to another file.
      this.#endFile()
      throw new Error(`only ${written} bytes of a record could be written`)
    }
  }

  #messagesOf(bytes: Buffer): { starts: number[]; ends: number[] } {
    const starts: number[] = []
    const ends: number[] = []
    let at = 0
    while (at + HEAD_BYTES <= bytes.length) {
      const start = at + HEAD_BYTES
      const end = start + bytes.readUInt32BE(at)
      if (end > bytes.length || crc32(bytes.subarray(start, end)) !== bytes.readUInt32BE(at + 4)) break
      starts.push(start)
      ends.push(end)
      at = end
    }
    if (at < bytes.length) this.damaged++
    return { starts, ends }
  }

  #appendable(): { file: OverflowFile; fd: number } {
    const last = this.#files.at(-1)
    if (last && !last.isRead && this.#fd !== undefined) return { file: last, fd: this.#fd }
    this.#endFile()
    const fd = (this.#fd = openSync(this.#path(this.#next), 'a', 0o600))
    const file: OverflowFile = { number: this.#next++, bytes: 0, unconfirmed: 0, isRead: false }
    this.#files.push(file)
    this.#unread++
    return { file, fd }
  }

  #endFile(): void {
    if (this.#fd === undefined) return
    closeSync(this.#fd)
    this.#fd = undefined
  }

  #remove(file: OverflowFile): void {
    this.#files = this.#files.filter((other) => other !== file)
    this.#bytes -= file.bytes
    this.#unlink(file.number)
  }

  #unlink(number: number): void {
    try {
      unlinkSync(this.#path(number))
    } catch {
      // It is gone already, or the next client on the folder sends it again.
    }
  }

  #path(number: number): string {
    return join(this.#dir, `${String(number).padStart(12, '0')}.audit`)
  }
}
