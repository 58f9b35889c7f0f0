import { useLoad, type Loaded } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { rangeParameters, type RangeText } from '../time/range.ts'

/** A host, or a file of one, and what came from it. */
export interface Seen {
  name: string
  events: number
  errors: number
  /** Timestamp of the newest. */
  last: string
}

/** More than anybody reads; the search box finds the rest. */
const ROWS_MAX = 5000

/** Every value of a field among these events, the one heard of last first. */
export function useSeen(field: 'host' | 'source', filter: string, range: RangeText): Loaded<Seen[]> {
  const { client } = usePage()
  const times = rangeParameters(range)
  return useLoad(JSON.stringify([field, filter, times]), async (signal) => {
    const ask = async (query: string): Promise<unknown[][]> =>
      (await client.get<{ rows: unknown[][] }>('/api/v1/query', { query, ...times, limit: ROWS_MAX }, signal)).rows
    const [all, bad] = await Promise.all([
      ask(`${filter} | stats count() events, max(timestamp) last by ${field}`),
      ask(`${filter} level:>=error | stats count() events by ${field}`),
    ])
    const errors = new Map(bad.map(([name, count]) => [name, Number(count)]))
    return all
      .map(([name, events, last]) => ({
        name: typeof name === 'string' ? name : '',
        events: Number(events),
        errors: errors.get(name) ?? 0,
        last: String(last),
      }))
      .toSorted((a, b) => (a.last < b.last ? 1 : -1))
  })
}
