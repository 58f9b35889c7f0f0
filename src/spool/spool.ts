import type { Sink } from '../core/sink.ts'

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

/** The durable write-ahead folder: a `Sink` that resolves when the bytes are on disk and synced. */
export interface Spool extends Sink {
  status(): SpoolStatus
  /**
   * Every event whose received time is at or below this is in the store. Rises as loads succeed; when nothing is
   * waiting it is the received time of the newest event written.
   */
  readonly storedThroughNs: bigint
  /** Received time of the newest durable event, 0n before the first. */
  readonly durableThroughNs: bigint
  /** Resolves when `storedThroughNs` has reached `receivedNs`, or rejects when the signal aborts. */
  waitStored(receivedNs: bigint, signal?: AbortSignal): Promise<void>
  /** Refuses new writes, makes everything accepted durable, ends the load that is running. Events stay on disk. */
  close(): Promise<void>
}
