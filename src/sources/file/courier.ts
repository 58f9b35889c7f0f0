import { EventBatch } from '../../core/batch.ts'
import type { Logger } from '../../core/logger.ts'
import type { FollowedFile } from './followed-file.ts'
import type { Journal } from './journal.ts'
import type { FileLimits } from './limits.ts'

/** Where batches go, each under an id of its own. */
export interface DeliverySink {
  /**
   * Resolves when every event of the batch is durable at the other end, however long that takes, and once, however
   * often it has to be tried. Rejects only when the signal of whoever made it aborts. The batch stays the caller's.
   */
  deliver(id: string, batch: EventBatch): Promise<void>
  /** Whether a delivery of an earlier process has arrived. From then on it cannot arrive any more. */
  wasTaken(id: string): Promise<boolean>
  /** Larger batches are not wanted now. */
  bytesMax?(): number
}

export interface CourierOptions {
  sink: DeliverySink
  journal: Journal
  limits: Pick<
    FileLimits,
    'deliveryBytes' | 'deliveryFilesMax' | 'deliveryRowsMax' | 'lineBytesMax' | 'lingerMs' | 'retryMs'
  >
  logger: Logger
  /** Begins the ids of this process. */
  run: string
}

/** What a row takes beside its line. */
const ROW_BYTES = 64 * 1024

/** Gathers rows of all files and sends them, one delivery at a time, while the next is gathered. */
export class Courier {
  readonly #options: CourierOptions
  #batch: EventBatch
  #spare: EventBatch | undefined
  #touched = new Set<FollowedFile>()
  #number = 0
  #sending: Promise<void> | undefined
  #linger: NodeJS.Timeout | undefined
  /** On a clock that does not go back: when the last delivery began. */
  #startedMs = -Infinity
  /** What gathers while one is under way is not to wait for more. */
  #mustSend = false
  #isClosing = false
  #isStopped = false
  #waiting: (() => void)[] = []

  constructor(options: CourierOptions) {
    this.#options = options
    this.#batch = this.#newBatch()
  }

  /** The batch that is being filled, until something is awaited. For rows of files that are told of with `touch`. */
  get batch(): EventBatch {
    return this.#batch
  }

  /** Rows that are gathered or on their way, and not known to have arrived. */
  get isIdle(): boolean {
    return this.#batch.rows === 0 && this.#sending === undefined && this.#touched.size === 0
  }

  isFull(batch: EventBatch): boolean {
    const { deliveryBytes, deliveryFilesMax, deliveryRowsMax } = this.#options.limits
    const bytesMax = Math.min(deliveryBytes, this.#options.sink.bytesMax?.() ?? Infinity)
    return batch.length >= bytesMax || batch.rows >= deliveryRowsMax || this.#touched.size >= deliveryFilesMax
  }

  /** Resolves when the batch has room: this is what holds readers up. Rejects once it was stopped. */
  async room(): Promise<void> {
    while (this.isFull(this.#batch)) {
      if (this.#isStopped) throw new Error('stopped')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Something of the file was put into the batch, or passed over. */
  touch(file: FollowedFile): void {
    this.#touched.add(file)
    if (this.#sending || this.#isStopped) return
    if (this.isFull(this.#batch) || this.#isClosing) this.#start()
    else this.#startInTurn()
  }

  /** Sends what is there without waiting for more. */
  sendNow(): void {
    if (this.#isStopped || this.#touched.size === 0) return
    if (this.#sending) this.#mustSend = true
    else this.#start()
  }

  /** Resolves when all that was gathered has arrived. */
  async drain(): Promise<void> {
    this.#isClosing = true
    while (!this.isIdle && !this.#isStopped) {
      if (!this.#sending) this.#start()
      await this.#sending
    }
  }

  /** Gives up what has not arrived; the journal has where to begin again. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#linger)
    this.#wake()
  }

  /** At once after a while without a delivery, else as long after the last one as lines may wait for others. */
  #startInTurn(): void {
    const waitMs = this.#startedMs + this.#options.limits.lingerMs - performance.now()
    if (waitMs <= 0) this.#start()
    else this.#linger ??= setTimeout(() => this.#start(), waitMs)
  }

  #start(): void {
    clearTimeout(this.#linger)
    this.#linger = undefined
    this.#startedMs = performance.now()
    this.#sending = this.#send().then(
      () => this.#ended(),
      (error: unknown) => {
        if (!this.#isStopped) this.#options.logger.error({ err: error }, 'A delivery could not be made')
        this.stop()
      },
    )
  }

  #ended(): void {
    this.#sending = undefined
    if (this.#isStopped || this.#touched.size === 0) return
    if (this.#mustSend || this.#isClosing || this.isFull(this.#batch)) this.#start()
    else this.#startInTurn()
  }

  async #send(): Promise<void> {
    const { sink, journal } = this.#options
    const batch = this.#batch
    const files = [...this.#touched]
    this.#batch = this.#newBatch()
    this.#touched = new Set()
    this.#mustSend = false
    const records = files.map((file) => file.record(file.settled))
    this.#wake()
    if (batch.rows === 0) await this.#persist(() => journal.note(() => records))
    else {
      const id = `${this.#options.run}-${++this.#number}`
      await this.#persist(() => journal.intend({ id, records }))
      await sink.deliver(id, batch)
      journal.taken(id)
    }
    for (const [index, file] of files.entries()) file.delivered = records[index]?.offset ?? file.delivered
    this.#recycle(batch)
  }

  /** The folder of the journal may be full for a while: nothing leaves before it is written down. */
  async #persist(write: () => Promise<void>): Promise<void> {
    const { logger, limits } = this.#options
    for (;;) {
      try {
        return await write()
      } catch (err) {
        logger.error({ err }, 'The journal of files could not be written; nothing is delivered until it can')
        await new Promise((resolve) => setTimeout(resolve, limits.retryMs))
        if (this.#isStopped) throw err
      }
    }
  }

  #newBatch(): EventBatch {
    const batch = this.#spare ?? new EventBatch(this.#capacityBytes, this.#options.limits.deliveryRowsMax)
    this.#spare = undefined
    return batch
  }

  /**
   * Room for a delivery from the start, and for the line with which it is full: what is never written to is no memory,
   * and a batch that grows leaves pieces behind.
   */
  get #capacityBytes(): number {
    const { deliveryBytes, lineBytesMax } = this.#options.limits
    return deliveryBytes + lineBytesMax + ROW_BYTES
  }

  /** Two batches take turns; one that grew beyond what it should is left to the garbage collector. */
  #recycle(batch: EventBatch): void {
    if (batch.bytes.length > this.#capacityBytes * 2) return
    batch.length = 0
    batch.rows = 0
    this.#spare = batch
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go()
  }
}
