import { afterEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { createHttpServer } from '../net/http-server.ts'
import { registerApi } from './api.ts'
import {
  IDLE_SPOOL,
  MUTE_STORE,
  openApi,
  quietContext,
  READY_STORE,
  type OpenApiServer,
  type QuietChanges,
  type SqlStore,
} from './testing/open-api.ts'
import { testPrincipal, wordAccess } from './testing/word-access.ts'

let server: OpenApiServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

interface OpenApiRoute {
  description: string
  parameters: { name: string }[]
  responses: Record<string, unknown>
  security: object[]
}
interface OpenApiDocument {
  paths: Record<string, Record<string, OpenApiRoute>>
  components: { securitySchemes: object }
}

async function ask(path: string, changes: QuietChanges = {}, headers: Record<string, string> = {}) {
  server = await openApi(quietContext(changes))
  const response = await fetch(server.url + path, { headers })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const policy = response.headers.get('content-security-policy') ?? ''
  return { status: response.status, type, policy, text, json: (): unknown => JSON.parse(text) }
}

const STORE_DOWN: SqlStore = {
  ...MUTE_STORE,
  isReady: false,
  status: () => Promise.resolve({ ...READY_STORE, state: 'down', reason: 'the engine ended with code 9' }),
}

describe('health', () => {
  test('a living process is healthy even without a store', async () => {
    expect((await ask('/healthz', { store: STORE_DOWN })).json()).toEqual({ status: 'ok' })
  })

  test('ready when every part is', async () => {
    const answer = await ask('/readyz')
    expect(answer.status).toBe(200)
    expect(answer.json()).toEqual({ status: 'ready', reasons: [] })
  })

  test('a store that is away is named, with what still works', async () => {
    const answer = await ask('/readyz', { store: STORE_DOWN })
    expect(answer.status).toBe(503)
    expect(answer.json()).toEqual({
      status: 'not ready',
      reasons: [
        {
          part: 'store',
          reason: 'the engine ended with code 9',
          effect: 'events are still accepted and wait in the spool; queries answer 503 until the store is back',
        },
      ],
    })
  })

  test('a spool that refuses is named', async () => {
    const spool = { ...quietContext().spool, status: () => ({ ...IDLE_SPOOL, refusing: 'full: 1 MB of 1 MB' }) }
    const answer = await ask('/readyz', { spool })
    expect(answer.status).toBe(503)
    expect(answer.json()).toMatchObject({ reasons: [{ part: 'spool', reason: 'full: 1 MB of 1 MB' }] })
  })

  test('a store that cannot even tell its state does not break readiness', async () => {
    const store = { ...STORE_DOWN, status: () => Promise.reject(new Error('gone')) }
    const answer = await ask('/readyz', { store })
    expect(answer.status).toBe(503)
    expect(answer.json()).toMatchObject({ reasons: [{ part: 'store', reason: 'the store is not answering' }] })
  })
})

test('whoever may not see figures hears what is not ready, and not why', async () => {
  const spool = { ...quietContext().spool, status: () => ({ ...IDLE_SPOOL, refusing: 'full: 1 MB of 1 MB' }) }
  const access = wordAccess({ all: testPrincipal(), some: testPrincipal({ filter: 'a' }) })
  server = await openApi(quietContext({ store: STORE_DOWN, spool }), { access })
  const reasons = async (headers: Record<string, string>): Promise<string[]> => {
    const response = await fetch(`${server?.url}/readyz`, { headers })
    expect(response.status).toBe(503)
    const { reasons } = (await response.json()) as { reasons: { reason: string; effect: string }[] }
    expect(reasons.map(({ effect }) => effect)).toEqual([
      expect.stringContaining('refused with 503'),
      expect.stringContaining('queries answer 503'),
    ])
    return reasons.map(({ reason }) => reason)
  }
  expect(await reasons({ authorization: 'Bearer all' })).toEqual(['full: 1 MB of 1 MB', 'the engine ended with code 9'])
  const instead = ['the spool takes no events', 'the store does not answer']
  expect(await reasons({ authorization: 'Bearer some' })).toEqual(instead)
  expect(await reasons({})).toEqual(instead)
})

function counted(): Counters {
  const counters = new Counters()
  counters.add('ingest_events_total', { source: 'http' }, 7)
  counters.add('ingest_events_total', { source: 'syslog' }, 2)
  counters.add('ingest_rejected_total', { source: 'http', reason: 'not JSON' }, 3)
  counters.keepExample('ingest_rejected_total', { source: 'http', reason: 'not JSON' }, 'line 3: {"a":')
  counters.add('odd_total', { path: 'a"b\\c\nd' }, 1)
  return counters
}

describe('status', () => {
  test('tells counters by source and reason, lag, parts and limits', async () => {
    const spool = {
      ...quietContext().spool,
      status: () => IDLE_SPOOL,
      storedThroughNs: 1_000_000_000n,
      durableThroughNs: 3_500_000_000n,
    }
    const answer = await ask('/api/v1/status', { counters: counted(), spool })
    expect(answer.status).toBe(200)
    expect(answer.json()).toMatchObject({
      version: '1.2.3',
      node: 'n1',
      listeners: { http: '127.0.0.1:7575' },
      ingest: {
        accepted: { total: 9, bySource: { http: 7, syslog: 2 } },
        rejected: {
          total: 3,
          bySource: { http: { 'not JSON': 3 } },
          examples: [{ source: 'http', reason: 'not JSON', newest: [{ text: 'line 3: {"a":' }] }],
        },
        rates: { http: { minutes: expect.arrayContaining([0]) as number[] } },
      },
      slowQueries: { thresholdMs: 1000, newest: [] },
      lag: { newestReceived: '1970-01-01T00:00:03.500Z', newestStored: '1970-01-01T00:00:01.000Z', seconds: 2.5 },
      spool: { bytesMax: 1_000_000, refusing: null },
      store: { state: 'ready', version: '26.7', rows: 5 },
      disk: { usedBytes: 500, freeBytes: 9000, bytesPerDay: null, daysLeft: null },
      live: { subscribers: 0 },
      streams: { live: 1, interrupted: 2, finished: 3, bytes: 4, bytesMax: 5, writers: 6, readers: 7 },
      limits: { jsonEventsMax: 10_000 },
    })
  })

  test('asks the store once for many readers', async () => {
    let asked = 0
    const store: SqlStore = {
      ...MUTE_STORE,
      status: () => {
        asked++
        return Promise.resolve(READY_STORE)
      },
    }
    server = await openApi(quietContext({ store, clock: () => 5n }))
    const { url } = server
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/api/v1/status`)))
    expect(asked).toBe(1)
  })
})

describe('metrics', () => {
  test('is Prometheus text with counters, process and event loop', async () => {
    const answer = await ask('/metrics', { counters: counted() })
    expect(answer.type).toContain('text/plain; version=0.0.4')
    expect(answer.text).toContain('# TYPE ingest_events_total counter\ningest_events_total{source="http"} 7\n')
    expect(answer.text).toContain('odd_total{path="a\\"b\\\\c\\nd"} 1\n')
    for (const quantile of ['0.5', '0.99', '1']) {
      expect(answer.text).toMatch(
        new RegExp(`^process_event_loop_delay_seconds\\{quantile="${quantile}"\\} [0-9.e-]+$`, 'm'),
      )
    }
    expect(answer.text).toMatch(/^process_cpu_seconds_total [0-9.]+$/m)
    expect(answer.text).toMatch(/^process_resident_memory_bytes [0-9]+$/m)
    expect(answer.text).toContain('store_up 1\n')
  })

  test('every line has the shape of the format and every family appears once', async () => {
    const { text } = await ask('/metrics', { counters: counted() })
    const families = new Set<string>()
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# HELP \w+ .+|# TYPE \w+ (counter|gauge)|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? [0-9.e+-]+)$/)
      const family = /^# TYPE (\w+)/.exec(line)?.[1]
      if (family === undefined) continue
      expect(families).not.toContain(family)
      families.add(family)
    }
  })
})

describe('documents', () => {
  test('the OpenAPI document has every route, with parameters and errors', async () => {
    const document = (await ask('/openapi.json')).json() as OpenApiDocument
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Tailrace', version: '1.2.3' } })
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(routes.sort()).toEqual([
      'DELETE /api/v1/eventlog',
      'DELETE /api/v1/keys/{id}',
      'DELETE /api/v1/searches/{id}',
      'DELETE /api/v1/session',
      'DELETE /api/v1/shares/{id}',
      'GET /',
      'GET /api/v1/context/{id}',
      'GET /api/v1/eventqry/{facility}',
      'GET /api/v1/eventqry/{facility}/',
      'GET /api/v1/eventqry/{facility}/{page}',
      'GET /api/v1/eventstats',
      'GET /api/v1/eventstats/events',
      'GET /api/v1/fields',
      'GET /api/v1/fields/{name}/values',
      'GET /api/v1/histogram',
      'GET /api/v1/keys',
      'GET /api/v1/query',
      'GET /api/v1/retention',
      'GET /api/v1/searches',
      'GET /api/v1/session',
      'GET /api/v1/shares',
      'GET /api/v1/shares/{id}',
      'GET /api/v1/status',
      'GET /api/v1/tail',
      'GET /healthz',
      'GET /hosts/',
      'GET /hosts/{host}/',
      'GET /hosts/{host}/files/',
      'GET /hosts/{host}/logs',
      'GET /metrics',
      'GET /readyz',
      'POST /api/v1/keys',
      'POST /api/v1/query',
      'POST /api/v1/query/explain',
      'POST /api/v1/retention/preview',
      'POST /api/v1/searches',
      'POST /api/v1/session',
      'POST /api/v1/session/end',
      'POST /api/v1/shares',
      'POST /api/v1/tokens',
      'PUT /api/v1/retention',
      'PUT /api/v1/searches/{id}',
    ])
    const query = document.paths['/api/v1/query']?.['get']
    const names = query?.parameters.map(({ name }) => name)
    expect(names).toEqual(['query', 'start', 'end', 'limit', 'cursor', 'order', 'format', 'timeout'])
    expect(Object.keys(query?.responses ?? {})).toEqual(['200', '400', '401', '403', '408', '413', '429', '503'])
    expect(query?.responses['400']).toMatchObject({ content: { 'application/problem+json': {} } })
  })

  test('it says of every route who may use it, and how they show it', async () => {
    const document = (await ask('/openapi.json')).json() as OpenApiDocument
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'basic', 'session', 'signature'])
    const keyless: string[] = []
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { security, responses, description }] of Object.entries(methods)) {
        if (security.length === 0) keyless.push(`${method.toUpperCase()} ${path}`)
        else {
          expect(security).toEqual([{ bearer: [] }, { basic: [] }, { session: [] }])
          expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '403']))
          expect(description).toMatch(/Takes (a|any) key/)
        }
      }
    }
    expect(keyless.toSorted()).toEqual([
      'DELETE /api/v1/session',
      'GET /',
      'GET /api/v1/session',
      'GET /healthz',
      'GET /readyz',
      'POST /api/v1/session',
      'POST /api/v1/session/end',
    ])
  })

  test('routes of other rooms that come after are in it as well', async () => {
    const server = createHttpServer({ logger: SILENT_LOGGER, counters: new Counters() })
    await registerApi(server.app, quietContext())
    server.app.post('/api/v1/ingest', { config: { access: 'write' }, schema: { tags: ['ingest'] } }, () => ({}))
    const { url } = await server.listen('127.0.0.1', 0)
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument
    await server.close()
    const post = { tags: ['ingest'], security: [{}, {}, {}, { signature: [] }] }
    expect(document.paths['/api/v1/ingest']).toMatchObject({ post })
  })

  test('/docs loads nothing from elsewhere', async () => {
    const page = await ask('/docs/')
    expect(page.status).toBe(200)
    expect(page.text).toContain('swagger-ui')
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//)
    expect(page.policy).toContain("default-src 'none'")
    expect(page.policy).not.toMatch(/https?:|upgrade/)
  })

  test('/ says what this is, also to a browser where there is no page', async () => {
    const plain = await ask('/')
    expect(plain.type).toContain('text/plain')
    expect(plain.text).toContain('Tailrace 1.2.3')
    expect(plain.text).toContain(`curl ${server?.url}/api/v1/ingest`)
    await server?.close()
    const browser = await ask('/', {}, { accept: 'text/html,*/*' })
    expect(browser.type).toContain('text/plain')
    expect(browser.text).toContain('Tailrace 1.2.3')
  })
})
