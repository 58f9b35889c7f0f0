import { AppError } from '../../core/errors.ts'
import type { LoadTarget } from '../context.ts'
import type { Disk } from '../disk.ts'
import { messagesIn } from './rows.ts'

/** What happens to a load: it succeeds, fails before anything is taken, or takes everything and the answer is lost. */
export type Outcome = 'ok' | 'down' | 'answer lost'

/** A small store that keeps rows exactly once per token and can be told to misbehave. */
export class MemoryTarget implements LoadTarget {
  /** Tokens of loads that were taken, with their rows. */
  readonly batches = new Map<string, string[]>()
  /** Rows that cannot be stored. */
  isBad: (message: string) => boolean = () => false
  outcome: () => Outcome = () => 'ok'
  /** Awaited within each load. */
  gate: Promise<void> | undefined
  attempts = 0
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** All rows, in the order in which they were taken. */
  get rows(): string[] {
    return [...this.batches.values()].flat()
  }

  async load({ files, token }: { files: readonly string[]; token: string }): Promise<void> {
    this.attempts++
    await this.gate
    const outcome = this.outcome()
    if (outcome === 'down') throw new AppError('STORE_UNREACHABLE', { detail: 'the test says so' })
    const rows = await this.#read(files)
    if (rows.some((row) => this.isBad(row))) throw new AppError('STORE_DATA_REFUSED', { detail: 'a bad row' })
    if (!this.batches.has(token)) this.batches.set(token, rows)
    if (outcome === 'answer lost') throw new AppError('STORE_UNREACHABLE', { detail: 'no answer' })
  }

  async #read(files: readonly string[]): Promise<string[]> {
    const rows: string[] = []
    for (const path of files) {
      const pieces: Buffer[] = []
      await this.#disk.read(path, (piece) => pieces.push(Buffer.from(piece)))
      try {
        rows.push(...messagesIn(Buffer.concat(pieces)))
      } catch (cause) {
        throw new AppError('STORE_DATA_REFUSED', { cause, detail: 'not rows' })
      }
    }
    return rows
  }
}
