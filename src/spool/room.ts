import { AppError } from '../core/errors.ts'
import { formatSize } from '../core/units.ts'
import type { SpoolContext } from './context.ts'

export interface Refusal {
  reason: 'full' | 'disk' | 'busy'
  error: AppError
}

/** Whether there is room for more: within the size limit, in memory, and on the disk. */
export class Room {
  readonly #context: SpoolContext
  /** Bytes accepted and not yet written; the writer keeps it. */
  waitingBytes = 0
  #freeBytes = Number.POSITIVE_INFINITY
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #isLooking = false
  #wasRefusing = false

  constructor(context: SpoolContext) {
    this.#context = context
  }

  /** Why this much more cannot be taken, if so. */
  refusal(bytes: number): Refusal | undefined {
    const reason = this.#reason(bytes)
    if (reason !== undefined) this.look()
    if (this.#wasRefusing !== (reason !== undefined)) this.#tell(reason)
    return reason === undefined ? undefined : { reason, error: this.#error(reason) }
  }

  /** So much less is free, until somebody looks again. */
  wrote(bytes: number): void {
    this.#freeBytes -= bytes
  }

  /** For people: why writers are refused at this moment, or null. */
  get refusing(): string | null {
    const reason = this.#reason(1)
    return reason === undefined ? null : this.#text(reason)
  }

  /** Looks at the disk if that was not done lately; the answer counts for later writes. */
  look(): void {
    const { clock, limits, logger } = this.#context
    if (this.#isLooking || clock.nowMs() - this.#lookedAtMs < limits.diskCheckMs) return
    this.lookNow().catch((error: unknown) =>
      logger.warn({ err: error }, 'The free space of the disk could not be read'),
    )
  }

  async lookNow(): Promise<void> {
    const { disk, dir, clock } = this.#context
    this.#isLooking = true
    this.#lookedAtMs = clock.nowMs()
    try {
      this.#freeBytes = await disk.freeBytes(dir)
    } finally {
      this.#isLooking = false
    }
  }

  #reason(bytes: number): Refusal['reason'] | undefined {
    const { limits, ledger } = this.#context
    if (ledger.diskBytes + this.waitingBytes + bytes > limits.bytesMax) return 'full'
    if (this.#freeBytes - this.waitingBytes - bytes < limits.diskFreeBytesMin) return 'disk'
    if (this.waitingBytes > 0 && this.waitingBytes + bytes > limits.waitingBytesMax) return 'busy'
    return undefined
  }

  #text(reason: Refusal['reason']): string {
    const { limits, ledger } = this.#context
    if (reason === 'full')
      return `full: ${formatSize(ledger.diskBytes)} of ${formatSize(limits.bytesMax)} wait for the store`
    if (reason === 'busy') return `busy: ${formatSize(this.waitingBytes)} wait to be written`
    return `disk: ${formatSize(this.#freeBytes)} are free, ${formatSize(limits.diskFreeBytesMin)} are kept for the store`
  }

  #error(reason: Refusal['reason']): AppError {
    const hints = {
      full: 'It empties as the store takes events. The setting is spool.bytesMax.',
      disk: 'Make room on the disk. The setting is spool.diskFreeBytesMin.',
      busy: 'The disk is slower than what arrives.',
    }
    const retryAfterSeconds = { full: 5, disk: 30, busy: 1 }[reason]
    const detail = `The spool takes nothing more for now, ${this.#text(reason)}.`
    return new AppError('SPOOL_FULL', { detail, hint: hints[reason], retryAfterSeconds })
  }

  #tell(reason: Refusal['reason'] | undefined): void {
    this.#wasRefusing = reason !== undefined
    if (reason === undefined) this.#context.logger.info({}, 'The spool takes events again')
    else this.#context.logger.warn({ why: this.#text(reason) }, 'The spool refuses events')
  }
}
