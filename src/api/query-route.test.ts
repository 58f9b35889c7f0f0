import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { EventInput } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import type { EventJson } from '../core/event.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { DEFAULT_API_LIMITS } from './context.ts'
import { openApi, quietContext, type OpenApiServer, type SqlStore } from './testing/open-api.ts'
import { slowedStore, slowQueries } from './testing/slow-store.ts'

const T0 = 1_767_225_600_000_000_000n
const MINUTE = 60_000_000_000n
const EVENTS = 3000

let temporary: TemporaryStore
let server: OpenApiServer
let receivedNs = T0 + 10_000n * MINUTE

async function load(events: EventInput[]): Promise<void> {
  await loadBatch(temporary.store, stampedBatch(events, receivedNs), 'n1')
  receivedNs += BigInt(events.length)
}

beforeAll(async () => {
  temporary = await openTemporaryStore()
  // A month in steps of a quarter of an hour; four events share each timestamp.
  await load(
    Array.from({ length: EVENTS }, (_, n) => ({
      timestampNs: T0 + BigInt(Math.floor(n / 4)) * 15n * 4n * MINUTE,
      severity: n % 100 === 0 ? 17 : 9,
      service: `s${n % 3}`,
      host: 'h1',
      source: 'a.log',
      message: n === 1234 ? 'needle' : `message ${n}`,
      trace_id: n % 2 === 0 ? 'abc' : '',
      attributes: new Map([['n', String(n)]]),
    })),
  )
  server = await openApi(quietContext({ store: temporary.store }))
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

interface Answer {
  columns?: { name: string; type: string }[]
  events: EventJson[]
  rows: unknown[][]
  cursor: string | null
  stats: { elapsedMs: number; rowsRead: number; bytesRead: number }
  code: string
  detail: string
  problems: { code: string; from: number; to: number }[]
}

async function ask(parameters: Record<string, string>): Promise<Answer & { status: number }> {
  const response = await fetch(`${server.url}/api/v1/query?${new URLSearchParams(parameters).toString()}`)
  return { ...((await response.json()) as Answer), status: response.status }
}

const numbers = (events: readonly EventJson[]): number[] => events.map(({ attributes }) => Number(attributes['n']))

describe('events', () => {
  test('the newest come first, whole, with what it took', async () => {
    const { events, stats, cursor } = await ask({ limit: '2' })
    expect(numbers(events)).toEqual([2999, 2998])
    expect(events[1]).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}-n1$/),
      timestamp: '2026-02-01T05:00:00.000Z',
      received: expect.stringMatching(/^2026-01-07T22:40:00.000002998Z$/),
      severity: 9,
      level: 'info',
      service: 's1',
      host: 'h1',
      source: 'a.log',
      message: 'message 2998',
      trace_id: 'abc',
      span_id: '',
      attributes: { n: '2998' },
    })
    expect(stats.rowsRead).toBeGreaterThan(0)
    expect(cursor).toBeTypeOf('string')
  })

  test('100 unless a limit is given', async () => {
    expect((await ask({})).events).toHaveLength(100)
  })

  test('a rare one is found far back, and there is no further page', async () => {
    const { events, cursor } = await ask({ query: 'needle' })
    expect(numbers(events)).toEqual([1234])
    expect(cursor).toBeNull()
  })

  test('oldest first', async () => {
    expect(numbers((await ask({ order: 'asc', limit: '5' })).events)).toEqual([0, 1, 2, 3, 4])
  })

  test('start is inclusive, end is exclusive', async () => {
    const { events } = await ask({ start: '2026-01-01T01:00:00Z', end: '2026-01-01T02:00:00Z' })
    expect(numbers(events)).toEqual([7, 6, 5, 4])
  })

  test('POST without a body takes its parameters from the address', async () => {
    const response = await fetch(`${server.url}/api/v1/query?query=needle`, { method: 'POST' })
    expect(response.status).toBe(200)
    expect(numbers(((await response.json()) as Answer).events)).toEqual([1234])
  })

  test('POST takes the same as JSON or as a form', async () => {
    for (const body of [
      JSON.stringify({ query: 'needle', limit: 5 }),
      new URLSearchParams({ query: 'needle', limit: '5' }),
    ]) {
      const headers: Record<string, string> = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
      const response = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body, headers })
      expect(numbers(((await response.json()) as Answer).events)).toEqual([1234])
    }
  })

  test('a limit in the query counts over all pages', async () => {
    const first = await ask({ query: '* | limit 5', limit: '3' })
    expect(numbers(first.events)).toEqual([2999, 2998, 2997])
    const second = await ask({ query: '* | limit 5', limit: '3', cursor: first.cursor ?? '' })
    expect(numbers(second.events)).toEqual([2996, 2995])
    expect(second.cursor).toBeNull()
  })
})

async function pages(parameters: Record<string, string>, between: (page: number) => Promise<void>): Promise<number[]> {
  const seen: number[] = []
  let cursor: string | null = ''
  for (let page = 0; cursor !== null; page++) {
    const answer: Answer & { status: number } = await ask(cursor === '' ? parameters : { ...parameters, cursor })
    expect(answer.status).toBe(200)
    seen.push(...numbers(answer.events))
    cursor = answer.cursor
    await between(page)
  }
  return seen
}

describe('paging', () => {
  test.each(['desc', 'asc'])('%s: every event once, whatever the page size', async (order) => {
    const all = Array.from({ length: EVENTS }, (_, n) => n)
    for (const limit of ['97', '1000', '1500', '2999', '3000', '3001']) {
      expect(await pages({ order, limit }, async () => {})).toEqual(order === 'asc' ? all : all.toReversed())
    }
  })

  test('events that arrive meanwhile neither appear nor push others out', async () => {
    const before = await pages({ query: 'service:s0', limit: '1000' }, async () => {})
    let clock = receivedNs + MINUTE
    const own = await openApi(quietContext({ store: temporary.store, clock: () => clock }))
    const outer = server
    server = own
    try {
      const during = await pages({ query: 'service:s0', limit: '50' }, async (page) => {
        if (page % 5 !== 0) return
        receivedNs = clock + BigInt(page)
        clock += MINUTE
        // Newer than all, older than all, and right where a page ends.
        const at = [
          T0 + 100_000n * MINUTE,
          T0 - MINUTE,
          ...Array.from({ length: 20 }, (_, n) => T0 + BigInt(n * 37) * 60n * MINUTE),
        ]
        await load(
          at.map((timestampNs) => ({
            timestampNs,
            service: 's0',
            message: 'late',
            attributes: new Map([['n', '-1']]),
          })),
        )
      })
      expect(during).toEqual(before)
      const after = await pages({ query: 'service:s0', limit: '1000' }, async () => {})
      expect(after.length).toBeGreaterThan(before.length)
    } finally {
      server = outer
      await own.close()
    }
  })

  test('a cursor is bound to its question', async () => {
    const { cursor } = await ask({ query: 'message' })
    expect(await ask({ query: 'other', cursor: cursor ?? '' })).toMatchObject({ status: 400, code: 'CURSOR_INVALID' })
    expect(await ask({ cursor: 'nonsense' })).toMatchObject({ status: 400, code: 'CURSOR_INVALID' })
  })
})

describe('tables', () => {
  test('stats answer columns and rows', async () => {
    const answer = await ask({
      query: 'service:s0 message | stats count() n by level | sort by n desc',
      end: '2026-02-01T05:00:01Z',
    })
    expect(answer.columns?.map(({ name }) => name)).toEqual(['level', 'n'])
    expect(answer.rows.map(([level]) => level)).toEqual(['info', 'error'])
    expect(answer.rows.map(([, n]) => Number(n)).reduce((a, b) => a + b)).toBe(1000)
  })

  test('a table that was cut says so', async () => {
    const cut = await ask({ query: '* | stats count() n by message', limit: '2' })
    expect(cut).toMatchObject({ truncated: true })
    const whole = await ask({ query: 'service:s0 message | stats count() n by level' })
    expect(whole).not.toHaveProperty('truncated')
  })

  test('a timechart without bounds finds its own', async () => {
    const answer = await ask({ query: 'message | timechart count() n' })
    expect(answer.status).toBe(200)
    expect(answer.rows.length).toBeGreaterThan(1)
    expect(answer.rows.map((row) => Number(row.at(-1))).reduce((a, b) => a + b)).toBe(2999)
  })
})

describe('formats', () => {
  test('ndjson has an event on each line', async () => {
    const response = await fetch(`${server.url}/api/v1/query?query=message&limit=2500&format=ndjson`)
    expect(response.headers.get('content-type')).toContain('application/x-ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    const { events } = await ask({ query: 'message', limit: '2500' })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events)
  })

  test('csv has a header and attributes as JSON', async () => {
    const response = await fetch(`${server.url}/api/v1/query?query=needle&format=csv`)
    expect(response.headers.get('content-type')).toContain('text/csv')
    expect(await response.text()).toBe(
      'timestamp,level,service,host,source,message,trace_id,span_id,attributes\r\n' +
        '2026-01-13T20:00:00.000Z,info,s1,h1,a.log,needle,abc,,"{""n"":""1234""}"\r\n',
    )
  })

  test('tables stream as well', async () => {
    const query = encodeURIComponent('needle | stats count() n by service')
    const csv = await fetch(`${server.url}/api/v1/query?query=${query}&format=csv`)
    expect(await csv.text()).toBe('service,n\r\ns1,1\r\n')
    const ndjson = await fetch(`${server.url}/api/v1/query?query=${query}&format=ndjson`)
    expect(JSON.parse(await ndjson.text())).toMatchObject({ service: 's1' })
  })
})

describe('mistakes', () => {
  test.each([
    [{ query: '"open' }, 'QUERY_SYNTAX'],
    [{ query: 'a | nonsense' }, 'QUERY_INVALID'],
    [{ query: 'x'.repeat(70_000) }, 'QUERY_TOO_LARGE'],
    [{ start: 'soon' }, 'TIME_INVALID'],
    [{ timeout: 'soon' }, 'TIME_INVALID'],
    [{ limit: '10001' }, 'REQUEST_INVALID'],
    [{ limit: 'many' }, 'REQUEST_INVALID'],
    [{ format: 'xml' }, 'REQUEST_INVALID'],
    [{ qurey: 'x' }, 'REQUEST_INVALID'],
  ])('%j → %s', async (parameters: Record<string, string>, code) => {
    const response = await fetch(`${server.url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    })
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 400, code })
  })

  test('problems say where', async () => {
    const { problems } = await ask({ query: 'level:loud' })
    expect(problems).toMatchObject([{ code: 'QUERY_BAD_LEVEL', from: 6, to: 10 }])
  })
})

const PATIENCE = { timeout: 20_000 }

describe('a reader who goes away', () => {
  test.each(['json', 'ndjson', 'csv'])('%s: the engine stops working for it', async (format) => {
    const own = await openApi(quietContext({ store: slowedStore(temporary) }))
    try {
      const reader = new AbortController()
      const url = `${own.url}/api/v1/query?limit=3000&format=${format}`
      const answer = fetch(url, { signal: reader.signal }).then((response) => response.text())
      await vi.waitUntil(async () => (await slowQueries(temporary)) > 0, PATIENCE)
      reader.abort()
      await expect(answer).rejects.toThrow('aborted')
      await vi.waitUntil(async () => (await slowQueries(temporary)) === 0, PATIENCE)
    } finally {
      await own.close()
    }
  })

  test('what takes long is remembered with who asked and what it took; tails and streams are not', async () => {
    const limits = { ...DEFAULT_API_LIMITS, slowQueryMs: 0 }
    const own = await openApi(quietContext({ store: temporary.store, limits }))
    const newest = async (): Promise<Record<string, unknown>[]> => {
      const status = (await (await fetch(`${own.url}/api/v1/status`)).json()) as {
        slowQueries: { newest: Record<string, unknown>[] }
      }
      return status.slowQueries.newest
    }
    try {
      await (await fetch(`${own.url}/api/v1/query?query=notthere&start=-1h&format=ndjson`)).text()
      for (let time = 0; time < 2; time++) {
        await (
          await fetch(`${own.url}/api/v1/query?query=${encodeURIComponent('* | stats count()')}&start=-52w`)
        ).text()
      }
      await (await fetch(`${own.url}/api/v1/fields?query=${'x'.repeat(3000)}`)).text()
      await vi.waitUntil(async () => (await newest()).length === 2, PATIENCE)
      expect(await newest()).toMatchObject([
        { route: '/api/v1/fields', query: 'x'.repeat(2000), rowsRead: null },
        {
          route: '/api/v1/query',
          query: '* | stats count()',
          start: '-52w',
          times: 2,
          status: 200,
          rowsRead: expect.any(Number) as number,
          key: { id: '', name: '' },
        },
      ])
    } finally {
      await own.close()
    }
  })

  test('places are limited, and come free', async () => {
    const limits = { ...DEFAULT_API_LIMITS, queriesMax: 1, queriesWaitingMax: 0 }
    const own = await openApi(quietContext({ store: slowedStore(temporary), limits }))
    try {
      const reader = new AbortController()
      const url = `${own.url}/api/v1/query?limit=3000`
      const answer = fetch(url, { signal: reader.signal })
      await vi.waitUntil(async () => (await slowQueries(temporary)) > 0, PATIENCE)
      const refused = await fetch(url)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('1')
      reader.abort()
      await expect(answer).rejects.toThrow('aborted')
      await vi.waitUntil(async () => (await fetch(`${url}&query=notthere`)).status === 200, PATIENCE)
    } finally {
      await own.close()
    }
  })

  test('what fails in the middle is seen', async () => {
    let rows = 0
    const store: SqlStore = {
      isReady: true,
      deletions: temporary.store.deletions,
      delete: (request) => temporary.store.delete(request),
      status: () => temporary.store.status(),
      select: (statement, options) => temporary.store.select(statement, options),
      texts: (...asked) => store.texts(...asked),
      async *stream(statement, options) {
        for await (const row of temporary.store.stream(statement, options)) {
          if (rows++ > 1000) throw new AppError('STORE_UNREACHABLE', { detail: 'the engine ended' })
          yield row
        }
      },
    }
    const own = await openApi(quietContext({ store }))
    try {
      const ndjson = await fetch(`${own.url}/api/v1/query?limit=3000&format=ndjson`)
      const lines = (await ndjson.text()).trimEnd().split('\n')
      expect(lines.length).toBeGreaterThan(990)
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
        error: { code: 'STORE_UNREACHABLE', detail: 'the engine ended' },
      })
      rows = 0
      const csv = await fetch(`${own.url}/api/v1/query?limit=3000&format=csv`)
      await expect(csv.text()).rejects.toThrow('terminated')
    } finally {
      await own.close()
    }
  })

  test('a store that is away from the beginning is a proper error', async () => {
    const own = await openApi(quietContext())
    try {
      for (const format of ['json', 'ndjson', 'csv']) {
        const response = await fetch(`${own.url}/api/v1/query?format=${format}`)
        expect(response.status).toBe(503)
        expect(await response.json()).toMatchObject({ code: 'STORE_UNREACHABLE' })
      }
    } finally {
      await own.close()
    }
  })
})
