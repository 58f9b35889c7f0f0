/**
 * engine: a real ClickHouse as a child of this process, kept alive. It must know nothing of tables and events. Start
 * here; `engine-process.ts` is one life of the child, `engine-config.ts` what it is told, `locate.ts` where it is.
 */
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { EngineMemory } from './engine-config.ts'
import { locateEngine } from './locate.ts'
import {
  EngineProcess,
  endKind,
  endSentence,
  startError,
  type EngineEnd,
  type EngineEndpoint,
} from './engine-process.ts'

const BACKOFF_MS_MIN = 100
/** Longest pause after a life that had answered. */
const BACKOFF_MS_MAX = 1000
/** Longest pause while it does not even start. */
const BACKOFF_FAILED_MS_MAX = 10_000
/** A life this long counts as healthy: the backoff starts anew. */
const STABLE_MS = 10_000
/** A server that was killed leaves an engine that needs a moment to end: its lock is waited for this long. */
const LOCK_WAIT_MS = 15_000
const STOP_GRACE_MS = 8000

export interface EngineOptions {
  /** Folder for data, config and log of the engine. Created where it is missing. */
  folder: string
  logger: Logger
  memory: EngineMemory
  lockWaitMs?: number
  extraXml?: string
  extraArguments?: readonly string[]
  /** Called after each start, before anybody may use it; a rejection fails that start. */
  onUp(endpoint: EngineEndpoint): Promise<void>
  onDown(reason: string): void
}

export class Engine {
  readonly #options: EngineOptions
  readonly #library: string
  readonly #closing = new AbortController()
  #process: EngineProcess | undefined
  #supervision: Promise<void> = Promise.resolve()
  #restarts = 0

  private constructor(options: EngineOptions, library: string) {
    this.#options = options
    this.#library = library
  }

  /**
   * Starts the engine; resolves after the first `onUp`. Rejects with ENGINE_UNAVAILABLE, ENGINE_LOCKED or
   * STORE_UNREACHABLE, or with what `onUp` rejected with. Later ends are followed by a new start until `stop`.
   */
  static async start(options: EngineOptions): Promise<Engine> {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const engine = new Engine(options, locateEngine())
    const process = await engine.#firstLife()
    engine.#supervision = engine.#supervise(process)
    return engine
  }

  get restarts(): number {
    return this.#restarts
  }

  /** How to reach the present life. */
  get endpoint(): EngineEndpoint | undefined {
    return this.#process?.endpoint
  }

  /** Process id of the present life, for tests and for reading its memory use. */
  get pid(): number | undefined {
    return this.#process?.endpoint.pid
  }

  async stop(): Promise<void> {
    this.#closing.abort()
    await this.#process?.stop(STOP_GRACE_MS)
    await this.#supervision
  }

  async #firstLife(): Promise<EngineProcess> {
    const deadline = Date.now() + (this.#options.lockWaitMs ?? LOCK_WAIT_MS)
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#start()
      if (outcome instanceof EngineProcess) return outcome
      const kind = endKind(outcome)
      const isWorthRetrying = (kind === 'locked' && Date.now() < deadline) || (kind === 'port-taken' && attempt < 5)
      if (!isWorthRetrying) throw startError(outcome, this.#options.folder)
      if (kind === 'locked') await delay(200)
    }
  }

  /** One start: the running process, or why it ended. Rejects with what `onUp` rejects with. */
  async #start(): Promise<EngineProcess | EngineEnd> {
    const { folder, memory, extraXml, extraArguments } = this.#options
    const process = await EngineProcess.spawn({
      folder,
      library: this.#library,
      memory,
      mergeThreads: Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2))),
      ...(extraXml === undefined ? {} : { extraXml }),
      ...(extraArguments === undefined ? {} : { extraArguments }),
    })
    this.#process = process
    if (!(await process.waitReady())) {
      const end = await process.ended
      process.removeRun()
      return end
    }
    process.removeOldRuns(folder)
    try {
      await this.#options.onUp(process.endpoint)
    } catch (error) {
      await process.stop(STOP_GRACE_MS)
      throw error
    }
    return process
  }

  async #supervise(first: EngineProcess): Promise<void> {
    let process = first
    let backoffMs = BACKOFF_MS_MIN
    while (!this.#closing.signal.aborted) {
      const startedAt = Date.now()
      const end = await process.ended
      if (this.#closing.signal.aborted) return
      backoffMs = Date.now() - startedAt > STABLE_MS ? BACKOFF_MS_MIN : Math.min(backoffMs, BACKOFF_MS_MAX)
      this.#report(endSentence(end), end)
      for (;;) {
        await delay(backoffMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
        if (this.#closing.signal.aborted) return
        backoffMs = Math.min(backoffMs * 2, BACKOFF_FAILED_MS_MAX)
        this.#restarts++
        const next = await this.#startAgain()
        if (this.#closing.signal.aborted) {
          await next?.stop(STOP_GRACE_MS)
          return
        }
        if (next) {
          process = next
          break
        }
      }
    }
  }

  async #startAgain(): Promise<EngineProcess | undefined> {
    try {
      const outcome = await this.#start()
      if (outcome instanceof EngineProcess) {
        this.#options.logger.info({ restarts: this.#restarts }, 'the engine runs again')
        return outcome
      }
      this.#report(endSentence(outcome), outcome)
    } catch (error) {
      const reason = error instanceof AppError ? (error.detail ?? error.title) : String(error)
      this.#report(reason, { error })
    }
    return undefined
  }

  #report(reason: string, fields: object): void {
    this.#options.onDown(reason)
    this.#options.logger.error(fields, 'the engine is down and will be started again')
  }
}
