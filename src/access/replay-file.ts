import { closeSync, openSync, writeSync } from 'node:fs'
import { open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { codeOf } from './file-lock.ts'
import type { ReceivedSignature, ReplayWindow } from './replays.ts'

export interface ReplayFileOptions {
  /** The data folder. */
  dir: string
  clock: () => number
  logger: Logger
  /** A log that is longer is put into the file of all; 4 MiB unless given. */
  logBytes?: number
}

const FILE = 'signatures.json'
const FORMAT = 1
const LOG = /^signatures-(\d{1,15})\.log$/
const LOG_LINE = /^(\d+) ([\w-]+)$/
const LOG_BYTES = 4 * 1024 * 1024
/** Where the log cannot be put into the file of all it grows to this many times `logBytes`. */
const LOG_GROWTH_MAX = 16
const UNKNOWN = 'Signatures that were received before the start are not known; those ahead could be repeated'

interface Content {
  format: number
  signatures: [timestampMs: number, signature: string][]
}

/**
 * Signatures from before the start are refused by their time, whether they were received or not. Those of senders
 * whose clocks are ahead bear a time after the next start, and have to be remembered over it, also when the process is
 * killed: each is in a log before its request is let in. (Not flushed to the disk: when the machine loses its power,
 * the last ones may be lost.) One file of all that count replaces the logs now and then, and when the server is closed.
 */
export class ReplayFile {
  readonly #dir: string
  readonly #clock: () => number
  readonly #logger: Logger
  readonly #logBytes: number
  /** Logs that are there, the one that is written last. */
  #logs: string[] = []
  #nextLog = 1
  #fd: number | undefined
  #bytes = 0
  #saveAtBytes: number
  #window: ReplayWindow | undefined
  #saving: Promise<void> | undefined

  constructor({ dir, clock, logger, logBytes = LOG_BYTES }: ReplayFileOptions) {
    this.#dir = dir
    this.#clock = clock
    this.#logger = logger
    this.#logBytes = logBytes
    this.#saveAtBytes = logBytes
  }

  /** What an earlier process has received. To be called first, once. */
  async read(): Promise<ReceivedSignature[]> {
    const found: ReceivedSignature[] = []
    await this.#attempt(UNKNOWN, async () => void found.push(...(await this.#readFile())))
    await this.#attempt(UNKNOWN, async () => {
      const names = (await filesIn(this.#dir)).filter((name) => LOG.test(name))
      this.#logs = names
      this.#nextLog = 1 + Math.max(0, ...names.map((name) => Number(LOG.exec(name)?.[1])))
      for (const name of names) for (const received of await this.#readLog(name)) found.push(received)
    })
    return found
  }

  /** From now on the window says what counts. */
  async keep(window: ReplayWindow): Promise<void> {
    this.#window = window
    if (this.#logs.length > 0) await this.#save()
  }

  /** Returns when a restart would know it. Throws KEYS_WRITE_FAILED. */
  append({ timestampMs, signature }: ReceivedSignature): void {
    // Begins with a line break as well: what was there before may be half a line.
    const line = Buffer.from(`\n${timestampMs} ${encode(signature)}\n`)
    // Before this one is written: the window does not know it yet.
    if (this.#bytes >= this.#saveAtBytes) this.#saving ??= this.#save()
    if (this.#bytes >= this.#logBytes * LOG_GROWTH_MAX) throw unsaved(new Error('the log is full'))
    try {
      this.#fd ??= this.#openLog()
      if (writeSync(this.#fd, line) !== line.length) throw new Error('it was written in part')
    } catch (cause) {
      throw unsaved(cause)
    }
    this.#bytes += line.length
  }

  async close(): Promise<void> {
    await this.#saving
    await this.#save()
  }

  #openLog(): number {
    const name = `signatures-${this.#nextLog}.log`
    const fd = openSync(join(this.#dir, name), 'a', 0o600)
    this.#nextLog++
    this.#logs.push(name)
    return fd
  }

  /** What is appended meanwhile goes to another log; those of before are there until the file of all is. */
  async #save(): Promise<void> {
    const logs = this.#logs
    const bytes = this.#bytes
    const fd = this.#fd
    this.#fd = undefined
    this.#logs = []
    const isSaved = await this.#attempt(
      'Received signatures could not be saved; those ahead of time could be repeated after a restart',
      async () => {
        if (fd !== undefined) closeSync(fd)
        await write(join(this.#dir, FILE), this.#window?.since(this.#clock()) ?? [])
        for (const name of logs) await unlink(join(this.#dir, name)).catch(ignoreAbsence)
      },
    )
    if (isSaved) this.#bytes -= bytes
    else this.#logs.unshift(...logs)
    this.#saveAtBytes = Math.min(this.#bytes, this.#logBytes * (LOG_GROWTH_MAX - 1)) + this.#logBytes
    this.#saving = undefined
  }

  async #readFile(): Promise<ReceivedSignature[]> {
    try {
      const { format, signatures } = JSON.parse(await readFile(join(this.#dir, FILE), 'utf8')) as Content
      if (format !== FORMAT) return []
      return signatures.map(([timestampMs, text]) => ({ timestampMs, signature: decode(text) }))
    } catch (error) {
      ignoreAbsence(error)
      return []
    }
  }

  async #readLog(name: string): Promise<ReceivedSignature[]> {
    const lines = (await readFile(join(this.#dir, name), 'latin1')).split('\n')
    return lines.flatMap((line) => {
      const [, time, text] = LOG_LINE.exec(line) ?? []
      return text === undefined ? [] : [{ timestampMs: Number(time), signature: decode(text) }]
    })
  }

  /** Whether it did not fail. */
  async #attempt(warning: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run()
      return true
    } catch (err) {
      this.#logger.warn({ err }, warning)
      return false
    }
  }
}

/** Whole or not at all; no file where there is nothing to remember. */
async function write(path: string, signatures: readonly ReceivedSignature[]): Promise<void> {
  if (signatures.length === 0) {
    await unlink(path).catch(ignoreAbsence)
    return
  }
  const content: Content = {
    format: FORMAT,
    signatures: signatures.map(({ timestampMs, signature }) => [timestampMs, encode(signature)]),
  }
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(content))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/** None where nothing was ever written, as with storage in memory. */
async function filesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    ignoreAbsence(error)
    return []
  }
}

function unsaved(cause: unknown): AppError {
  return new AppError('KEYS_WRITE_FAILED', {
    cause,
    detail: 'A signature whose time is ahead is taken only once a restart would know it, and it could not be saved.',
    hint: 'Set the clock of the sender, or look at the data folder and its disk.',
  })
}

function ignoreAbsence(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error
}

function encode(signature: string): string {
  return Buffer.from(signature, 'latin1').toString('base64url')
}

function decode(text: string): string {
  return Buffer.from(text, 'base64url').toString('latin1')
}
