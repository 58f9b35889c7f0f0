import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditRecord } from '../../core/audit.ts'
import { parseTimestamp } from '../../core/time.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from '../testing/open-api.ts'
import { testPrincipal, wordAccess } from '../testing/word-access.ts'

const at = (text: string): bigint => parseTimestamp(text) ?? 0n
const NOW_NS = at('2026-11-21T12:00:00Z')

let temporary: TemporaryStore
let server: OpenApiServer
const audited: AuditRecord[] = []

beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  const context = quietContext({
    store: temporary.store,
    clock: () => NOW_NS,
    audit: async (record) => void audited.push(record),
  })
  const access = wordAccess({
    admin: testPrincipal({ role: 'admin', keyId: 'boss' }),
    reader: testPrincipal(),
    part: testPrincipal({ filter: 'level:info' }),
  })
  server = await openApi(context, { access })
  const levels = [5, 9, 17]
  for (const facility of ['shop/a', 'shop/b']) {
    const events = Array.from({ length: 180 }, (_, index) => ({
      service: facility,
      source: 'eventlog',
      message: index % 2 === 0 ? 'even' : 'odd',
      severity: levels[index % 3] ?? 0,
      timestampNs: at('2026-11-21T04:00:00Z') + BigInt(index) * 1_000_000_000n,
      attributes: new Map([['n', String(index)]]),
    }))
    await loadBatch(temporary.store, stampedBatch(events, at('2026-11-21T04:00:00Z')))
  }
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

interface Answer {
  status: number
  etag: string | null
  caching: string | null
  json: Record<string, unknown>
}

async function ask(path: string, { key = 'reader', method = 'GET', etag = '' } = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, ...(etag === '' ? {} : { 'if-none-match': etag }) }
  const response = await fetch(`${server.url}/api/v1/${path}`, { method, headers })
  const text = await response.text()
  const { headers: head } = response
  const json = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  return { status: response.status, etag: head.get('etag'), caching: head.get('cache-control'), json }
}

const remove = (query: string) => ask(`eventlog?${query}`, { key: 'admin', method: 'DELETE' })
const page = (name: string, facility = 'shop%2Fa', query = '') => ask(`eventqry/${facility}/${name}${query}`)

test('statistics, pages and tags before and after', async () => {
  const whole = await page('2026-11-21T04:00')
  const next = await page('2026-11-21T04:01')
  const other = await page('2026-11-21T04:00', 'shop%2Fb')
  expect(whole.json['count']).toBe(60)
  const query = 'before=2026-11-21T04:00:30Z&facility=shop%2Fa&level=info,error'
  expect(await remove(`${query}&dry_run=true`)).toMatchObject({
    status: 200,
    json: { deleted: 20, state: 'counted', before: '2026-11-21T04:00:30.000Z' },
  })
  expect((await page('2026-11-21T04:00', 'shop%2Fa', '')).etag).toBe(whole.etag)
  expect(audited).toEqual([])
  expect(await remove(query)).toMatchObject({ status: 200, json: { deleted: 20, state: 'done' } })
  expect(audited).toMatchObject([
    {
      action: 'events.deleted',
      principal: { keyId: 'boss' },
      details: { before: '2026-11-21T04:00:30.000Z', facility: 'shop/a', level: 'info,error', count: '20' },
    },
  ])
  const thinned = await ask('eventqry/shop%2Fa/2026-11-21T04:00', { etag: whole.etag ?? '' })
  expect(thinned).toMatchObject({ status: 200, json: { count: 40 } })
  expect(thinned.etag).not.toBe(whole.etag)
  expect(await ask('eventqry/shop%2Fa/2026-11-21T04:00', { etag: thinned.etag ?? '' })).toMatchObject({ status: 304 })
  expect((await page('2026-11-21T04:00', 'shop%2Fb')).etag).toBe(other.etag)
  const counts = await ask('eventstats?by=facility,level,minute&until=2026-11-21T04:01:00Z&since=2026-11-21T04:00:00Z')
  expect(counts.json['rows']).toEqual(
    [
      ['shop/a', 'debug', 20],
      ['shop/b', 'debug', 20],
      ['shop/a', 'info', 10],
      ['shop/b', 'info', 20],
      ['shop/a', 'error', 10],
      ['shop/b', 'error', 20],
    ].map(([facility, level, count]) => ({ time: '2026-11-21T04:00:00.000Z', facility, level, count })),
  )
  expect((await page('2026-11-21T04:01')).json).toEqual(next.json)
})

test('a page that lost everything is gone', async () => {
  const minute = '2026-11-21T04:02'
  expect(await page(minute, 'shop%2Fb', '?q=n:200')).toMatchObject({ status: 200, json: { count: 0 } })
  expect(await remove('before=2026-11-21T05:00:00Z&facility=shop%2Fb&q=n:>=120')).toMatchObject({
    json: { deleted: 60 },
  })
  expect(await page(minute, 'shop%2Fb')).toMatchObject({
    status: 410,
    etag: null,
    caching: 'no-store',
    json: { code: 'PAGE_DELETED' },
  })
  expect(await page(minute)).toMatchObject({ status: 200, json: { count: 60 } })
  expect(await page('2026-11-21T04:03', 'shop%2Fb')).toMatchObject({ status: 200, json: { count: 0 } })
  // What a filter hides is not even told to have been there.
  const hidden = await ask(`eventqry/shop%2Fb/${minute}`, { key: 'part' })
  expect(hidden).toMatchObject({ status: 200, json: { count: 0 }, etag: null, caching: 'private, no-store' })
})

test('texts', async () => {
  const { json } = await ask('eventstats/events?facility=shop/a&level=debug&since=2026-11-21T04:00:00Z')
  expect(json['events']).toEqual(
    ['even', 'odd'].map((event, first) => ({
      event,
      facility: 'shop/a',
      level: 'debug',
      count: 30,
      first: new Date(Date.UTC(2026, 10, 21, 4, 0, first * 3)).toISOString(),
      last: new Date(Date.UTC(2026, 10, 21, 4, 2, 54 + first * 3)).toISOString(),
    })),
  )
  const part = await ask('eventstats/events?since=2026-11-21T04:00:00Z&facility=shop/a', { key: 'part' })
  const levels = (part.json['events'] as { level: string }[]).map(({ level }) => level)
  expect(levels).toEqual(['info', 'info'])
})

test.each([
  'facility=a',
  'before=soon',
  'before=2026-11-21T12:00:01Z',
  'before=2026-01-01&level=loud',
  'before=2026-01-01&q=a|limit%201',
  'before=2026-01-01&facility=',
  'before=2026-01-01&dry_run=perhaps',
  'before=2026-01-01&nonsense=1',
])('%s is refused', async (query) => expect((await remove(query)).status).toBe(400))

test('only admins delete', async () => {
  for (const key of ['reader', 'part']) {
    const { status } = await ask('eventlog?before=2026-11-21', { key, method: 'DELETE' })
    expect(status).toBe(403)
  }
})

test.each(['by=hour,day', 'by=host', 'since=never', 'level=loud'])('eventstats?%s is refused', async (query) =>
  expect((await ask(`eventstats?${query}`)).status).toBe(400),
)

test('a page of which events are deleted while it is read is not given for what it was', async () => {
  const { store } = temporary
  let ids: string[] = []
  const asks = { isDeleting: false }
  const own = await openApi(
    quietContext({
      store: {
        isReady: true,
        delete: (request) => store.delete(request),
        status: () => store.status(),
        select: (statement, options) => store.select(statement, options),
        stream: (statement, options) => store.stream(statement, options),
        async *texts(...asked) {
          yield* store.texts(...asked)
          if (asks.isDeleting) ids = [...ids, 'a deletion']
        },
        deletions: { touching: () => ({ ids, isUnderWay: false }) },
      },
      clock: () => NOW_NS,
    }),
  )
  const read = async (query: string) => {
    const response = await fetch(`${own.url}/api/v1/eventqry/shop%2Fb/2026-11-21T04:01${query}`)
    const { status, headers } = response
    const kept = [headers.get('etag'), headers.get('cache-control'), headers.get('content-encoding')]
    return { status, kept, retryAfter: headers.get('retry-after'), text: await response.text() }
  }
  try {
    for (const query of ['', '?format=ndjson']) {
      const before = await read(query)
      asks.isDeleting = true
      // Whether something of it has left by then depends on the moment: then it is cut off.
      const given = await read(query).catch((error: unknown) => String(error))
      if (given !== 'TypeError: terminated') {
        expect(given).toMatchObject({ status: 425, retryAfter: '1', kept: [null, 'no-store', null] })
      }
      asks.isDeleting = false
      expect(await read(query)).toMatchObject({ status: 200, text: before.text })
    }
  } finally {
    await own.close()
  }
})

test('levels of the same name count together; a time that is none is told by its parameter', async () => {
  const events = [5, 6, 8, 17].map((severity, index) => ({
    service: 'levels',
    source: 'eventlog',
    message: 'm',
    severity,
    timestampNs: at('2026-11-21T06:00:00Z') + BigInt(index),
  }))
  await loadBatch(temporary.store, stampedBatch(events, at('2026-11-21T06:00:00Z')))
  const range = 'since=2026-11-21&until=2026-11-22&facility=levels'
  expect((await ask(`eventstats?${range}&by=level`)).json['rows']).toEqual([
    { level: 'debug', count: 3 },
    { level: 'error', count: 1 },
  ])
  for (const path of ['eventstats?', 'eventstats/events?', 'eventqry/levels/?']) {
    expect((await ask(`${path}since=noon`)).json['detail']).toBe('since is not a time: "noon".')
    expect((await ask(`${path}until=noon`)).json['detail']).toBe('until is not a time: "noon".')
  }
  const list = `${range}&by=hour`.replace('&facility=levels', '')
  expect((await ask(`eventqry/levels?${list}`)).json).toEqual((await ask(`eventqry/levels/?${list}`)).json)
})
