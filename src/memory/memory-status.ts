import type { EventTimes } from '../api/event-reader.ts'
import { AppError } from '../core/errors.ts'
import { formatTimestamp } from '../core/time.ts'
import type { Live } from '../live/live.ts'
import type { StoreStatus } from '../store/store.ts'
import type { Scan } from './scan.ts'
import { findTimes } from './times.ts'

/** The times of the oldest and newest event take a look at all: not again before so many times as long. */
const REST_FACTOR = 50
/** One that takes longer is not waited for: the times of the look before are told. */
const WAITED_MS_MAX = 200
const TIMEOUT_MS = 60_000

export interface MemoryStatusOptions {
  live: Pick<Live, 'status'>
  scan: Scan
  /** Events that were ever written. */
  writtenEvents: () => number
}

/** The figures of a store that is the rings. `oldest` and `newest` may be a little behind. */
export function createMemoryStatus({ live, scan, writtenEvents }: MemoryStatusOptions): () => Promise<StoreStatus> {
  let times: EventTimes | undefined
  let looking: Promise<void> | undefined
  let lastMs = 0
  let nextMs = 0

  async function look(): Promise<void> {
    const pace = scan.pace({ timeoutMs: TIMEOUT_MS })
    try {
      times = await findTimes(scan, pace, () => true)
    } catch (error) {
      // Too much for a look: what was known stays.
      if (!(error instanceof AppError)) throw error
    } finally {
      looking = undefined
      lastMs = pace.elapsedMs
      nextMs = performance.now() + lastMs * REST_FACTOR
    }
  }

  return async () => {
    if (performance.now() >= nextMs) looking ??= look()
    if (looking && lastMs < WAITED_MS_MAX) await looking
    const { ringEvents, ringBytes } = live.status()
    return {
      kind: 'memory',
      state: 'ready',
      version: null,
      reason: null,
      restarts: 0,
      rows: ringEvents,
      bytesOnDisk: 0,
      oldest: times ? formatTimestamp(times.oldestNs) : null,
      newest: times ? formatTimestamp(times.newestNs) : null,
      memoryBytes: ringBytes,
      diskFreeBytes: null,
      retention: [],
      droppedEvents: Math.max(0, writtenEvents() - ringEvents),
    }
  }
}
