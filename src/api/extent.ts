/** From when to when the events are that somebody may see, in SQL. */
import type { Statement } from '../core/statement.ts'
import type { TimeRange } from '../query/query.ts'
import type { Store } from '../store/store.ts'
import type { EventTimes, Visible } from './event-reader.ts'
import type { StoreFigures } from './store-figures.ts'
import { joinConditions, within } from './stored-events.ts'
import { timeWindows } from './time-windows.ts'
import { visibleCondition } from './view.ts'

const TIMES = 'SELECT count(), toUnixTimestamp64Nano(min(timestamp)), toUnixTimestamp64Nano(max(timestamp)) FROM events'

/** `undefined` when there are none. `timeLeftMs` is asked before each statement. */
export async function readExtent(
  { store, figures }: { store: Pick<Store, 'select'>; figures: Pick<StoreFigures, 'extent'> },
  { filter, everything }: Visible,
  signal: AbortSignal,
  timeLeftMs: () => number,
): Promise<EventTimes | undefined> {
  const read = async (statement: Statement): Promise<EventTimes | undefined> => {
    const { rows } = await store.select(statement, { signal, timeoutMs: timeLeftMs() })
    const [count, oldest, newest] = (rows[0] ?? ['0', '0', '0']) as [string, string, string]
    return count === '0' ? undefined : { oldestNs: BigInt(oldest), newestNs: BigInt(newest) }
  }
  // Of all events the parts know it themselves; of some, the first window from either end that holds one tells it.
  if (filter === '') return await read({ sql: TIMES, params: {} })
  const all = await figures.extent()
  const first = async (order: 'asc' | 'desc', range: TimeRange): Promise<EventTimes | undefined> => {
    for (const window of timeWindows(range, order, all)) {
      const { sql, params } = joinConditions([within('timestamp', window), visibleCondition(everything)])
      const found = await read({ sql: `${TIMES} WHERE ${sql}`, params })
      if (found) return found
    }
    return undefined
  }
  const newest = await first('desc', {})
  const oldest = newest && (await first('asc', { toNs: newest.newestNs + 1n }))
  return newest && oldest && { oldestNs: oldest.oldestNs, newestNs: newest.newestNs }
}
