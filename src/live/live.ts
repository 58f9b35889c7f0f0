/**
 * live: what is happening now, from memory alone. It keeps the newest events of every service in byte rings under one
 * memory budget, and shows every durable event to the tail readers that subscribed, each with a bounded buffer. It
 * must never know query text (it is given a selector) or the store (`follow.ts` is given functions). Start here: this
 * is the door; then `rings.ts` (what is kept), `matcher.ts` (who is shown what), `follow.ts` (a whole tail).
 */
import { ROW_RECEIVED, type EventBatch } from '../core/batch.ts'
import { formatTimestamp } from '../core/time.ts'
import { Matcher } from './matcher.ts'
import { oldestFirst } from './oldest.ts'
import {
  mergeRings,
  newestFirst,
  type NewestFirstOptions,
  type NewestFirstSlice,
  type RecentOptions,
} from './recent.ts'
import { ServiceRings } from './rings.ts'
import { BufferedSubscription, type LiveItem, type SubscribeOptions, type Subscription } from './subscription.ts'
import { visitRings, type Visited, type VisitOptions } from './visit.ts'

export type { LiveItem, RowSelector, SubscribeOptions, Subscription } from './subscription.ts'
export type { NewestFirstOptions, NewestFirstSlice, RecentOptions } from './recent.ts'

export interface LiveStatus {
  rings: number
  /** Memory taken by the rings, overhead included; never above `ringBytesMax` after a publish. */
  ringBytes: number
  ringBytesMax: number
  ringEvents: number
  /** Rings dropped to stay within the budget. */
  ringsEvicted: number
  subscribers: number
  /** Received time from which on every event is still in memory. */
  completeFrom: string
}

export interface RecentResult<T> {
  /** Oldest first. */
  items: LiveItem<T>[]
  /** `Live.completeFromNs` at the end of the walk: items received from here on are all there, older ones may not be. */
  completeFromNs: bigint
}

export interface Live {
  /**
   * Shows durable events to subscribers and keeps the newest in the rings. Batches come in received order. True when
   * the batch may be written again; false when subscribers have yet to be shown some of it.
   */
  publish(batch: EventBatch): boolean
  /** Events published after this call reach the subscription. */
  subscribe<T>(options: SubscribeOptions<T>): Subscription<T>
  /**
   * Received time from which on the rings hold every event of every service. An event older than that may be in the
   * store only.
   */
  readonly completeFromNs: bigint
  /** Received time of the newest published event; before the first, 1 ns before `startNs`. */
  readonly publishedThroughNs: bigint
  /**
   * From memory: selected events with `afterNs < received <= throughNs`, the newest `limit` of them. Gives the event
   * loop turns while it walks. Rejects with what the selector throws.
   */
  recent<T>(options: RecentOptions<T>): Promise<RecentResult<T>>
  /**
   * From memory: what is selected of some services, newest first, as the reader comes for it. Writers do not wait for
   * the reader: what is lost to them meanwhile is counted in each slice.
   */
  newestFirst<T>(options: NewestFirstOptions<T>): AsyncIterable<NewestFirstSlice<T>>
  /** The same for the oldest `limit` of them, found without a walk through those before. */
  oldest<T>(options: RecentOptions<T>): Promise<RecentResult<T>>
  /**
   * From memory: shows every event that is held now, in no particular order, with turns for others. What is overwritten
   * before it was shown is not shown.
   */
  visit(options: VisitOptions): Promise<Visited>
  status(): LiveStatus
  close(): void
}

export interface LiveOptions {
  /**
   * Received time from which on this process publishes every durable event: now, or just after the newest event that
   * was durable before, whichever is later.
   */
  startNs: bigint
  /** Memory for all rings together. */
  budgetBytes?: number
  /** Most bytes of rows kept for one service; at most a sixteenth of the budget counts. */
  ringBytesMax?: number
  /** The same for services whose names begin with these prefixes; the longest one counts, up to half of the budget. */
  ringBytesByPrefix?: Readonly<Record<string, number>>
  /** Events that may wait for a subscriber who does not say. */
  bufferEventsMax?: number
  /** The same in bytes. */
  bufferBytesMax?: number
  /** Bytes that may wait for all subscribers together: each has an equal share, where that is less than its own bound. */
  buffersBytesMax?: number
}

export const LIVE_DEFAULTS = {
  budgetBytes: 64 * 1024 * 1024,
  ringBytesMax: 1024 * 1024,
  bufferEventsMax: 10_000,
  bufferBytesMax: 16 * 1024 * 1024,
  // Selected events take several times what their rows have, and as many again are being written to each reader.
  buffersBytesMax: 64 * 1024 * 1024,
} as const

export function openLive(options: LiveOptions): Live {
  const { startNs, budgetBytes, ringBytesMax, ringBytesByPrefix, ...buffers } = { ...LIVE_DEFAULTS, ...options }
  const rings = new ServiceRings({ budgetBytes, ringBytesMax, ringBytesByPrefix: ringBytesByPrefix ?? {}, startNs })
  const matcher = new Matcher()
  const subscriptions = new Set<{ close(): void }>()
  let publishedThroughNs = startNs - 1n
  return {
    publish(batch) {
      if (batch.rows === 0) return true
      publishedThroughNs = batch.bytes.readBigInt64LE((batch.offsets[batch.rows - 1] ?? 0) + ROW_RECEIVED)
      rings.add(batch)
      return matcher.publish(batch)
    },
    subscribe(subscribe) {
      const onClose = (): void => {
        matcher.remove(subscription)
        subscriptions.delete(subscription)
      }
      const bytesMax = subscribe.bufferBytesMax ?? buffers.bufferBytesMax
      const limits = {
        eventsMax: subscribe.bufferEventsMax ?? buffers.bufferEventsMax,
        // Changes as others come and go.
        get bytesMax() {
          return Math.min(bytesMax, buffers.buffersBytesMax / Math.max(1, subscriptions.size))
        },
      }
      const subscription = new BufferedSubscription(subscribe.select, limits, onClose)
      matcher.add(subscription)
      subscriptions.add(subscription)
      return subscription
    },
    get completeFromNs() {
      return rings.completeFromNs
    },
    get publishedThroughNs() {
      return publishedThroughNs
    },
    async recent(recent) {
      const items = await mergeRings(rings.all(), recent)
      return { items, completeFromNs: rings.completeFromNs }
    },
    newestFirst: ({ servicePrefix, select }) => newestFirst(rings.beginningWith(servicePrefix), select),
    visit: (visit) => visitRings(rings.all(), visit),
    async oldest(oldest) {
      const items = await oldestFirst(rings.all(), oldest)
      return { items, completeFromNs: rings.completeFromNs }
    },
    status: () => ({
      rings: rings.count,
      ringBytes: rings.bytes,
      ringBytesMax: budgetBytes,
      ringEvents: rings.events,
      ringsEvicted: rings.evicted,
      subscribers: matcher.listeners,
      completeFrom: formatTimestamp(rings.completeFromNs),
    }),
    close() {
      for (const subscription of subscriptions) subscription.close()
      matcher.close()
      rings.close()
    },
  }
}
