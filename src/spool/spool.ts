/**
 * spool: the write-ahead log, a folder of whole files. Batches become durable here before anyone is told that they are
 * safe, and a loader brings them into the store exactly once, whatever fails in between. It must never know protocols
 * or SQL. Start here: this is the door; then `names.ts` (what lies in the folder), `writer.ts` (group commit),
 * `loader.ts` (into the store), `isolate.ts` (rows that the store refuses), `recover.ts` (after a crash).
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Sink } from '../core/sink.ts'
import { createClock, type Clock } from './clock.ts'
import type { LoadTarget, SpoolContext } from './context.ts'
import { createDisk, type Disk } from './disk.ts'
import { Ledger } from './ledger.ts'
import { SPOOL_LIMITS, type SpoolLimits } from './limits.ts'
import { Loader } from './loader.ts'
import { recover } from './recover.ts'
import { Room } from './room.ts'
import { Writer } from './writer.ts'

export type { LoadTarget } from './context.ts'
export { SPOOL_LIMITS, type SpoolLimits } from './limits.ts'

/** Counters and sizes for status. Bytes are of RowBinary. */
export interface SpoolStatus {
  pendingFiles: number
  pendingBytes: number
  pendingRows: number
  bytesMax: number
  /** Batches handed to the store and not yet confirmed. */
  loadingBatches: number
  quarantinedFiles: number
  /** Why writers are refused at this moment, or null. */
  refusing: string | null
  /** The last error of the loader, or null once a load succeeded again. */
  lastLoadError: string | null
}

/**
 * The durable write-ahead folder: a `Sink` that resolves when the bytes are on disk and synced. Batches bear their
 * received times, which must rise from row to row and from write to write. Promises are settled in the order of the
 * writes. Refuses with SPOOL_FULL (size limit, little free disk, or a disk slower than what arrives) and
 * SERVER_CLOSING before, and with SPOOL_WRITE_FAILED after it tried.
 */
export interface Spool extends Sink {
  status(): SpoolStatus
  /**
   * Every durable event whose received time is at or below this is in the store (or, counted, in quarantine). Rises as
   * loads succeed; when nothing is waiting it is `durableThroughNs`. 0n while the oldest of what an earlier process
   * left is not yet stored, and when this process neither found nor wrote anything.
   */
  readonly storedThroughNs: bigint
  /** Received time of the newest durable event, those that an earlier process left included; 0n if there is none. */
  readonly durableThroughNs: bigint
  /**
   * Resolves when no accepted event that was received at or before `receivedNs` is on its way to the store: at once if
   * there is none. Rejects when the signal aborts, and with SERVER_CLOSING when the spool closes first.
   */
  waitStored(receivedNs: bigint, signal?: AbortSignal): Promise<void>
  /**
   * Refuses new writes, makes everything accepted durable, ends the load that is running. The rest stays on disk for
   * the next start.
   */
  close(): Promise<void>
}

export interface SpoolOptions {
  /** Made if it is not there. Belongs to this spool alone. */
  dir: string
  /** Name of this node, for the store's `node` column. */
  node: string
  store: LoadTarget
  counters: Counters
  logger: Logger
  limits?: Partial<SpoolLimits>
  clock?: Clock
  disk?: Disk
  /** 16 hex digits, different each time. */
  random?: () => string
}

/** Opens the folder, puts in order what a crash left, and starts loading. Rejects when the folder cannot be used. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const ledger = new Ledger(() => writer.isBusy)
  const context: SpoolContext = {
    dir: resolve(options.dir),
    node: options.node,
    store: options.store,
    counters: options.counters,
    logger: options.logger,
    limits: { ...SPOOL_LIMITS, ...options.limits },
    clock: options.clock ?? createClock(),
    disk: options.disk ?? createDisk(),
    random: options.random ?? (() => randomBytes(8).toString('hex')),
    ledger,
  }
  const { nextSequence, ...leftovers } = await recover(context)
  const room = new Room(context)
  await room.lookNow()
  const loader = new Loader(context, leftovers)
  const writer = new Writer(context, room, nextSequence, (file) => {
    ledger.add(file)
    loader.add(file)
  })
  let closed: Promise<void> | undefined
  return {
    write: (batch) => writer.write(batch),
    hold: () => writer.hold(),
    status: () => ({
      pendingFiles: ledger.files,
      pendingBytes: ledger.bytes,
      pendingRows: ledger.rows,
      bytesMax: context.limits.bytesMax,
      loadingBatches: loader.loadingBatches,
      quarantinedFiles: ledger.quarantinedFiles,
      refusing: room.refusing,
      lastLoadError: loader.lastError,
    }),
    get storedThroughNs() {
      return ledger.storedThroughNs
    },
    get durableThroughNs() {
      return ledger.durableThroughNs
    },
    waitStored: (receivedNs, signal) => ledger.waitStored(receivedNs, signal),
    close: () => (closed ??= Promise.all([writer.close(), loader.close()]).then(() => ledger.close())),
  }
}
