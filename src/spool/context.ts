import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Ledger } from './ledger.ts'
import type { SpoolLimits } from './limits.ts'

/** Where the loader brings the files; the store satisfies it. */
export interface LoadTarget {
  /**
   * Takes all rows of these files, once per token however often it is asked. Rejects with `AppError`
   * STORE_DATA_REFUSED when the rows are the cause and nothing of them was taken; after any other error the same files
   * come again with the same token.
   */
  load(request: { files: readonly string[]; token: string; node: string }): Promise<void>
}

/** What all parts of the spool share. */
export interface SpoolContext {
  /** Absolute, without a slash at the end. */
  dir: string
  node: string
  store: LoadTarget
  disk: Disk
  counters: Counters
  logger: Logger
  limits: SpoolLimits
  clock: Clock
  /** 16 hex digits, different each time. */
  random: () => string
  ledger: Ledger
}
