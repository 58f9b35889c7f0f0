import { randomBytes } from 'node:crypto'
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, open, rename, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { codeOf, lockFile } from './file-lock.ts'
import { formatKeyFile, parseKeyFile, withoutOld, type KeyFile } from './key-file.ts'

export interface KeyStoreOptions {
  /** The data folder. */
  dir: string
  /** Milliseconds since 1970. */
  clock: () => number
  logger: Logger
  /** Called after each change, our own ones too, before `change` resolves. */
  onChange?: (file: KeyFile) => void
  /** Called after `onChange` when it was another process. */
  onForeignChange?: (before: KeyFile | undefined, after: KeyFile) => void
}

export const KEY_FILE = 'keys.json'
const LOCK_FILE = 'keys.lock'
/** Changes by other processes are seen at the latest after this, when the system does not tell of them. */
const POLL_MS = 500
/** Longest wait for another process that changes the file. */
const LOCK_MS_MAX = 5000
/** Changes of this process that wait for each other; more are refused. */
const CHANGES_WAITING_MAX = 256
const FILE_BYTES_MAX = 64 * 1024 * 1024
const RETRY_SECONDS = 5

/**
 * The file of keys: read, changed and watched. Other processes may change it at any time, this one included: a change
 * is made to what is in the file then, under a lock. What cannot be read while we run leaves what we knew in force.
 */
export class KeyStore {
  readonly #options: KeyStoreOptions
  readonly #path: string
  #file: KeyFile | undefined
  /** Which state of the file was looked at last. */
  #seen: string | undefined
  #work: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #isRefreshing = false
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(options: KeyStoreOptions) {
    this.#options = options
    this.#path = join(options.dir, KEY_FILE)
  }

  /** Throws CONFIG_INVALID when there is a file that cannot be used. */
  static async open(options: KeyStoreOptions): Promise<KeyStore> {
    const store = new KeyStore(options)
    const stamp = await stampOf(store.#path)
    if (stamp !== undefined) store.#adopt(await store.#read(), stamp)
    return store
  }

  /** `undefined`: there never was a key. */
  get file(): KeyFile | undefined {
    return this.#file
  }

  /** Sees changes by other processes from now on. Keeps no process alive. */
  watch(): void {
    this.#timer = setInterval(() => this.refresh(), POLL_MS)
    this.#timer.unref()
    try {
      this.#watcher = watch(this.#options.dir, { persistent: false }, (_event, name) => {
        if (name === KEY_FILE || name === null) this.refresh()
      })
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch (err) {
      this.#options.logger.debug({ err }, 'The data folder cannot be watched; the keys are looked at twice a second')
    }
  }

  /** Looks whether the file was changed. */
  refresh(): void {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    void this.#inTurn(() => this.#look())
  }

  /**
   * Makes the file what `edit` returns for what is in it now; the very same object means no change. Resolves when that
   * is on disk and in force. Rejects with what `edit` throws, KEYS_WRITE_FAILED, or TOO_MANY_REQUESTS.
   */
  async change(edit: (file: KeyFile, nowMs: number) => KeyFile): Promise<void> {
    if (this.#waiting >= CHANGES_WAITING_MAX) {
      throw new AppError('TOO_MANY_REQUESTS', { detail: 'Too many changes of keys at once.', retryAfterSeconds: 1 })
    }
    this.#waiting++
    try {
      await this.#inTurn(() => this.#change(edit))
    } catch (cause) {
      if (cause instanceof AppError && cause.code !== 'CONFIG_INVALID') throw cause
      this.#options.logger.error({ err: cause }, 'The file of keys could not be changed')
      const code = codeOf(cause)
      throw new AppError('KEYS_WRITE_FAILED', {
        cause,
        detail: `The file of keys could not be changed${code === undefined ? '' : ` (${code})`}; nothing has changed.`,
        retryAfterSeconds: RETRY_SECONDS,
      })
    } finally {
      this.#waiting--
    }
  }

  /** Waits for changes under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#watcher?.close()
    await this.#work
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#work.then(run)
    // Whoever asked for it is told of its failure.
    this.#work = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  async #look(): Promise<void> {
    this.#isRefreshing = false
    let stamp: string | undefined
    try {
      stamp = await stampOf(this.#path)
      if (stamp === this.#seen) return
      if (stamp === undefined) throw new Error(`${this.#path} is gone`)
      const before = this.#file
      const after = await this.#read()
      this.#adopt(after, stamp)
      this.#options.onForeignChange?.(before, after)
    } catch (err) {
      this.#seen = stamp
      this.#options.logger.error({ err }, 'The file of keys cannot be used; the keys known so far stay in force')
    }
  }

  async #change(edit: (file: KeyFile, nowMs: number) => KeyFile): Promise<void> {
    const { dir, clock } = this.#options
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const lock = await lockFile({ path: join(dir, LOCK_FILE), waitMsMax: LOCK_MS_MAX })
    try {
      const stamp = await stampOf(this.#path)
      if (stamp === undefined && this.#file !== undefined) throw new Error(`${this.#path} is gone`)
      const found = stamp === undefined ? emptyFile() : await this.#read()
      const nowMs = clock()
      const current = withoutOld(found, nowMs)
      const changed = edit(current, nowMs)
      if (changed === current) {
        if (stamp !== undefined) this.#adopt(found, stamp)
        return
      }
      await this.#write(changed, () => lock.isHeld())
      this.#adopt(changed, await stampOf(this.#path))
    } finally {
      await lock.release()
    }
  }

  async #write(changed: KeyFile, isHeld: () => Promise<boolean>): Promise<void> {
    const { dir } = this.#options
    const contents = Buffer.from(formatKeyFile(changed))
    if (contents.length > FILE_BYTES_MAX) {
      throw new AppError('KEYS_FULL', { detail: 'The file of keys would be too large.', hint: 'Revoke keys first.' })
    }
    const temporary = `${this.#path}.new`
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.chmod(0o600)
      await giveToOwnerOf(dir, file)
      await file.writeFile(contents)
      await file.sync()
    } finally {
      await file.close()
    }
    if (!(await isHeld())) throw new Error('the lock was taken over by another process')
    await rename(temporary, this.#path)
    const folder = await open(dir)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async #read(): Promise<KeyFile> {
    let text: string
    try {
      const file = await open(this.#path)
      try {
        await this.#makePrivate(file)
        text = await file.readFile('utf8')
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw new AppError('CONFIG_INVALID', {
        cause,
        detail: `The file of keys ${this.#path} cannot be read: ${(cause as Error).message}`,
        hint: 'Give it to the user that the server runs as.',
      })
    }
    try {
      return parseKeyFile(text)
    } catch (cause) {
      // No cause: what JSON.parse says bears a piece of the text, which may be a secret.
      const problem = cause instanceof SyntaxError ? 'it is not JSON' : (cause as Error).message
      throw new AppError('CONFIG_INVALID', {
        detail: `The file of keys ${this.#path} is damaged: ${problem}`,
        hint: 'Put a copy of it back. Without the file no key is valid any more, and the server starts as at the first time.',
      })
    }
  }

  /** Nobody but the owner may read it. */
  async #makePrivate(file: FileHandle): Promise<void> {
    const { mode } = await file.stat()
    if ((mode & 0o077) === 0) return
    const { logger } = this.#options
    const was = { path: this.#path, mode: (mode & 0o777).toString(8) }
    try {
      await file.chmod(0o600)
      logger.warn(was, 'The file of keys could be read by others; now it is for its owner alone')
    } catch (err) {
      logger.warn({ ...was, err }, 'The file of keys can be read by others, and belongs to somebody else')
    }
  }

  #adopt(file: KeyFile, stamp: string | undefined): void {
    this.#file = file
    this.#seen = stamp
    this.#options.onChange?.(file)
  }
}

function emptyFile(): KeyFile {
  return { secret: randomBytes(32).toString('base64url'), keys: [], endedSessions: [], untold: [] }
}

/** Tells one state of a file from the next; `undefined`: there is none. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** What the superuser makes on the command line has to stay readable for the user that the server runs as. */
async function giveToOwnerOf(dir: string, file: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dir)
  if (uid !== 0) await file.chown(uid, gid)
}
