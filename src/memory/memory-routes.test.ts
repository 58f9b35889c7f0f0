/** Every reading route answers from memory what it answers from the store that holds the same events. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, quietContext, type OpenApiServer } from '../api/testing/open-api.ts'
import { formatEventId } from '../core/event.ts'
import { openLive } from '../live/live.ts'
import { mixedEvent } from '../query/testing/generate-table.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { openMemory } from './memory.ts'

const NODE = 'n1'
const EVENTS = 600
const RECEIVED_NS = 1_795_000_000_000_000_000n
const NOW_NS = RECEIVED_NS + 3_600_000_000_000n
const MIB = 2 ** 20
const clock = (): bigint => NOW_NS

let temporary: TemporaryStore
let stored: OpenApiServer
let held: OpenApiServer

beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  const batch = stampedBatch(fc.sample(mixedEvent, { numRuns: EVENTS, seed: 23 }), RECEIVED_NS)
  await loadBatch(temporary.store, batch, NODE)
  const live = openLive({ startNs: RECEIVED_NS })
  const memory = openMemory({
    live,
    node: NODE,
    queryBytesMax: 64 * MIB,
    queriesBytesMax: 64 * MIB,
    timeoutMsMax: 30_000,
  })
  await memory.spool.write(batch)
  live.publish(batch)
  stored = await openApi(quietContext({ store: temporary.store, clock }))
  const { store, spool, reader } = memory
  held = await openApi({ ...quietContext({ clock }), store, spool, live, openReader: () => reader })
})
afterAll(async () => {
  await held.close()
  await stored.close()
  await temporary.remove()
})

/** Status and body; figures and what says that counts are estimates left out. */
async function ask(server: OpenApiServer, path: string): Promise<unknown> {
  const response = await fetch(server.url + path)
  const type = response.headers.get('content-type')
  if (!type?.includes('json') || type.includes('ndjson')) return [response.status, type, await response.text()]
  const { stats, approximate, ...rest } = (await response.json()) as Record<string, unknown>
  void [stats, approximate]
  return [response.status, type, rest]
}

const encoded = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString()
const HOUR = { start: '2026-01-05T00:00:00Z', end: '2026-01-05T01:00:00Z' }

/** Objects and maps print their entries in the order in which they found them: here that does not count. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, sorted(item)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

const paths: [what: string, path: string][] = [
  ['the newest events', `/api/v1/query?limit=50`],
  ['the oldest events of a range', `/api/v1/query?${encoded({ ...HOUR, order: 'asc', limit: '7' })}`],
  [
    'events that a filter selects',
    `/api/v1/query?${encoded({ query: 'level:>=warn service:billing', limit: '1000' })}`,
  ],
  ['some fields', `/api/v1/query?${encoded({ query: '| parse logfmt | fields user, level, ms', limit: '30' })}`],
  ['a limit of the query', `/api/v1/query?${encoded({ query: 'ms:* | limit 3' })}`],
  ['a table', `/api/v1/query?${encoded({ query: '| stats count() n, uniq(user) by service, host' })}`],
  ['a table cut by the request', `/api/v1/query?${encoded({ query: '| top 20 service', limit: '2' })}`],
  ['a chart of its own interval', `/api/v1/query?${encoded({ ...HOUR, query: '| timechart count() by level' })}`],
  ['a chart of open ends', `/api/v1/query?${encoded({ query: 'service:auth time:>=2026-01-01 | timechart count()' })}`],
  ['a table as CSV', `/api/v1/query?${encoded({ query: '| stats max(ms) by host', format: 'csv' })}`],
  ['a table as NDJSON', `/api/v1/query?${encoded({ query: '| stats max(level) by user', format: 'ndjson' })}`],
  ['mistakes', `/api/v1/query?${encoded({ query: '| stats nothing()' })}`],
  ['a histogram by level', `/api/v1/histogram?${encoded(HOUR)}`],
  ['a histogram of open ends', `/api/v1/histogram?${encoded({ query: 'service:api', buckets: '7' })}`],
  ['a histogram by a field', `/api/v1/histogram?${encoded({ ...HOUR, by: 'service', interval: '10m' })}`],
  ['a histogram of many values', `/api/v1/histogram?${encoded({ ...HOUR, by: 'ms', interval: '1h' })}`],
  ['a histogram under a query', `/api/v1/histogram?${encoded({ query: 'ms:>100 | stats count()', by: 'user' })}`],
  ['a histogram of nothing', `/api/v1/histogram?${encoded({ query: 'nothinglikethis' })}`],
  ['fields', '/api/v1/fields'],
  ['few fields', '/api/v1/fields?limit=3'],
  ['values of a field', '/api/v1/fields/host/values'],
  ['values of a field under a query', `/api/v1/fields/status/values?${encoded({ query: 'service:billing' })}`],
  ['values of the level', `/api/v1/fields/level/values?${encoded({ query: '*' })}`],
  ['values that begin so', `/api/v1/fields/user/values?${encoded({ prefix: 'A', query: '*' })}`],
  ['values of the message', `/api/v1/fields/message/values?${encoded({ ...HOUR, limit: '3' })}`],
  ['values of times', '/api/v1/fields/timestamp/values'],
  ['an event', `/api/v1/context/${formatEventId(RECEIVED_NS + 100n, NODE)}?before=5&after=7`],
  ['an event alone', `/api/v1/context/${formatEventId(RECEIVED_NS + 17n, NODE)}?before=0&after=0`],
  ['an event of another server', `/api/v1/context/${formatEventId(RECEIVED_NS + 17n, 'n2')}`],
  ['an event that never was', `/api/v1/context/${formatEventId(RECEIVED_NS + BigInt(EVENTS), NODE)}`],
]

test.each(paths)('%s', async (_what, path) => {
  expect(sorted(await ask(held, path))).toEqual(sorted(await ask(stored, path)))
})

test.each(['desc', 'asc'])('all events as NDJSON, %s', async (order) => {
  const path = `/api/v1/query?${encoded({ format: 'ndjson', limit: '10000', order })}`
  const lines = async (server: OpenApiServer): Promise<unknown[]> => {
    const text = await (await fetch(server.url + path)).text()
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
  }
  const found = await lines(held)
  expect(found).toHaveLength(EVENTS)
  expect(found).toEqual(await lines(stored))
})

describe('pages', () => {
  interface Page {
    events: { id: string }[]
    cursor: string | null
  }
  test.each(['desc', 'asc'])('%s: every event once, by the cursors of either server', async (order) => {
    const whole = (await (await fetch(`${held.url}/api/v1/query?limit=1000&order=${order}`)).json()) as Page
    const ids: string[] = []
    let cursor: string | null = ''
    for (let page = 0; cursor !== null; page++) {
      const { url } = page % 2 === 0 ? held : stored
      const parameters = encoded({ order, limit: '70', cursor })
      const answer = (await (await fetch(`${url}/api/v1/query?${parameters}`)).json()) as Page
      ids.push(...answer.events.map(({ id }) => id))
      cursor = answer.cursor
    }
    expect(ids).toEqual(whole.events.map(({ id }) => id))
    expect(new Set(ids).size).toBe(EVENTS)
  })
})

async function explain({ url }: OpenApiServer): Promise<object> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ query: 'level:error' })
  const response = await fetch(`${url}/api/v1/query/explain`, { method: 'POST', headers, body })
  return (await response.json()) as object
}

test('an explanation has no SQL', async () => {
  const { sql, ...rest } = (await explain(stored)) as { sql?: string }
  expect(sql).toContain('SELECT')
  expect(await explain(held)).toEqual(rest)
})
