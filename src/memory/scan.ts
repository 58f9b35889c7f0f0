import type { EventView } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import type { Live } from '../live/live.ts'
import type { ReadOptions, ReadStats } from '../store/store.ts'

/** What stops a long answer, and gives the event loop its turns. */
export interface Pace {
  /** Throws QUERY_TIMEOUT or QUERY_CANCELLED when there is no more time, or nobody who waits. */
  check(): void
  /** The same; and waits for a turn of the event loop if the last one was a while ago. */
  turn(): Promise<void>
  readonly elapsedMs: number
}

/** How long an answer may keep the event loop to itself. */
const SLICE_MS_MAX = 10

export function createPace({ signal, timeoutMs }: ReadOptions, timeoutMsMax: number): Pace {
  const startedMs = performance.now()
  const limitMs = timeoutMs ?? timeoutMsMax
  let sliceMs = startedMs
  const pace: Pace = {
    check() {
      if (signal?.aborted) throw new AppError('QUERY_CANCELLED', { cause: signal.reason })
      if (pace.elapsedMs > limitMs) {
        throw new AppError('QUERY_TIMEOUT', { detail: `The query took longer than ${limitMs} ms.` })
      }
    },
    async turn() {
      if (performance.now() - sliceMs < SLICE_MS_MAX) return
      await new Promise((resolve) => setImmediate(resolve))
      sliceMs = performance.now()
      pace.check()
    },
    get elapsedMs() {
      return performance.now() - startedMs
    },
  }
  pace.check()
  return pace
}

export interface Scan {
  /**
   * Shows every event that is in memory now, with turns for others: what is overwritten before it was shown is not
   * seen. Rejects with what `visit` throws, QUERY_TIMEOUT and QUERY_CANCELLED.
   */
  all(visit: (event: EventView) => void, pace: Pace): Promise<ReadStats>
  pace(read: ReadOptions): Pace
}

export function createScan(live: Pick<Live, 'visit'>, timeoutMsMax: number): Scan {
  return {
    async all(visit, pace) {
      const { rows, bytes } = await live.visit({ visit, onTurn: () => pace.check() })
      return { elapsedMs: pace.elapsedMs, rowsRead: rows, bytesRead: bytes }
    },
    pace: (read) => createPace(read, timeoutMsMax),
  }
}
