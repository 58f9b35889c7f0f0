/** Nobody sees a byte of what a filter hides: proven for every route there is, with whatever a request may say. */
import type { RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Right } from '../core/principal.ts'
import type { TemporaryStore } from '../store/testing/temporary-store.ts'
import { formatCursor } from './cursor.ts'
import {
  BIRD_FILTERS as FILTERS,
  BIRDS,
  BIRDS_NODE,
  BIRDS_NOW_NS,
  birdId,
  EVENTS_PER_BIRD,
  openBirds,
  type Bird,
} from './testing/birds.ts'
import { allSources, type AllSources } from './testing/all-sources.ts'
import { HOST_REQUESTS } from './testing/host-requests.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'
import { SAVED_REQUESTS } from './testing/saved-requests.ts'
import { testPrincipal, wordAccess } from './testing/word-access.ts'

/** Many requests, on a machine that may be doing something else. */
const PATIENCE = { timeout: 120_000 }

let temporary: TemporaryStore
let server: OpenApiServer
let sources: AllSources
const routes: RouteOptions[] = []

beforeAll(async () => {
  temporary = await openBirds()
  const context = quietContext({ store: temporary.store, clock: () => BIRDS_NOW_NS, node: BIRDS_NODE })
  sources = await allSources(context, BIRDS)
  const keys = Object.entries(FILTERS).map(([key, [filter]]) => [key, testPrincipal({ filter, keyId: key })] as const)
  server = await openApi(context, {
    access: wordAccess({ ...Object.fromEntries(keys), everything: testPrincipal() }),
    onRoute: (route) => routes.push(route),
    attach: sources.attach,
  })
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
  sources.remove()
})

interface Request {
  method: string
  path: string
  body?: string
  type?: string
}

interface Answer {
  status: number
  /** Head and body. */
  text: string
}

async function ask(key: string, { method, path, body, type }: Request): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(type === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { body }),
  })
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('')
  return { status: response.status, text: `${head}\n${await response.text()}` }
}

/** A few at a time. */
async function askAll(key: string, requests: readonly Request[]): Promise<{ request: Request; answer: Answer }[]> {
  const answers: { request: Request; answer: Answer }[] = []
  for (let from = 0; from < requests.length; from += 4) {
    const some = requests.slice(from, from + 4)
    answers.push(...(await Promise.all(some.map(async (request) => ({ request, answer: await ask(key, request) })))))
  }
  return answers
}

/** What must not stand in an answer: the words of hidden birds, and years in which only ospreys fly. */
function hiddenFrom(key: string): string[] {
  const visible = FILTERS[key]?.[1] ?? BIRDS
  const words: string[] = BIRDS.filter((bird) => !visible.includes(bird))
  return visible.includes('osprey') ? words : [...words, '2025-0', '2027-0', 'timestamp":17408', 'timestamp":18045']
}

function leaks(key: string, { path, body = '' }: Request, { text }: Answer): string[] {
  const words = hiddenFrom(key).filter((word) => text.toLowerCase().includes(word))
  // An answer about all the years that it was asked about has them all.
  return (path + body).includes('2030') ? words.filter((word) => !/\d/.test(word)) : words
}

/** All of them for one key, and some for each of the others: another some for each. */
function share(key: string, requests: readonly Request[]): readonly Request[] {
  const index = Object.keys(FILTERS).indexOf(key)
  return index < 1 ? requests : requests.filter((_, number) => (number + index) % 3 === 0)
}

/** None names a bird in full, so that an answer does not have one from the question. */
const FILTER_TEXTS = [
  '',
  '*',
  'ospr* OR merl* OR kestr*',
  '* OR *',
  '-tenant:a',
  'NOT tenant:a',
  'tenant:b OR tenant:c OR tenant:a',
  'service:* (tenant:b OR NOT tenant:b)',
  'attributes.tenant:*',
  'bird:/./',
  'level:>=trace OR level:unknown',
  'time:2020-01-01..2030-01-01',
  'time:..now OR time:now..',
  'node:* received:-30d..',
  // What would matter if texts were joined.
  ') OR (*',
  'x) OR (service:*',
  '"x" OR "',
  '-- *',
  '/* */ OR *',
  '*; SELECT * FROM events',
  "' OR 1=1 --",
]
const ROW_PIPES = [
  '',
  ' | where *',
  ' | where tenant:* OR NOT tenant:*',
  ' | extract /tenant=(?<tenant>a)/',
  ' | extract /(?<tenant>a)/ from bird | where tenant:a OR tenant:*',
  ' | parse json',
  ' | parse logfmt | where tenant:a',
  ' | fields attributes, message, service, host, source, trace_id, span_id, node, level',
]
const SEARCH_PIPES = [
  ' | limit 1000 | where *',
  ' | sort by timestamp asc',
  ' | sort by bird desc | limit 1000',
  ' | stats count() n by service, host, source, bird, tenant',
  ' | stats count() n, uniq(bird), min(timestamp), max(timestamp), max(received) by message',
  ' | parse json | stats count() by seen, tenant',
  ' | extract /(?<word>[a-z]+)/ | top 100 word by service',
  ' | top 100 trace_id',
  ' | timechart count() by bird',
  ' | timechart 1d count(), uniq(service) by service',
  ' | stats rate() by bin(1d)',
  ' | stats count() n by bird | where n:>0 | sort by n',
]
const QUERIES = [
  ...FILTER_TEXTS,
  ...['', '*', 'tenant:b OR *'].flatMap((text) => [...ROW_PIPES, ...SEARCH_PIPES].map((pipe) => text + pipe)),
]

const encoded = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString()

/** Of another key, or made up: with another notion of what is now, of what was seen, and of where a page ended. */
function cursors(key: string): string[] {
  const [filter = ''] = FILTERS[key] ?? []
  return [0n, BIRDS_NOW_NS, 2n ** 62n].flatMap((ns) =>
    [[], [filter], ['tenant:b']].map((asked) =>
      formatCursor(
        { timestampNs: 2n ** 62n, receivedNs: 2n ** 62n, node: BIRDS_NODE, snapshotNs: 2n ** 62n, nowNs: ns, given: 0 },
        ['', '', '', 'desc', ...asked],
      ),
    ),
  )
}

function queryParameters(key: string): Record<string, string>[] {
  const formats = ['json', 'ndjson', 'csv']
  return [
    ...QUERIES.map((query, index) => ({ query, format: formats[index % 3] ?? '', limit: '1000' })),
    ...['*', '* | parse json', '* | stats count() by bird'].flatMap((query) =>
      formats.map((format) => ({ query, format })),
    ),
    ...cursors(key).map((cursor) => ({ cursor, limit: '1000' })),
    { order: 'asc', limit: '1' },
    { start: '2020-01-01', end: '2030-01-01', query: '* | timechart count() by bird' },
    { start: '2030-01-01', query: 'time:2025-01-01 | timechart count()' },
  ]
}

const NAMES = ['service', 'host', 'source', 'level', 'message', 'trace_id', 'span_id', 'node', 'tenant', 'bird', 'n']
const RANGES = [{}, { start: '2020-01-01', end: '2030-01-01' }, { start: '2026-01-01' }, { end: '2026-02-01' }]

/** Every route with the right `read`, and all that may be asked of it. Who adds one adds it here. */
const READ_ROUTES: Readonly<Record<string, (key: string) => Request[]>> = {
  'GET /api/v1/query': (key) =>
    queryParameters(key).map((parameters) => ({ method: 'GET', path: `/api/v1/query?${encoded(parameters)}` })),
  'POST /api/v1/query': (key) =>
    queryParameters(key).flatMap((parameters, index) => {
      const path = '/api/v1/query'
      // It is the same as GET but for where the parameters are.
      if (index % 8 > 2) return []
      if (index % 3 === 0) return { method: 'POST', path: `${path}?${encoded(parameters)}` }
      return index % 3 === 1
        ? { method: 'POST', path, type: 'application/json', body: JSON.stringify(parameters) }
        : { method: 'POST', path, type: 'application/x-www-form-urlencoded', body: encoded(parameters) }
    }),
  'POST /api/v1/query/explain': () =>
    QUERIES.map((query) => ({
      method: 'POST',
      path: '/api/v1/query/explain',
      type: 'application/json',
      body: JSON.stringify({ query }),
    })),
  'GET /api/v1/histogram': () =>
    [...NAMES, ...FILTER_TEXTS, ...ROW_PIPES].map((text, index) => {
      const by = NAMES[index % NAMES.length] ?? 'level'
      const query = text === by ? '' : text
      const shape = index % 2 === 0 ? { interval: '7d' } : { buckets: '50' }
      return { method: 'GET', path: `/api/v1/histogram?${encoded({ query, by, ...RANGES[index % 4], ...shape })}` }
    }),
  'GET /api/v1/fields': () =>
    RANGES.map((range) => ({ method: 'GET', path: `/api/v1/fields?${encoded({ ...range, limit: '10000' })}` })),
  'GET /api/v1/fields/:name/values': () =>
    NAMES.flatMap((name) =>
      [{}, { prefix: 'o' }, { query: 'tenant:b OR *' }, { start: '2026-01-01', query: '* | where *' }].map(
        (parameters) => ({ method: 'GET', path: `/api/v1/fields/${name}/values?${encoded(parameters)}` }),
      ),
    ),
  'GET /api/v1/context/:id': () =>
    BIRDS.flatMap((bird) =>
      [0, 1, 20, EVENTS_PER_BIRD - 1].map((number) => ({
        method: 'GET',
        path: `/api/v1/context/${birdId(bird, number)}?before=1000&after=1000`,
      })),
    ),
  'GET /api/v1/eventqry/:facility/:page': () =>
    // All of them came late, in this minute; the newest ospreys have pages that are open.
    ['2026-01-09T00:00', '2026-01-09T00', '2026-01-08', '2026-01-10T00', '2027-03-01'].flatMap((page, number) =>
      [...FILTER_TEXTS, 'level:debug', 'nothing | where *'].map((q, index) => {
        const facility = ['*', 'svc-falcon', encodeURIComponent('svc-*')][(index + number) % 3] ?? '*'
        const more = encoded({ q, ...(index % 2 === 0 ? { format: 'ndjson' } : {}) })
        return { method: 'GET', path: `/api/v1/eventqry/${index < 4 ? '*' : facility}/${page}?${more}` }
      }),
    ),
  'GET /api/v1/eventqry/:facility/': () =>
    FILTER_TEXTS.map((q, index) => {
      const since = index % 2 === 0 ? '2026-01-01' : '2025-06-01'
      return { method: 'GET', path: `/api/v1/eventqry/*/?${encoded({ q, since, by: 'hour' })}` }
    }),
  'GET /api/v1/eventqry/:facility': () =>
    FILTER_TEXTS.map((q) => ({
      method: 'GET',
      path: `/api/v1/eventqry/*?${encoded({ q, since: '2026-01-01', by: 'hour' })}`,
    })),
  'GET /api/v1/eventstats': () =>
    ['', 'facility', 'level,day', 'facility,level,minute'].map((by) => ({
      method: 'GET',
      path: `/api/v1/eventstats?${encoded({ by, since: '2020-01-01', until: '2030-01-01' })}`,
    })),
  'GET /api/v1/eventstats/events': () =>
    [{}, { limit: '10000' }, { facility: 'svc-falcon' }, { level: 'debug,info' }].map((parameters) => ({
      method: 'GET',
      path: `/api/v1/eventstats/events?${encoded({ ...parameters, since: '2020-01-01', until: '2030-01-01' })}`,
    })),
  ...HOST_REQUESTS,
  // A stream without end: visible-tails.test.ts.
  'GET /api/v1/tail': () => [],
  // Shown whole or not at all: sources/livestream/visible-streams.test.ts.
  'GET /streams': () => [],
  'GET /streams/': () => [],
  'GET /streams/*': () => [],
}

/** Their answers name no bird, or not every one, whoever asks. */
const NAMELESS: ReadonlySet<string> = new Set([
  'GET /hosts/',
  'GET /hosts/:host/',
  'GET /hosts/:host/files/',
  'POST /api/v1/query/explain',
  'GET /api/v1/eventqry/:facility/',
  'GET /api/v1/eventqry/:facility',
  'GET /api/v1/eventstats',
])

const methodsOf = ({ method }: RouteOptions): string[] => (Array.isArray(method) ? method : [method])
const nameOf = (route: RouteOptions): string[] => methodsOf(route).map((method) => `${method} ${route.url}`)
const routesOf = (...rights: Right[]): string[] =>
  routes.filter(({ config }) => rights.includes(config?.access ?? 'public')).flatMap(nameOf)

/** Something to ask of a route that nobody knows more about. */
function plainRequest(name: string): Request {
  const [method = '', url = ''] = name.split(' ')
  const path = url.replaceAll(/:\w+/g, birdId('osprey', 0)).replace('*', 'index.html')
  return method === 'POST' ? { method, path, type: 'application/json', body: '{}' } : { method, path }
}

test('every route for readers is in the table', () => {
  // Those about what is saved: visible-saved.test.ts.
  const known = [...Object.keys(READ_ROUTES), ...SAVED_REQUESTS.map(([name]) => name)]
  const heads = known.map((name) => name.replace('GET', 'HEAD'))
  expect(
    routesOf('read')
      .filter((name) => !name.startsWith('HEAD '))
      .toSorted(),
  ).toEqual(known.toSorted())
  expect(routesOf('read').filter((name) => !known.includes(name) && !heads.includes(name))).toEqual([])
})

/** Those that have tests of their own. */
const isElsewhere = (name: string): boolean => name.endsWith('/tail') || name.startsWith('GET /streams')

describe.each(Object.keys(READ_ROUTES).filter((name) => !isElsewhere(name)))('%s', (name) => {
  const requests = READ_ROUTES[name] ?? (() => [])

  test('shows all birds to a key without a filter', async () => {
    const answers = await askAll('everything', requests('everything'))
    const seen = BIRDS.filter((bird) => answers.some(({ answer }) => answer.text.includes(bird)))
    expect(seen).toEqual(NAMELESS.has(name) ? seen : BIRDS)
  })

  test.each(Object.entries(FILTERS))('%s: %s', PATIENCE, async (key, [, visible]) => {
    const answers = await askAll(key, share(key, requests(key)))
    for (const { request, answer } of answers) {
      expect({ request, leaks: leaks(key, request, answer) }).toEqual({ request, leaks: [] })
      expect({ request, isOurFault: answer.status >= 500 }).toEqual({ request, isOurFault: false })
    }
    const seen = BIRDS.filter((bird) => answers.some(({ answer }) => answer.text.includes(bird)))
    if (!NAMELESS.has(name)) expect(seen).toEqual(visible)
    expect(answers.some(({ answer }) => answer.status === 200)).toBe(visible.length > 0 || !/:(?:id|host)/.test(name))
  })
})

test('HEAD says no more than GET', async () => {
  for (const [name, requests] of Object.entries(READ_ROUTES)) {
    const some = name.startsWith('GET') ? requests('attribute').slice(0, 8) : []
    for (const request of some) {
      const head = await ask('attribute', { ...request, method: 'HEAD' })
      expect(head.status).toBe((await ask('attribute', request)).status)
      expect({ leaks: leaks('attribute', request, head), body: head.text.split('\n\n')[1] }).toEqual({
        leaks: [],
        body: '',
      })
    }
  }
})

test('a hidden event is found no more than one that never was', async () => {
  const never = birdId('osprey', 1_000_000)
  for (const key of Object.keys(FILTERS)) {
    for (const bird of hiddenFrom(key).filter((word): word is Bird => BIRDS.some((one) => one === word))) {
      const hidden = await ask(key, { method: 'GET', path: `/api/v1/context/${birdId(bird, 3)}` })
      const absent = await ask(key, { method: 'GET', path: `/api/v1/context/${never}` })
      const without = ({ status, text }: Answer): unknown => [status, text.replaceAll(/(x-request-id|date): .*/g, '')]
      expect(without(hidden)).toEqual(without(absent))
    }
  }
})

test('counts are those of what is visible', async () => {
  for (const [key, [, visible]] of Object.entries(FILTERS)) {
    const count = visible.length * EVENTS_PER_BIRD
    const { text } = await ask(key, { method: 'GET', path: '/api/v1/query?query=*%20|%20stats%20count()%20n' })
    expect(text).toContain(`"rows":[[${count}]]`)
    expect(text).toMatch(/"stats":\{"elapsedMs":[\d.]+,"rowsRead":0,"bytesRead":0\}/)
    const fields = await ask(key, { method: 'GET', path: '/api/v1/fields' })
    expect(fields.text.includes(`{"name":"message","count":${count},"kind":"field"}`)).toBe(count > 0)
  }
})

test('the event log counts what is visible', async () => {
  for (const [key, [, visible]] of Object.entries(FILTERS)) {
    const count = visible.length * EVENTS_PER_BIRD
    const list = await ask(key, { method: 'GET', path: '/api/v1/eventqry/*/?since=2026-01-01&by=hour' })
    expect({ key, counts: [...list.text.matchAll(/"count":(\d+)/g)].map(([, found]) => Number(found)) }).toEqual({
      key,
      counts: count === 0 ? [] : [count],
    })
    const stats = await ask(key, { method: 'GET', path: '/api/v1/eventstats?since=2020-01-01&until=2030-01-01' })
    expect(stats.text).toContain(count === 0 ? '"rows":[]' : `"rows":[{"count":${count / 2}}]`)
    const page = await ask(key, { method: 'GET', path: '/api/v1/eventqry/*/2026-01-09T00' })
    expect(page.text).toContain(`"count":${count},`)
    expect(page.text).toContain('cache-control: private, no-store')
    expect(page.text).not.toContain('etag')
    const before = await ask(key, { method: 'GET', path: '/api/v1/eventqry/*/2026-01-08T23' })
    expect(before.text.includes('rel="next"')).toBe(count > 0)
  }
})

test('what is about everything, what writes and what administers is refused to a key with a filter', async () => {
  const names = routesOf('figures', 'admin', 'write')
  expect(names).toContain('GET /metrics')
  expect(names).toContain('POST /api/v1/ingest')
  for (const name of names) {
    const { status } = await ask('attribute', plainRequest(name))
    expect({ name, status }).toEqual({ name, status: 403 })
  }
})

test('what everybody may use shows no bird', async () => {
  for (const name of routesOf('any', 'public')) {
    const request = plainRequest(name)
    const answer = await ask('attribute', request)
    expect({ name, leaks: leaks('attribute', request, answer) }).toEqual({ name, leaks: [] })
  }
})
