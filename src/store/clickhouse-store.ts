/** The store over a connection that comes and goes. `embedded.ts` and `remote.ts` attach and detach it. */
import { AppError } from '../core/errors.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Statement } from '../core/statement.ts'
import { formatDuration, NS_PER_MS } from '../core/time.ts'
import type { Connection } from './connection.ts'
import { Eraser } from './eraser.ts'
import { loadFiles, loadStream } from './load.ts'
import { READ_LIMITS, openAnswer, readAll, readTexts, type ReadLimits } from './read.ts'
import { enforceRetention, ROLLUPS, type RetentionRun, type RetentionRules } from './retention.ts'
import { previewFilters } from './retention-preview.ts'
import { dropOrphans, enforceFilters, type KeepRule } from './retention-filters.ts'
import { Silence } from './silence.ts'
import type { SchemaTarget } from './schema/migration.ts'
import { readFigures, type StoreFigures } from './status.ts'
import type {
  DeletionAnswer,
  DeletionRequest,
  DeletionsKnown,
  DoomedByRule,
  LoadRequest,
  ReadOptions,
  ReadResult,
  RowSeparator,
  Store,
  StoreStatus,
} from './store.ts'

const RETENTION_RUNS_KEPT = 20
const RETRY_AFTER_SECONDS = 2
export const SILENCE_MS_MAX = 10_000

export interface ClickHouseStoreOptions {
  kind: StoreStatus['kind']
  /** Whether the engine can open the spool's files by their path. */
  sharesFiles: boolean
  schema: SchemaTarget
  limits?: Partial<ReadLimits>
  retention: RetentionRules
  /** How long the store may leave a ping unanswered before it counts as away. */
  silenceMsMax?: number
  logger: Logger
  counters: Counters
  now: () => number
  restarts: () => number
  /** Resident memory of an engine of our own; null where that is not known. */
  residentBytes?: () => number | null
  /** Ends what stands behind the connection. */
  end: () => Promise<void>
}

export class ClickHouseStore implements Store {
  readonly #options: ClickHouseStoreOptions
  readonly #limits: ReadLimits
  readonly #retentionTimer: NodeJS.Timeout
  readonly #eraser: Eraser
  readonly #silence: Silence
  readonly #silenceMsMax: number
  #connection: Connection | undefined
  #state: StoreStatus['state'] = 'starting'
  #reason: string | null = null
  #retentionRuns: RetentionRun[] = []
  #retention: Promise<void> = Promise.resolve()
  #filtersAppliedMs = -Infinity
  #loads = 0
  #whenIdle: (() => void) | undefined

  constructor(options: ClickHouseStoreOptions) {
    this.#options = options
    this.#eraser = new Eraser({ target: options.schema, logger: options.logger, now: options.now })
    this.#limits = { ...READ_LIMITS, ...options.limits }
    this.#retentionTimer = setInterval(() => void this.enforceRetention(), options.retention.everyMs)
    this.#retentionTimer.unref()
    this.#silenceMsMax = options.silenceMsMax ?? SILENCE_MS_MAX
    this.#silence = new Silence({
      limitMs: this.#silenceMsMax,
      connection: () => this.#connection,
      onChange: (isSilent) => this.#noteSilence(isSilent),
    })
  }

  /** It is connected, and answers. */
  get isReady(): boolean {
    return this.isConnected && !this.#silence.isOn
  }

  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  get deletions(): DeletionsKnown {
    return this.#eraser.deletions
  }

  /** From here on there is somebody to ask. Rejects when what was deleted cannot be read. */
  async attach(connection: Connection): Promise<void> {
    await this.#eraser.open(connection)
    this.#connection = connection
    this.#state = 'ready'
    this.#reason = null
    this.#silence.reset()
  }

  detach(reason: string): void {
    if (this.#state === 'closed') return
    const connection = this.#connection
    this.#connection = undefined
    this.#state = 'down'
    this.#reason = reason
    this.#silence.reset()
    void connection?.close()
  }

  #noteSilence(isSilent: boolean): void {
    if (this.#state === 'closed' || !this.isConnected) return
    this.#state = isSilent ? 'down' : 'ready'
    this.#reason = isSilent
      ? `The store runs but does not answer: it has been silent for ${formatDuration(BigInt(this.#silenceMsMax) * NS_PER_MS)}.`
      : null
    if (isSilent) this.#options.logger.error({ reason: this.#reason }, 'the store does not answer')
    else this.#options.logger.info({}, 'the store answers again')
  }

  async load(request: LoadRequest): Promise<void> {
    const connection = this.#connected()
    const started = performance.now()
    this.#loads++
    try {
      await (this.#options.sharesFiles ? loadFiles(connection, request) : loadStream(connection, request))
      this.#options.counters.add('store_loads_total')
      this.#options.counters.add('store_load_ms_total', {}, Math.round(performance.now() - started))
    } catch (error) {
      const reason = error instanceof AppError ? error.code : 'unknown'
      this.#options.counters.add('store_load_failures_total', { reason })
      throw error
    } finally {
      this.#loads--
      if (this.#loads === 0) this.#whenIdle?.()
    }
  }

  async select(statement: Statement, options: ReadOptions = {}): Promise<ReadResult> {
    return await readAll(this.#connected(), statement, options, this.#limits)
  }

  async *stream(statement: Statement, options: ReadOptions = {}): AsyncGenerator<unknown[], void, undefined> {
    const answer = await openAnswer(this.#connected(), statement, options, this.#limits)
    try {
      yield answer.columns
      yield* answer.rows
    } finally {
      await answer.rows.return()
    }
  }

  texts(
    statement: Statement,
    separator: RowSeparator,
    options: ReadOptions = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    return readTexts(this.#connected(), statement, separator, options, this.#limits)
  }

  async delete(request: DeletionRequest): Promise<DeletionAnswer> {
    return await this.#eraser.delete(this.#connected(), request)
  }

  /** Rows of a small question as the owner, system tables included: for tests and diagnosis, never for readers. */
  async inspect<T>(statement: Statement): Promise<T[]> {
    return await this.#connected().rows<T>(statement)
  }

  async status(): Promise<StoreStatus> {
    const figures = await this.#figures()
    return {
      kind: this.#options.kind,
      state: this.#state,
      version: figures?.version ?? null,
      reason: this.#reason,
      restarts: this.#options.restarts(),
      rows: figures?.rows ?? 0,
      bytesOnDisk: figures?.bytesOnDisk ?? 0,
      oldest: figures?.oldest ?? null,
      newest: figures?.newest ?? null,
      memoryBytes: this.#options.residentBytes?.() ?? figures?.memoryBytes ?? null,
      diskFreeBytes: figures?.diskFreeBytes ?? null,
      retention: this.#retentionRuns,
    }
  }

  async #figures(): Promise<StoreFigures | undefined> {
    if (this.#connection === undefined) return undefined
    try {
      const figures = readFigures(this.#connection, this.#options.schema)
      // Of one that hangs nobody hears any more.
      figures.catch(() => undefined)
      return (await Promise.race([figures, this.#silence.begun])) ?? undefined
    } catch (error) {
      this.#options.logger.warn({ error }, 'the figures of the store could not be read')
      return undefined
    }
  }

  async previewRetention(keep: readonly KeepRule[], options: ReadOptions = {}): Promise<DoomedByRule[]> {
    const { schema: target, retention, now } = this.#options
    const context = { connection: this.#connected(), target, limits: this.#limits, nowMs: now() }
    return await previewFilters(context, { ageMs: retention.ageMs, keep }, options)
  }

  /** Applies the retention rules now. Runs one at a time; a failure is logged and tried again at the next turn. */
  async enforceRetention(): Promise<void> {
    const previous = this.#retention
    this.#retention = (async () => {
      await previous
      await this.#enforceOnce()
    })()
    await this.#retention
  }

  async #enforceOnce(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    try {
      for (const run of await this.#enforceRules(connection)) {
        this.#options.logger.info(
          run,
          run.rule === 'filter' ? 'retention deleted events' : 'retention dropped a partition',
        )
        this.#retentionRuns = [run, ...this.#retentionRuns].slice(0, RETENTION_RUNS_KEPT)
      }
    } catch (error) {
      this.#options.logger.warn({ error }, 'retention could not be applied and will be tried again')
    }
  }

  async #enforceRules(connection: Connection): Promise<RetentionRun[]> {
    const { schema: target, retention, now } = this.#options
    const nowMs = now()
    const rules = { ...retention, keep: retention.keep(nowMs) }
    const runs = await enforceRetention({ connection, target, eraser: this.#eraser }, rules, nowMs)
    if (rules.keep.length === 0 || nowMs - this.#filtersAppliedMs < rules.keepEveryMs) return runs
    this.#filtersAppliedMs = nowMs
    runs.push(...(await enforceFilters(connection, this.#eraser, rules, nowMs)))
    await dropOrphans(connection, target, ROLLUPS)
    return runs
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reason = 'The server is shutting down.'
    clearInterval(this.#retentionTimer)
    this.#silence.close()
    if (this.#loads > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
    await this.#eraser.close()
    await this.#retention
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
    await this.#options.end()
  }

  #connected(): Connection {
    if (this.#connection !== undefined && this.#state !== 'closed') return this.#connection
    throw new AppError('STORE_UNREACHABLE', {
      detail: this.#reason ?? 'The store is starting.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }
}
