import { crc32 } from 'node:zlib'
import { ROW_RECEIVED, type EventBatch } from '../core/batch.ts'
import type { Counter } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { SpoolContext } from './context.ts'
import { systemCode } from './disk.ts'
import { fileName, TEMPORARY, type RowsFile } from './names.ts'
import type { Room } from './room.ts'

/** Batches below this are copied together before they are written: a buffer of its own would cost more. */
const COPY_BYTES_MAX = 4096

/** Batches that become one file. */
interface Group {
  contents: Uint8Array[]
  bytes: number
  rows: number
  /** Running checksum of the contents. */
  crc: number
  receivedNs: bigint
  /** When the first batch came. */
  sinceMs: number
  waiting: { resolve: () => void; reject: (error: unknown) => void }[]
}

/**
 * Group commit. Batches that wait together become one file; the next group gathers while one is written. Promises are
 * settled in the order of the writes. The bytes are not copied: a batch stays in memory until its group is durable.
 */
export class Writer {
  readonly #context: SpoolContext
  readonly #room: Room
  readonly #onFile: (file: RowsFile) => void
  readonly #groups: Group[] = []
  #sequence: number
  #holders = 0
  #isClosing = false
  #isScheduled = false
  #isRunning = false
  /** The loop that runs or ran last. */
  #run: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined
  readonly #flushes: Counter
  readonly #bytes: Counter

  /** `onFile` is called for each durable file before the writers in it are told. */
  constructor(context: SpoolContext, room: Room, nextSequence: number, onFile: (file: RowsFile) => void) {
    this.#context = context
    this.#room = room
    this.#sequence = nextSequence
    this.#onFile = onFile
    this.#flushes = context.counters.counter('spool_flushes_total')
    this.#bytes = context.counters.counter('spool_bytes_total')
  }

  /** True while a batch is neither durable nor refused. */
  get isBusy(): boolean {
    return this.#groups.length > 0
  }

  write(batch: EventBatch): Promise<void> {
    if (batch.rows === 0) return Promise.resolve()
    const { limits, counters } = this.#context
    if (batch.rows > limits.loadRowsMax) throw new RangeError(`a batch of ${batch.rows} rows is above loadRowsMax`)
    const refusal = this.#isClosing
      ? { reason: 'closing', error: new AppError('SERVER_CLOSING') }
      : this.#room.refusal(batch.length)
    if (refusal) {
      counters.add('spool_refused_total', { reason: refusal.reason }, batch.rows)
      return Promise.reject(refusal.error)
    }
    return new Promise((resolve, reject) => this.#add(batch, resolve, reject))
  }

  hold(): () => void {
    this.#holders++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holders--
      this.#schedule()
    }
  }

  /** Refuses what comes from now on; resolves when everything accepted is settled. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#start()
    await this.#run
  }

  #add(batch: EventBatch, resolve: () => void, reject: (error: unknown) => void): void {
    const contents = batch.bytes.subarray(0, batch.length)
    const receivedNs = contents.readBigInt64LE((batch.offsets[batch.rows - 1] ?? 0) + ROW_RECEIVED)
    let group = this.#groups.at(-1)
    if (!group || group.bytes + batch.length > this.#context.limits.flushBytes || group === this.#writing) {
      const sinceMs = this.#context.clock.nowMs()
      group = { contents: [], bytes: 0, rows: 0, crc: 0, receivedNs, sinceMs, waiting: [] }
      this.#groups.push(group)
    }
    group.contents.push(contents)
    group.crc = crc32(contents, group.crc)
    group.bytes += batch.length
    group.rows += batch.rows
    group.receivedNs = receivedNs
    group.waiting.push({ resolve, reject })
    this.#room.waitingBytes += batch.length
    this.#schedule()
  }

  /** The group under way; it stays the first of `#groups` until it is settled. */
  #writing: Group | undefined

  /** Looks at the end of this turn of the event loop whether it is time: others may write in the same turn. */
  #schedule(): void {
    if (this.#isScheduled || this.#isRunning) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#start()
    })
  }

  #start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#run = this.#writeDue()
  }

  async #writeDue(): Promise<void> {
    for (let group = this.#groups[0]; group && this.#isDue(group); group = this.#groups[0]) await this.#commit(group)
    this.#isRunning = false
    const [first] = this.#groups
    if (!first) return
    const waitedMs = this.#context.clock.nowMs() - first.sinceMs
    const ms = Math.max(1, Math.ceil(this.#context.limits.flushDelayMs - waitedMs))
    this.#cancelTimer = this.#context.clock.after(ms, () => this.#start())
  }

  #isDue(group: Group): boolean {
    if (this.#holders === 0 || this.#isClosing || this.#groups.length > 1) return true
    const { limits, clock } = this.#context
    return group.bytes >= limits.flushBytes || clock.nowMs() - group.sinceMs >= limits.flushDelayMs
  }

  async #commit(group: Group): Promise<void> {
    this.#writing = group
    let file: RowsFile | undefined
    let failure: unknown
    try {
      this.#room.look()
      file = await this.#writeFile(group)
    } catch (error) {
      failure = error
    }
    this.#writing = undefined
    this.#groups.shift()
    this.#room.waitingBytes -= group.bytes
    if (file) {
      this.#flushes.add()
      this.#bytes.add(group.bytes)
      this.#room.wrote(group.bytes)
      this.#onFile(file)
      for (const { resolve } of group.waiting) resolve()
    } else {
      const error = this.#writeFailed(failure, group)
      for (const { reject } of group.waiting) reject(error)
      this.#context.ledger.wake()
    }
  }

  async #writeFile(group: Group): Promise<RowsFile> {
    const { dir, disk } = this.#context
    const { rows, bytes, crc, receivedNs } = group
    const sequence = this.#sequence++
    const name = fileName({ sequence, receivedNs, rows, crc })
    const path = `${dir}/${name}`
    const temporary = path + TEMPORARY
    try {
      await disk.write(temporary, joined(group.contents))
      await disk.rename(temporary, path)
      await disk.syncFolder(dir)
    } catch (error) {
      await this.#discard(temporary)
      await this.#discard(path)
      throw error
    }
    return { name, sequence, receivedNs, rows, crc, bytes }
  }

  async #discard(path: string): Promise<void> {
    try {
      await this.#context.disk.removeFile(path)
    } catch (error) {
      // What is left under the temporary name is removed at the next start.
      if (systemCode(error) !== 'ENOENT')
        this.#context.logger.error({ err: error, path }, 'A spool file could not be removed')
    }
  }

  #writeFailed(cause: unknown, group: Group): AppError {
    const { counters, logger } = this.#context
    counters.add('spool_write_failures_total')
    counters.add('spool_refused_total', { reason: 'write' }, group.rows)
    logger.error(
      { err: cause, events: group.rows, bytes: group.bytes },
      'The spool could not be written; its writers were told',
    )
    const code = systemCode(cause)
    return new AppError('SPOOL_WRITE_FAILED', {
      cause,
      detail: `The spool could not be written${code === undefined ? '' : `: ${code}`}. Nothing of this was kept.`,
      hint: code === 'ENOSPC' ? 'The disk is full: make room on it.' : 'See the server’s log for the cause.',
      retryAfterSeconds: 5,
    })
  }
}

/** The same contents, with neighbouring small pieces copied together. */
function joined(contents: readonly Uint8Array[]): readonly Uint8Array[] {
  if (contents.length < 2) return contents
  const result: Uint8Array[] = []
  let first = 0
  for (let index = 0; index <= contents.length; index++) {
    const piece = contents[index]
    if (piece && piece.length < COPY_BYTES_MAX) continue
    if (index > first) result.push(Buffer.concat(contents.slice(first, index)))
    if (piece) result.push(piece)
    first = index + 1
  }
  return result
}
