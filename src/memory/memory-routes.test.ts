/** Every reading route answers from memory what it answers from the store that holds the same events. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, quietContext, type OpenApiServer } from '../api/testing/open-api.ts'
import type { EventInput } from '../core/batch.ts'
import { formatEventId, type EventJson } from '../core/event.ts'
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

/** Some came by the event log's door, and some of these in time for their page. */
function asLogged(event: EventInput, index: number): EventInput {
  if (index % 3 === 0) return event
  const timestampNs = index % 3 === 1 ? event.timestampNs : RECEIVED_NS - BigInt(index % 100) * 1_000_000_000n
  return { ...event, ...(timestampNs !== undefined && { timestampNs }), source: 'eventlog' }
}

let temporary: TemporaryStore
let stored: OpenApiServer
let held: OpenApiServer

beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  const sample = fc.sample(mixedEvent, { numRuns: EVENTS, seed: 23 }).map(asLogged)
  const batch = stampedBatch(sample, RECEIVED_NS)
  await loadBatch(temporary.store, batch, NODE)
  const live = openLive({ startNs: RECEIVED_NS })
  const memory = openMemory({
    live,
    node: NODE,
    queryBytesMax: 8 * MIB,
    queriesBytesMax: 8 * MIB,
    timeoutMsMax: 30_000,
    futureSkewMaxNs: 0n,
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
  const { stats, approximate, incomplete, ...rest } = // Addresses in answers are those that were asked.
    JSON.parse((await response.text()).replaceAll(server.url, '')) as Record<string, unknown>
  void [stats, approximate, incomplete]
  return [response.status, type, response.headers.get('link'), rest]
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

const minuteOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 16)
const MINUTE = minuteOf(RECEIVED_NS)
const HOST = 'web-1'

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
  ['a page', `/api/v1/eventqry/*/${MINUTE}`],
  ['a page of late events', `/api/v1/eventqry/billing/${MINUTE}?level=error,warn`],
  ['a page under a filter', `/api/v1/eventqry/*/${MINUTE}?${encoded({ q: 'ms:>100 -service:auth' })}`],
  ['an hour as NDJSON', `/api/v1/eventqry/api/${MINUTE.slice(0, 13)}?format=ndjson`],
  ['the page before', `/api/v1/eventqry/*/${minuteOf(RECEIVED_NS - 60_000_000_000n)}`],
  ['a day', `/api/v1/eventqry/auth/${minuteOf(RECEIVED_NS - 86_400_000_000_000n).slice(0, 10)}`],
  ['an empty page', '/api/v1/eventqry/*/2026-11-01T10:00'],
  ['a page that is open', `/api/v1/eventqry/*/${minuteOf(NOW_NS)}`],
  ['a list of pages', `/api/v1/eventqry/*/?${encoded({ since: '-2h' })}`],
  ['a list of days', `/api/v1/eventqry/billing/?${encoded({ by: 'day', level: 'info' })}`],
  ['counts of the event log', '/api/v1/eventstats?since=2026-01-01'],
  ['counts by all', '/api/v1/eventstats?since=2026-01-01&by=level,facility,minute'],
  ['counts of a facility by day', '/api/v1/eventstats?since=2026-01-01&by=day&facility=billing&level=error,info'],
  ['texts of the event log', '/api/v1/eventstats/events?since=2026-01-01&limit=10'],
  ['texts of a level', '/api/v1/eventstats/events?since=2026-01-01&limit=1000&level=error'],
  ['hosts', '/hosts/'],
  ['files of a host', `/hosts/${HOST}/`],
  ['files of a host, at their other address', `/hosts/${HOST}/files/`],
  ['lines of a host', `/hosts/${HOST}/logs?count=20`],
  ['lines of a file', `/hosts/${HOST}/logs?file=eventlog`],
  ['lines that contain a text', `/hosts/${HOST}/logs?${encoded({ filter: 'e' })}`],
  ['lines of nobody', '/hosts/nobody/logs'],
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

describe('the event log', () => {
  const PAGE = `/api/v1/eventqry/*/${MINUTE}`

  test('has pages that hold something, on time and late', async () => {
    const page = (await (await fetch(held.url + PAGE)).json()) as { count: number; events: EventJson[] }
    expect(page.events).toHaveLength(page.count)
    expect(page.events.filter(({ attributes }) => attributes['late'] === 'true').length).toBeGreaterThan(100)
    expect(page.events.filter(({ attributes }) => attributes['late'] !== 'true').length).toBeGreaterThan(50)
  })

  test('says of pages that events may be missing, and lets nobody keep them', async () => {
    const { headers } = await fetch(held.url + PAGE)
    expect([headers.get('tailrace-incomplete'), headers.get('etag')]).toEqual(['true', null])
    expect(headers.get('cache-control')).toBe('private, no-store')
    const later = await fetch(`${held.url}/api/v1/eventqry/*/${minuteOf(RECEIVED_NS + 120_000_000_000n)}`)
    expect(later.headers.get('tailrace-incomplete')).toBeNull()
    expect((await fetch(stored.url + PAGE)).headers.get('tailrace-incomplete')).toBeNull()
    const list = async (since: bigint): Promise<unknown> =>
      (await fetch(`${held.url}/api/v1/eventqry/*/?since=${minuteOf(since)}`)).json()
    expect(await list(RECEIVED_NS)).toMatchObject({ incomplete: true })
    expect(await list(RECEIVED_NS + 60_000_000_000n)).not.toHaveProperty('incomplete')
  })

  test('gives back the memory of a page, however it ends', async () => {
    for (let time = 0; time < 60; time++) {
      const leaving = new AbortController()
      const response = await fetch(held.url + PAGE, time % 3 === 0 ? { signal: leaving.signal } : {})
      expect(response.status).toBe(200)
      if (time % 3 === 0) leaving.abort()
      else await response.arrayBuffer()
      await fetch(held.url + PAGE, { method: 'HEAD' })
    }
    expect((await fetch(held.url + PAGE)).status).toBe(200)
  })

  test.each(['', '&dry_run=true'])('deletes nothing%s, and says why', async (more) => {
    const response = await fetch(`${held.url}/api/v1/eventlog?before=-1h${more}`, { method: 'DELETE' })
    expect([response.status, await response.json()]).toMatchObject([409, { code: 'STORAGE_IN_MEMORY' }])
  })
})

test('an explanation has no SQL', async () => {
  const { sql, ...rest } = (await explain(stored)) as { sql?: string }
  expect(sql).toContain('SELECT')
  expect(await explain(held)).toEqual(rest)
})
