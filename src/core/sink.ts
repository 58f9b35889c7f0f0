import type { EventBatch } from './batch.ts'

/** Attribute that keeps the claimed time of an event whose timestamp was replaced. */
export const SKEW_ATTRIBUTE = 'clock.skewed'
/** Counts them. */
export const SKEW_COUNTER = 'pipeline_clock_skewed_total'

export interface WriteOptions {
  /** How far after the received time an event of this batch may lie, where less than usual. Nanoseconds. */
  futureSkewMaxNs?: bigint
}

/** Where events go. What sources write to, whether the server's store or the agent's connection is behind it. */
export interface Sink {
  /**
   * Hands over a batch. Resolves when every event in it is safe to acknowledge (on disk and synced); that promise is
   * also the back-pressure. Rejects with an `AppError` (`SPOOL_FULL`, `SPOOL_WRITE_FAILED`, `SERVER_CLOSING`) when
   * nothing of it was kept. The batch belongs to the sink from the call on: the caller must not touch it again.
   */
  write(batch: EventBatch, options?: WriteOptions): Promise<void>
  /**
   * Says "more is coming at once": a request whose body is still arriving. While anyone holds, the sink may wait a
   * little for a larger group commit; when nobody does it commits immediately. Call the returned function exactly
   * once, when the last batch has been handed over.
   */
  hold(): () => void
}
