/**
 * memory: what stands in the place of spool and store when nothing is to be written to disk. An event is acknowledged
 * once it is in the rings, and every question is answered from them: what fell out of them is gone. It knows the rings
 * (`live`) by their door; it must never know files, SQL or routes. Start here at the door, then `memory-reader.ts` (how
 * questions are answered).
 */
import type { EventReader } from '../api/event-reader.ts'
import { ROW_RECEIVED } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import type { Live } from '../live/live.ts'
import type { Spool, SpoolStatus } from '../spool/spool.ts'
import type { Store } from '../store/store.ts'
import { createQueryMemory } from './query-memory.ts'
import { createMemoryReader } from './memory-reader.ts'
import { createMemoryStatus } from './memory-status.ts'
import { createScan } from './scan.ts'

export interface MemoryOptions {
  live: Pick<Live, 'visit' | 'recent' | 'oldest' | 'status' | 'completeFromNs'>
  /** This server's name. */
  node: string
  /** Memory that one query may take beside the rings. */
  queryBytesMax: number
  /** The same for all queries together. */
  queriesBytesMax: number
  /** Longest run of a query that does not say. */
  timeoutMsMax: number
  /** How far in the future a timestamp may lie. */
  futureSkewMaxNs: bigint
}

export interface Memory {
  /** Takes events, keeps none: whoever writes publishes them to `live` next, which does. */
  spool: Pick<Spool, 'write' | 'hold' | 'status' | 'storedThroughNs' | 'durableThroughNs' | 'waitStored' | 'close'>
  store: Pick<Store, 'status' | 'isReady'>
  reader: EventReader
}

export function openMemory(options: MemoryOptions): Memory {
  const { live, node, queryBytesMax, queriesBytesMax, timeoutMsMax, futureSkewMaxNs } = options
  let writtenEvents = 0
  let newestNs = 0n
  let isClosed = false
  const scan = createScan(live, timeoutMsMax)
  const queryMemory = createQueryMemory({ queryBytesMax, queriesBytesMax })
  const status = createMemoryStatus({ live, scan, writtenEvents: () => writtenEvents })
  return {
    spool: {
      // Not held up by anything: the promise is resolved when the caller comes back to it.
      async write(batch) {
        if (isClosed) throw new AppError('SERVER_CLOSING')
        writtenEvents += batch.rows
        newestNs = batch.bytes.readBigInt64LE((batch.offsets[batch.rows - 1] ?? 0) + ROW_RECEIVED)
      },
      hold: () => () => undefined,
      status: () => NOTHING_WAITS,
      get storedThroughNs() {
        return newestNs
      },
      get durableThroughNs() {
        return newestNs
      },
      waitStored: async () => undefined,
      async close() {
        isClosed = true
      },
    },
    store: { status, isReady: true },
    reader: createMemoryReader({ live, node, scan, queryMemory, futureSkewMaxNs }),
  }
}

const NOTHING_WAITS: SpoolStatus = {
  pendingFiles: 0,
  pendingBytes: 0,
  pendingRows: 0,
  bytesMax: 0,
  loadingBatches: 0,
  quarantinedFiles: 0,
  refusing: null,
  lastLoadError: null,
}
