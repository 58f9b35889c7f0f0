/** What a tail reads from the store: events of this node by received time. */
import { EventBatch, EventView, ROW_RECEIVED } from '../core/batch.ts'
import type { StoredRange } from '../live/follow.ts'
import type { LiveItem, RowSelector } from '../live/live.ts'
import type { TimeRange } from '../query/query.ts'
import type { ReadOptions } from '../store/store.ts'
import type { EventReader, StoredEvent, StoredReads, TailQuestion } from './event-reader.ts'
import { equals, within, type EventsQuestion } from './stored-events.ts'

export interface TailStore {
  events: (question: EventsQuestion, read: ReadOptions) => Promise<StoredEvent[]>
  windows: EventReader['windows']
  node: string
  timeoutMsMax: number
}

export function storedTail<T>(
  { events, windows, node, timeoutMsMax }: TailStore,
  { query, select, enter }: TailQuestion<T>,
): StoredReads<T> {
  async function read(
    range: TimeRange,
    order: 'asc' | 'desc',
    limit: number,
    signal: AbortSignal,
  ): Promise<StoredEvent[]> {
    const conditions = [equals('node', node), within('received', range)]
    const leave = await enter(signal)
    try {
      const options = { signal, timeoutMs: timeoutMsMax, rowsMax: limit }
      return await events({ query, conditions, by: 'received', order, limit }, options)
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
      const found = await read(rest, order, wanted, signal)
      items.push(...selectStored(found, select))
      const last = found.at(-1)
      if (!last || found.length < wanted || items.length >= limit) return items
      rest = order === 'asc' ? { ...rest, fromNs: last.receivedNs + 1n } : { ...rest, toNs: last.receivedNs }
    }
  }

  return {
    readStored: ({ afterNs, throughNs, limit, signal }) =>
      collect({ fromNs: afterNs + 1n, toNs: throughNs + 1n }, 'asc', limit, signal),
    async backlogFromStore({ throughNs, limit, signal }: Omit<StoredRange, 'afterNs'>) {
      const items: LiveItem<T>[] = []
      for (const window of await windows({ toNs: throughNs + 1n }, 'desc')) {
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
