import type { EventJson } from '../../core/event.ts'
import type { ColumnJson, QueryStats } from '../../client/answers.ts'
import type { HttpClient, QueryOptions } from '../../client/http-client.ts'

/** Everything a query has found, put together from as many pages as it takes. */
export interface Found {
  columns?: readonly ColumnJson[]
  events?: Partial<EventJson>[]
  rows?: readonly (readonly unknown[])[]
  /** There are more than were asked for. */
  hasMore: boolean
  cursor: string | null
  stats: QueryStats
}

/** Events asked for at once: below the server's limit for one answer, and soon enough on the screen. */
export const PAGE_EVENTS = 1000

/** Up to `limit` events, over several pages if need be; or the rows of a query that has columns of its own. */
export async function fetchPages(client: HttpClient, limit: number, options: QueryOptions): Promise<Found> {
  const found: Found = { hasMore: false, cursor: null, stats: { elapsedMs: 0, rowsRead: 0, bytesRead: 0 } }
  let cursor: string | undefined
  for (;;) {
    const wanted = Math.min(PAGE_EVENTS, limit - (found.events?.length ?? 0))
    const page = await client.query({ ...options, limit: wanted, cursor })
    if (page.stats) {
      found.stats.elapsedMs += page.stats.elapsedMs
      found.stats.rowsRead += page.stats.rowsRead
      found.stats.bytesRead += page.stats.bytesRead
    }
    if (page.columns) found.columns = page.columns
    if (page.rows) return { ...found, rows: page.rows, hasMore: Boolean(page.cursor), cursor: page.cursor ?? null }
    found.events = [...(found.events ?? []), ...(page.events ?? [])]
    found.cursor = page.cursor ?? null
    if (found.cursor === null) return found
    if (found.events.length >= limit) return { ...found, hasMore: true }
    cursor = found.cursor
  }
}

/** Whether events run from new to old, as the server answers unless the query orders them otherwise. */
export function isNewestFirst(events: readonly Partial<EventJson>[]): boolean {
  return events.every(({ timestamp }, index) => {
    const before = events[index - 1]?.timestamp
    return timestamp !== undefined && (before === undefined || Date.parse(before) >= Date.parse(timestamp))
  })
}
