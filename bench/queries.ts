/** The queries of the benchmark, each with what it must find, and how they are timed. */
import { PHRASE, RARE_WORD, REGEX, SLOW_MS, SERVICES, type Expected } from './generate.ts'
import { fetchJson } from './server.ts'
import { quantile } from './table.ts'

const RUNS = 5

/** The two shapes of answer of GET /api/v1/query. */
interface QueryAnswer {
  events?: { timestamp: string }[]
  columns?: { name: string }[]
  rows?: (string | number | null)[][]
  stats: { elapsedMs: number; rowsRead: number; bytesRead: number }
}

interface BenchQuery {
  name: string
  text: (expected: Expected) => string
  /** What was found, and what should have been. */
  found: (answer: QueryAnswer) => number
  wanted: (expected: Expected) => number
  /** Of the answer; 100 where it says nothing. */
  limit?: number
  /** More than the number: the values. */
  isRight?: (answer: QueryAnswer, expected: Expected) => boolean
}

export interface QueryResult {
  name: string
  query: string
  minMs: number
  medianMs: number
  /** Median of what the server says that the store took. */
  storeMs: number
  found: number
  wanted: number
  isRight: boolean
  rowsRead: number
}

function column(answer: QueryAnswer, name: string): (string | number | null)[] {
  const at = answer.columns?.findIndex((entry) => entry.name === name) ?? -1
  return (answer.rows ?? []).map((row) => row[at] ?? null)
}

const single = (answer: QueryAnswer): number => Number(answer.rows?.[0]?.[0] ?? NaN)
const rowCount = (answer: QueryAnswer): number => answer.rows?.length ?? NaN
const eventCount = (answer: QueryAnswer): number => answer.events?.length ?? NaN

const isEqual = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))

/** Are these groups, with these values, what the answer holds? */
function holds(answer: QueryAnswer, by: string, value: string, groups: Record<string, number>): boolean {
  const names = column(answer, by).map(String)
  const values = column(answer, value).map(Number)
  return (
    names.length === Object.keys(groups).length &&
    names.every((name, i) => isEqual(values[i] ?? NaN, groups[name] ?? NaN))
  )
}

function sameTime(answer: QueryAnswer, timestamp: string): boolean {
  return Date.parse(answer.events?.[0]?.timestamp ?? '') === Date.parse(timestamp)
}

const QUERIES: readonly BenchQuery[] = [
  { name: 'count', text: () => '* | stats count() n', found: single, wanted: (e) => e.events },
  {
    name: 'count by level',
    text: () => '* | stats count() n by level',
    found: rowCount,
    wanted: (e) => Object.keys(e.byLevel).length,
    isRight: (answer, e) => holds(answer, 'level', 'n', e.byLevel),
  },
  {
    name: 'minute × level',
    text: () => '* | stats count() n by bin(1m), level',
    limit: 1000,
    found: rowCount,
    wanted: (e) => e.minuteLevels,
    isRight: (answer, e) => column(answer, 'n').reduce<number>((sum, n) => sum + Number(n), 0) === e.events,
  },
  {
    name: 'substring, case-sensitive',
    text: () => '/Connection reset/ | stats count() n',
    found: single,
    wanted: (e) => e.reset,
  },
  {
    name: 'substring, any case',
    text: () => '"connection RESET" | stats count() n',
    found: single,
    wanted: (e) => e.reset,
  },
  { name: 'phrase with a number', text: () => `"${PHRASE}" | stats count() n`, found: single, wanted: (e) => e.phrase },
  { name: 'regex', text: () => `/${REGEX}/ | stats count() n`, found: single, wanted: (e) => e.regex },
  { name: 'rare word', text: () => RARE_WORD, found: eventCount, wanted: (e) => Math.min(100, e.rare) },
  { name: 'trace id', text: (e) => `trace_id:${e.traceId}`, found: eventCount, wanted: () => 1 },
  {
    name: 'attribute equality',
    text: (e) => `user_id:${e.userId} | stats count() n`,
    found: single,
    wanted: (e) => e.ofUser,
  },
  {
    name: 'attribute > number',
    text: () => `duration_ms:>${SLOW_MS} | stats count() n`,
    found: single,
    wanted: (e) => e.slow,
  },
  {
    name: 'group by attribute',
    text: () => '* | stats count() n by status',
    found: rowCount,
    wanted: (e) => Object.keys(e.byStatus).length,
    isRight: (answer, e) => holds(answer, 'status', 'n', e.byStatus),
  },
  {
    name: 'average by service',
    text: () => '* | stats avg(duration_ms) a by service',
    found: rowCount,
    wanted: (e) => Object.keys(e.averageByService).length,
    isRight: (answer, e) => holds(answer, 'service', 'a', e.averageByService),
  },
  {
    name: 'newest 100',
    text: () => '*',
    found: eventCount,
    wanted: (e) => Math.min(100, e.events),
    isRight: (answer, e) => sameTime(answer, e.newestTimestamp),
  },
  {
    name: 'newest 100 of service and level',
    text: () => `service:${SERVICES[0]} level:error`,
    found: eventCount,
    wanted: (e) => Math.min(100, e.checkoutErrors),
    isRight: (answer, e) => sameTime(answer, e.newestCheckoutErrorTimestamp),
  },
  { name: 'nothing found', text: () => '"never in any message"', found: eventCount, wanted: () => 0 },
]

/** Every query once to warm up, then `RUNS` times, one after the other, through the API as JSON. */
export async function runQueries(url: string, expected: Expected): Promise<QueryResult[]> {
  const results: QueryResult[] = []
  for (const { name, text, found, wanted, isRight, limit = 100 } of QUERIES) {
    const query = text(expected)
    const address = new URL('/api/v1/query', url)
    address.searchParams.set('query', query)
    address.searchParams.set('format', 'json')
    address.searchParams.set('limit', String(limit))
    let answer = await fetchJson<QueryAnswer>(address)
    const tookMs: number[] = []
    const storeMs: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const from = performance.now()
      answer = await fetchJson<QueryAnswer>(address)
      tookMs.push(performance.now() - from)
      storeMs.push(answer.stats.elapsedMs)
    }
    const got = found(answer)
    results.push({
      name,
      query,
      minMs: Math.min(...tookMs),
      medianMs: quantile(tookMs, 0.5),
      storeMs: quantile(storeMs, 0.5),
      found: got,
      wanted: wanted(expected),
      isRight: got === wanted(expected) && (isRight?.(answer, expected) ?? true),
      rowsRead: answer.stats.rowsRead,
    })
  }
  return results
}
