import type { Counter } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import { moveInto, newBatch, quarantine, removeBatch, syncBatch, verify, type BatchFolder } from './batch-folder.ts'
import type { SpoolContext } from './context.ts'
import { removeWhole } from './disk.ts'
import { halve, removeReplaced, split, type Pile } from './isolate.ts'
import { DAMAGED, type RowsFile } from './names.ts'

/** What is in the spool when it opens, each in the order of arrival. */
export interface Leftovers {
  batches: BatchFolder[]
  piles: Pile[]
  files: RowsFile[]
}

/** Two lanes, so that rows which are being isolated never hold up others. Each has at most one batch under way. */
interface Lane {
  step: () => Promise<void>
  hasWork: () => boolean
  failures: number
  notBeforeMs: number
}

/** Brings files into the store, one load at a time, until it is closed. */
export class Loader {
  readonly #context: SpoolContext
  /** Files that lie in the spool's own folder. */
  readonly #queue: { path: string; files: RowsFile[] }
  /** The first is under way or next; more only after a start. */
  readonly #batches: BatchFolder[]
  readonly #piles: Pile[]
  /** The file of a pile that is being tried alone. */
  #single: BatchFolder | undefined
  /** In the store, but their folders could not be removed yet. */
  #stored: BatchFolder[] = []
  /** How often parts of a file were refused, by sequence. */
  readonly #refusals = new Map<number, number>()
  readonly #main: Lane
  readonly #isolation: Lane
  #lastError: string | null = null
  #isClosing = false
  #wake: (() => void) | undefined
  readonly #ended: Promise<void>
  readonly #loads: Counter
  readonly #loadedRows: Counter

  constructor(context: SpoolContext, leftovers: Leftovers) {
    this.#context = context
    this.#queue = { path: context.dir, files: leftovers.files }
    this.#batches = leftovers.batches
    this.#piles = leftovers.piles
    this.#main = {
      step: () => this.#loadNext(),
      hasWork: () => this.#batches.length > 0 || this.#queue.files.length > 0 || this.#stored.length > 0,
      failures: 0,
      notBeforeMs: 0,
    }
    this.#isolation = {
      step: () => this.#isolateNext(),
      hasWork: () => this.#single !== undefined || this.#piles.length > 0,
      failures: 0,
      notBeforeMs: 0,
    }
    this.#loads = context.counters.counter('spool_loads_total')
    this.#loadedRows = context.counters.counter('spool_loaded_events_total')
    this.#ended = this.#run()
  }

  get loadingBatches(): number {
    return this.#batches.length + (this.#single ? 1 : 0)
  }

  get lastError(): string | null {
    return this.#lastError
  }

  /** A durable file has come. */
  add(file: RowsFile): void {
    this.#queue.files.push(file)
    this.#wake?.()
  }

  /** Ends after the load under way. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#wake?.()
    await this.#ended
  }

  async #run(): Promise<void> {
    let last: Lane | undefined
    while (!this.#isClosing) {
      const lanes = last === this.#main ? [this.#isolation, this.#main] : [this.#main, this.#isolation]
      const waiting = lanes.filter((lane) => lane.hasWork())
      const nowMs = this.#context.clock.nowMs()
      last = waiting.find((lane) => lane.notBeforeMs <= nowMs || (lane === this.#main && this.#isLoadFull()))
      if (last) await this.#take(last)
      else await this.#pause(Math.min(...waiting.map((lane) => lane.notBeforeMs - nowMs)))
    }
  }

  /** Whether a whole load waits: nothing is gained by waiting for more, unless the store is in trouble. */
  #isLoadFull(): boolean {
    return this.#main.failures === 0 && this.#countNext() < this.#queue.files.length
  }

  /** One step of a lane, and what follows from its outcome. */
  async #take(lane: Lane): Promise<void> {
    const { clock, limits, counters, logger } = this.#context
    const startedMs = clock.nowMs()
    try {
      await this.#removeStored()
      await lane.step()
      await this.#removeStored()
      lane.failures = 0
      lane.notBeforeMs = lane === this.#main ? startedMs + limits.loadIntervalMs : 0
    } catch (error) {
      lane.failures++
      const backoffMs = Math.min(limits.backoffMsMin * 2 ** (lane.failures - 1), limits.backoffMsMax)
      lane.notBeforeMs = clock.nowMs() + backoffMs
      counters.add('spool_load_failures_total')
      const text = error instanceof Error ? error.message : String(error)
      if (this.#lastError !== text)
        logger.warn({ err: error, retryMs: backoffMs }, 'Loading into the store failed; events wait in the spool')
      this.#lastError = text
    }
  }

  /** Waits so long (forever if it is Infinity) or until something happens. */
  async #pause(ms: number): Promise<void> {
    let cancel: (() => void) | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (Number.isFinite(ms)) cancel = this.#context.clock.after(Math.max(1, Math.ceil(ms)), resolve)
    })
    cancel?.()
    this.#wake = undefined
  }

  async #loadNext(): Promise<void> {
    let [batch] = this.#batches
    const [first] = this.#queue.files
    if (!batch && first) {
      batch = await newBatch(this.#context, first)
      this.#batches.push(batch)
      await moveInto(this.#context, batch, this.#queue, this.#countNext())
    }
    if (!batch) return
    await this.#load(batch)
    this.#batches.shift()
  }

  /** How many of the waiting files make the next load. */
  #countNext(): number {
    const { loadFilesMax, loadBytesMax, loadRowsMax } = this.#context.limits
    const { files } = this.#queue
    let count = 0
    let bytes = 0
    let rows = 0
    for (; count < files.length && count < loadFilesMax; count++) {
      bytes += files[count]?.bytes ?? 0
      rows += files[count]?.rows ?? 0
      if (count > 0 && (bytes > loadBytesMax || rows > loadRowsMax)) break
    }
    return count
  }

  async #isolateNext(): Promise<void> {
    const context = this.#context
    const [pile] = this.#piles
    if (this.#single) {
      await this.#load(this.#single)
      this.#single = undefined
    } else if (pile) {
      const [file] = pile.files
      if (pile.replaced !== undefined) await removeReplaced(context, pile)
      else if (!file) await this.#removePile(pile)
      else if (pile.mustHalve) await halve(context, pile)
      else if (file.name.endsWith(DAMAGED)) await quarantine(context, pile, file, 'damaged')
      else {
        this.#single = await newBatch(context, file)
        await moveInto(context, this.#single, pile, 1)
      }
    }
  }

  async #removePile(pile: Pile): Promise<void> {
    await removeWhole(this.#context.disk, pile.path)
    this.#piles.splice(this.#piles.indexOf(pile), 1)
    if (this.#piles.length === 0) this.#refusals.clear()
  }

  /** Resolves when the batch folder is done with: its rows are in the store, in quarantine, or in a pile. */
  async #load(batch: BatchFolder): Promise<void> {
    const context = this.#context
    if (!batch.isSynced) await syncBatch(context, batch)
    await verify(context, batch)
    if (batch.files.length > 0) {
      const files = batch.files.map((file) => `${batch.path}/${file.name}`)
      try {
        await context.store.load({ files, token: batch.id, node: context.node })
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'STORE_DATA_REFUSED') throw error
        return await this.#refused(batch, error)
      }
      if (this.#lastError !== null) this.#context.logger.info({}, 'Loading into the store works again')
      this.#lastError = null
      this.#loads.add()
      for (const file of batch.files) {
        this.#loadedRows.add(file.rows)
        context.ledger.settle(file)
      }
      batch.files = []
    }
    this.#stored.push(batch)
  }

  async #refused(batch: BatchFolder, error: AppError): Promise<void> {
    const { counters, logger, limits } = this.#context
    counters.add('spool_load_refusals_total')
    logger.warn(
      { err: error, batch: batch.id, files: batch.files.length },
      'The store refused rows; they are being isolated',
    )
    const sequence = batch.files[0]?.sequence ?? 0
    const refusals = (this.#refusals.get(sequence) ?? 0) + 1
    this.#refusals.set(sequence, refusals)
    const pile = await split(this.#context, batch, refusals > limits.isolationRefusalsMax)
    if (pile) this.#piles.unshift(pile)
    else this.#stored.push(batch)
  }

  async #removeStored(): Promise<void> {
    for (let batch = this.#stored[0]; batch; batch = this.#stored[0]) {
      await removeBatch(this.#context, batch)
      this.#stored.shift()
    }
  }
}
