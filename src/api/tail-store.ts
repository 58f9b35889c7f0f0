/** What a tail reads from the store: events of this node by received time. */
import { EventBatch, EventView, ROW_RECEIVED } from '../core/batch.ts'
import type { FollowOptions, StoredRange } from '../live/follow.ts'
import type { LiveItem, RowSelector } from '../live/live.ts'
import type { ApiContext } from './context.ts'
import type { StoreFigures } from './store-figures.ts'
import { decodeEvent, equals, eventsStatement, within, type StoredEvent } from './stored-events.ts'
import { timeWindows } from './time-windows.ts'
import type { TimeRange } from '../query/query.ts'
import type { VisibleQuery } from './view.ts'

export interface StoredTailOptions<T> {
  context: Pick<ApiContext, 'store' | 'node' | 'limits'>
  /** Waits for a place among the queries of this reader; resolves to what gives it back. */
  enter: (signal: AbortSignal) => Promise<() => void>
  figures: StoreFigures
  query: VisibleQuery
  /** The same selector that live events pass. It may ask for more than the filter does: pipes are only here. */
  select: RowSelector<T>
}

type StoredReads<T> = Pick<FollowOptions<T>, 'readStored' | 'backlogFromStore'>

export function storedTail<T>({ context, enter, figures, query, select }: StoredTailOptions<T>): StoredReads<T> {
  async function read(
    range: TimeRange,
    order: 'asc' | 'desc',
    limit: number,
    signal: AbortSignal,
  ): Promise<StoredEvent[]> {
    const conditions = [equals('node', context.node), within('received', range)]
    const statement = eventsStatement({ query, conditions, by: 'received', order, limit })
    const leave = await enter(signal)
    try {
      const { rows } = await context.store.select(statement, {
        signal,
        timeoutMs: context.limits.queryTimeoutMsMax,
        rowsMax: limit,
      })
      return rows.map(decodeEvent)
    } finally {
      leave()
    }
  }

  /** Selected events of a range, until there are `limit` of them; the selector may leave out what the filter lets through. */
  async function collect(
    range: TimeRange,
    order: 'asc' | 'desc',
    limit: number,
    signal: AbortSignal,
  ): Promise<LiveItem<T>[]> {
    const items: LiveItem<T>[] = []
    let rest = range
    for (;;) {
      const wanted = limit - items.length
      const events = await read(rest, order, wanted, signal)
      items.push(...selectStored(events, select))
      const last = events.at(-1)
      if (!last || events.length < wanted || items.length >= limit) return items
      rest = order === 'asc' ? { ...rest, fromNs: last.receivedNs + 1n } : { ...rest, toNs: last.receivedNs }
    }
  }

  return {
    readStored: ({ afterNs, throughNs, limit, signal }) =>
      collect({ fromNs: afterNs + 1n, toNs: throughNs + 1n }, 'asc', limit, signal),
    async backlogFromStore({ throughNs, limit, signal }: Omit<StoredRange, 'afterNs'>) {
      const extent = await figures.extent()
      const items: LiveItem<T>[] = []
      for (const window of timeWindows({ toNs: throughNs + 1n }, 'desc', extent)) {
        items.push(...(await collect(window, 'desc', limit - items.length, signal)))
        if (items.length >= limit) break
      }
      return items.toReversed()
    },
  }
}

/** Runs the selector of live events over stored ones. */
function selectStored<T>(events: readonly StoredEvent[], select: RowSelector<T>): LiveItem<T>[] {
  const batch = new EventBatch()
  for (const event of events) batch.append(event)
  const view = new EventView()
  const items: LiveItem<T>[] = []
  for (const [row, { receivedNs }] of events.entries()) {
    const offset = batch.offsets[row] ?? 0
    batch.bytes.writeBigInt64LE(receivedNs, offset + ROW_RECEIVED)
    const value = select(view.at(batch.bytes, offset))
    if (value !== undefined) items.push({ receivedNs, value })
  }
  return items
}
