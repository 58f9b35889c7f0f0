import type { EventBatch, EventView } from '../core/batch.ts'

/** Turns a row into what a reader gets, or `undefined` when the reader did not ask for it. Given by `query`. */
export type RowSelector<T> = (event: EventView) => T | undefined

export interface SubscribeOptions<T> {
  select: RowSelector<T>
  /** Events that may wait for this reader; older ones are skipped and counted beyond that. */
  bufferEventsMax?: number
}

export interface LiveItem<T> {
  receivedNs: bigint
  value: T
}

/** One reader of the live flow, with a bounded buffer. Single consumer. */
export interface Subscription<T> {
  /**
   * Takes what is waiting: items in received order, and how many were skipped before them since the last take because
   * this reader was too slow. Resolves at once when something waits, else with the next event, or with `undefined`
   * after `close`.
   */
  take(): Promise<{ items: LiveItem<T>[]; skipped: number } | undefined>
  close(): void
  readonly isClosed: boolean
}

export interface LiveStatus {
  rings: number
  ringBytes: number
  ringBytesMax: number
  ringEvents: number
  /** Rings dropped to stay within the budget. */
  ringsEvicted: number
  subscribers: number
  /** Received time from which on every event is still in memory. */
  completeFrom: string
}

export interface Live {
  /** Shows durable events to subscribers and keeps the newest in the rings. Batches come in received order. */
  publish(batch: EventBatch): void
  /** Events published after this call reach the subscription. */
  subscribe<T>(options: SubscribeOptions<T>): Subscription<T>
  /**
   * Received time from which on the rings hold every event of every service. An event older than that may be in the
   * store only.
   */
  readonly completeFromNs: bigint
  /** Received time of the newest published event, 0n before the first. */
  readonly publishedThroughNs: bigint
  /**
   * From memory: selected events with `afterNs < received <= throughNs`, oldest first; the newest `limit` of them.
   * Exact only where `afterNs >= completeFromNs - 1n`.
   */
  recent<T>(options: { select: RowSelector<T>; afterNs: bigint; throughNs: bigint; limit: number }): LiveItem<T>[]
  status(): LiveStatus
  close(): void
}
