import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Connection } from './connection.ts'
import { beginDeletion, completeDeletion, countDoomed, type DeletingContext, type Doomed } from './delete.ts'
import { Deletions, noteDeletion, type Deletion } from './deletions.ts'
import type { SchemaTarget } from './schema/migration.ts'
import type { DeletionAnswer, DeletionRequest } from './store.ts'

const RETRY_AFTER_SECONDS = 5
const OPEN_AGAIN_MS = 2000

export interface EraserOptions {
  target: SchemaTarget
  logger: Logger
  now: () => number
}

/** Deletes one thing at a time, and completes what an earlier process began. */
export class Eraser {
  readonly deletions = new Deletions()
  readonly #options: EraserOptions
  readonly #closing = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #isBusy = false
  #opened: Connection | undefined

  constructor(options: EraserOptions) {
    this.#options = options
  }

  /**
   * Resolves when it is known what was deleted, or that it cannot be known yet: then it is tried again. What was
   * interrupted is completed afterwards.
   */
  async open(connection: Connection): Promise<void> {
    try {
      await this.deletions.load(connection)
    } catch (error) {
      this.#options.logger.warn({ error }, 'it cannot be known yet what was deleted; pages have to wait')
      void this.#openLater(connection)
      return
    }
    const left = this.deletions.list.filter(({ isDone }) => !isDone)
    for (const deletion of left) {
      void this.#inTurn(() => completeDeletion(this.#context(connection), deletion)).catch((error: unknown) => {
        if (!this.#closing.signal.aborted) {
          this.#options.logger.warn(
            { error, id: deletion.id },
            'a deletion that was interrupted could not be completed',
          )
        }
      })
    }
    this.#opened = connection
  }

  async #openLater(connection: Connection): Promise<void> {
    this.#opened = connection
    try {
      await delay(OPEN_AGAIN_MS, undefined, { signal: this.#closing.signal, ref: false })
    } catch {
      // The store closes.
      return
    }
    // Another connection has come meanwhile, and looks after it.
    if (this.#opened === connection) await this.open(connection)
  }

  async delete(connection: Connection, request: DeletionRequest): Promise<DeletionAnswer> {
    if (request.isDryRun) {
      const { events } = await countDoomed(connection, request.condition)
      return { events, state: 'counted' }
    }
    if (this.#isBusy) {
      throw new AppError('TOO_MANY_REQUESTS', {
        detail: 'Another deletion is under way.',
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    const { begun, completed } = this.#start(connection, request)
    const deletion = await begun
    if (!deletion) return { events: 0, state: 'done' }
    const isDone = await within(completed, request.timeoutMs)
    return { events: deletion.events, state: isDone ? 'done' : 'running' }
  }

  /** Deletes when it is its turn; resolves when it is done. `undefined`: there was nothing. */
  async erase(connection: Connection, doomed: Doomed): Promise<Deletion | undefined> {
    const { begun, completed } = this.#start(connection, doomed)
    const deletion = await begun
    await completed
    return deletion
  }

  /** Writes down that partitions go, has them dropped, and writes down that they are gone. */
  async dropping(
    connection: Connection,
    dropped: Pick<Deletion, 'by' | 'what' | 'events' | 'timestamps' | 'received'>,
    drop: () => Promise<void>,
  ): Promise<void> {
    await this.#inTurn(async () => {
      const scope = { facility: undefined, severities: undefined, sql: '', params: '{}' }
      const deletion = { ...dropped, ...scope, ...this.#fresh(), isDone: false }
      await noteDeletion(connection, deletion)
      await this.deletions.load(connection)
      await drop()
      await completeDeletion(this.#context(connection), deletion)
    })
  }

  /** Resolves when nothing is being waited for any more. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#turn
  }

  #start(connection: Connection, doomed: Doomed): { begun: Promise<Deletion | undefined>; completed: Promise<void> } {
    const context = this.#context(connection)
    const begun = this.#inTurn(() => beginDeletion(context, doomed, this.#fresh()))
    const completed = this.#inTurn(async () => {
      const deletion = await begun
      if (deletion) await completeDeletion(context, deletion)
    })
    // Whoever waits for it is told; who has stopped waiting must not bring the process down.
    completed.catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.logger.warn({ error }, 'a deletion could not be completed yet')
    })
    return { begun, completed }
  }

  #fresh(): { id: string; atMs: number } {
    return { id: randomUUID(), atMs: this.#options.now() }
  }

  #context(connection: Connection): DeletingContext {
    const { target } = this.#options
    return { connection, target, deletions: this.deletions, signal: this.#closing.signal }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(async () => {
      this.#closing.signal.throwIfAborted()
      this.#isBusy = true
      try {
        return await work()
      } finally {
        this.#isBusy = false
      }
    })
    this.#turn = mine.catch(() => undefined)
    return await mine
  }
}

/** Whether it is over within this time. */
async function within(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}
