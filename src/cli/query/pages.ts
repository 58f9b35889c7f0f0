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

/** Events asked for at once: soon enough on the screen. */
const PAGE_EVENTS = 1000
/** The server's limit for one answer, for what cannot be had in pages. */
const ANSWER_EVENTS_MAX = 10_000

/**
 * Up to `limit` events, over several pages if need be; or the rows of a query that makes a table. Without a limit the
 * server decides: a page of events, all rows of a table.
 */
export async function fetchPages(client: HttpClient, limit: number | undefined, options: QueryOptions): Promise<Found> {
  const found: Found = { hasMore: false, cursor: null, stats: { elapsedMs: 0, rowsRead: 0, bytesRead: 0 } }
  const events: Partial<EventJson>[] = []
  const pageMax = ordersItself(options.query ?? '') ? ANSWER_EVENTS_MAX : PAGE_EVENTS
  let cursor: string | undefined
  for (;;) {
    const wanted = limit === undefined ? undefined : Math.min(pageMax, limit - events.length)
    const page = await client.query({ ...options, limit: wanted, cursor })
    if (page.stats) {
      found.stats.elapsedMs += page.stats.elapsedMs
      found.stats.rowsRead += page.stats.rowsRead
      found.stats.bytesRead += page.stats.bytesRead
    }
    if (page.rows)
      return { ...found, columns: page.columns ?? [], rows: page.rows, hasMore: page.rows.length === limit }
    for (const event of page.events ?? []) events.push(event)
    found.cursor = page.cursor ?? null
    if (found.cursor === null)
      return { ...found, events, hasMore: page.events?.length === wanted && pageMax > PAGE_EVENTS }
    if (limit === undefined || events.length >= limit) return { ...found, events, hasMore: true }
    cursor = found.cursor
  }
}

/** Whether a pipe of the query decides the order. Then there are no pages. */
export function ordersItself(query: string): boolean {
  return /\|\s*sort\b/i.test(query)
}
