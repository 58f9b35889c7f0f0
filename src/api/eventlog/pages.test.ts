import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventInput } from '../../core/batch.ts'
import { parseTimestamp } from '../../core/time.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from '../testing/open-api.ts'

const at = (text: string): bigint => parseTimestamp(text) ?? 0n
const GRACE_NS = 5_000_000_000n

let temporary: TemporaryStore
let server: OpenApiServer
let nowNs = at('2026-11-22T12:00:00Z')
/** How often the store was asked for events. */
let asked = 0
let waitStored: (ns: bigint, signal?: AbortSignal) => Promise<void> = () => Promise.resolve()

beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  const { store } = temporary
  const counted = {
    get isReady() {
      return store.isReady
    },
    deletions: store.deletions,
    delete: (request: Parameters<typeof store.delete>[0]) => store.delete(request),
    status: () => store.status(),
    select: (...args: Parameters<typeof store.select>) => (asked++, store.select(...args)),
    stream: (...args: Parameters<typeof store.stream>) => (asked++, store.stream(...args)),
    texts: (...args: Parameters<typeof store.texts>) => (asked++, store.texts(...args)),
  }
  const { spool } = quietContext()
  server = await openApi(
    quietContext({
      store: counted,
      clock: () => nowNs,
      spool: { ...spool, waitStored: (ns, signal) => waitStored(ns, signal) },
    }),
  )
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Paths as they are written: nothing is normalised. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url)
    const request = httpRequest({ hostname, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    request.on('error', reject)
    request.end()
  })
}

interface Shown {
  count: number
  events: { message: string; timestamp: string; attributes: Record<string, string> }[]
}

async function page(path: string): Promise<Shown> {
  const answer = await get(`/api/v1/eventqry/${path}`)
  expect(`${answer.status} ${answer.status === 200 ? '' : answer.body.toString()}`).toBe('200 ')
  return JSON.parse(answer.body.toString()) as Shown
}

const messages = async (path: string): Promise<string[]> => (await page(path)).events.map(({ message }) => message)

type Given = [message: string, timestamp: string, received: string, more?: Partial<EventInput>]

/** Each in a load of its own, since received times need not rise here. */
async function store(service: string, ...events: Given[]): Promise<void> {
  for (const [message, timestamp, received, more] of events) {
    const input = { message, service, source: 'eventlog', severity: 9, timestampNs: at(timestamp), ...more }
    await loadBatch(temporary.store, stampedBatch([input], at(received)), 'n1')
  }
}

describe('the page of an event', () => {
  const day = '2026-11-21'
  beforeAll(async () => {
    await store(
      'late',
      ['on time', `${day}T04:05:59.9Z`, `${day}T04:05:59.95Z`],
      ['within grace', `${day}T04:05:10Z`, `${day}T04:06:04.999999999Z`],
      ['at grace', `${day}T04:05:20Z`, `${day}T04:06:05Z`],
      ['a day late', `2026-11-20T01:00:00Z`, `${day}T04:06:30Z`],
      [
        'a year late',
        `2025-11-20T01:00:00Z`,
        `${day}T04:06:31Z`,
        {
          attributes: new Map([
            ['z', '1'],
            ['a', '2'],
          ]),
        },
      ],
      ['before 1970', `1955-11-20T01:00:00Z`, `${day}T04:06:32Z`],
      ['ahead', `${day}T04:09:00Z`, `${day}T04:06:33Z`],
      ['last', `${day}T04:06:59.999999999Z`, `${day}T04:06:59.9999999995Z`],
    )
  })

  test('is the minute of its timestamp, or of its arrival when that minute had closed', async () => {
    expect(await messages(`late/${day}T04:05`)).toEqual(['within grace', 'on time'])
    expect(await messages(`late/${day}T04:06`)).toEqual([
      'at grace',
      'a day late',
      'a year late',
      'before 1970',
      'last',
    ])
    expect(await messages(`late/${day}T04:09`)).toEqual(['ahead'])
    expect(await messages('late/2026-11-20T01:00')).toEqual([])
    expect(await messages('late/2025-11-20')).toEqual([])
  })

  test('late events say so', async () => {
    const { events } = await page(`late/${day}T04:06`)
    expect(events.map(({ attributes }) => attributes['late'])).toEqual(['true', 'true', 'true', 'true', undefined])
    expect(JSON.stringify(events[2])).toContain('"attributes":{"a":"2","late":"true","z":"1"}')
  })

  test('an hour is its minutes joined, a day its hours', async () => {
    const minutes = await Promise.all(
      ['05', '06', '07', '08', '09'].map((minute) => messages(`late/${day}T04:${minute}`)),
    )
    expect(await messages(`late/${day}T04`)).toEqual(minutes.flat())
    expect(await messages(`late/${day}`)).toEqual(minutes.flat())
  })

  test('events look as they do in other answers', async () => {
    const { events } = await page(`late/${day}`)
    const search = await get('/api/v1/query?query=service%3Alate&limit=100')
    const found = (JSON.parse(search.body.toString()) as Shown).events
    const byMessage = (event: { message: string }) => found.find(({ message }) => message === event.message)
    for (const event of events) {
      const { late: _late, ...attributes } = event.attributes
      expect({ ...event, attributes }).toEqual(byMessage(event))
    }
  })

  test('the list tells the same', async () => {
    const path = `/api/v1/eventqry/late/?since=${day}T04:00:00Z&until=${day}T05:00:00Z`
    const { pages } = JSON.parse((await get(path)).body.toString()) as { pages: { page: string; count: number }[] }
    expect(pages.map(({ page: name, count }) => `${name} ${count}`)).toEqual([
      `${day}T04:05 2`,
      `${day}T04:06 5`,
      `${day}T04:09 1`,
    ])
    const hours = JSON.parse((await get(`${path}&by=hour`)).body.toString()) as { pages: unknown[] }
    expect(hours.pages).toEqual([{ page: `${day}T04`, url: `/api/v1/eventqry/late/${day}T04`, count: 8 }])
  })

  test('neighbours are linked', async () => {
    const { headers } = await get(`/api/v1/eventqry/late/${day}T04:06?level=info&format=ndjson`)
    expect(headers.link).toBe(
      `</api/v1/eventqry/late/${day}T04:05?level=info&format=ndjson>; rel="prev", ` +
        `</api/v1/eventqry/late/${day}T04:09?level=info&format=ndjson>; rel="next"`,
    )
    const alone = await get(`/api/v1/eventqry/late/${day}`)
    expect(alone.headers.link).toBeUndefined()
  })
})

test('a closed page never changes, whatever comes later', async () => {
  const path = '/api/v1/eventqry/fixed/2026-11-21T05:00'
  await store('fixed', [
    'one',
    '2026-11-21T05:00:01Z',
    '2026-11-21T05:00:01Z',
    {
      attributes: new Map([
        ['b', '1'],
        ['a', '2'],
      ]),
    },
  ])
  const before = await get(path)
  await store(
    'fixed',
    ['old', '2026-11-21T05:00:02Z', '2026-11-21T05:01:05Z'],
    ['older', '2026-11-21T05:00:00Z', '2026-11-21T11:59:00Z'],
    ['other', '2026-11-21T05:01:00Z', '2026-11-21T05:01:00Z'],
  )
  const after = await get(path)
  expect(after.body.toString()).toBe(before.body.toString())
  expect(after.headers.etag).toBe(before.headers.etag)
  expect(before.headers['cache-control']).toBe('private, max-age=31536000, immutable')
  expect(before.headers.vary).toBe('Accept-Encoding, Authorization, Cookie')
})

test('who has a page is told so without a question to the store', async () => {
  const path = '/api/v1/eventqry/late/2026-11-21T04:05'
  const { headers } = await get(path)
  const etag = headers.etag ?? ''
  const before = asked
  for (const given of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const answer = await get(path, { 'if-none-match': given })
    expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, etag])
  }
  expect(asked).toBe(before)
  const others = ['?q=x', '?level=info', '?format=ndjson'].map(async (more) => (await get(path + more)).headers.etag)
  const gzip = (await get(path, { 'accept-encoding': 'gzip' })).headers.etag
  expect(new Set([etag, gzip, ...(await Promise.all(others))]).size).toBe(5)
  // Whatever it is: that there is one has to be looked up.
  expect((await get(path, { 'if-none-match': '*' })).status).toBe(304)
  expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
})

test('a page is open until its grace is over, and all that was received is stored', async () => {
  const path = '/api/v1/eventqry/late/2026-11-22T12:00'
  nowNs = at('2026-11-22T12:00:30Z')
  const open = await get(path)
  expect([open.status, open.headers['retry-after'], open.headers['cache-control']]).toEqual([425, '35', 'no-store'])
  expect((await get('/api/v1/eventqry/late/2026-11-22')).headers['retry-after']).toBe(String(11 * 3600 + 59 * 60 + 35))
  expect((await get('/api/v1/eventqry/late/2200-01-01')).status).toBe(425)
  nowNs = at('2026-11-22T12:01:00Z') + GRACE_NS - 1n
  expect((await get(path)).status).toBe(425)
  nowNs++
  const waited: bigint[] = []
  waitStored = (ns, signal) => {
    waited.push(ns)
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  }
  const waiting = await get(path)
  waitStored = () => Promise.resolve()
  expect([waiting.status, waiting.headers['retry-after']]).toEqual([425, '1'])
  expect(waited).toEqual([at('2026-11-22T12:01:05Z')])
  expect((await get(path)).status).toBe(200)
})

test.each<[header: string, encoding: string | undefined]>([
  ['gzip', 'gzip'],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['gzip, deflate, br', 'br'],
  ['*', 'br'],
  ['gzip;q=0, br;q=0', undefined],
  ['identity;q=0.5, gzip;q=0.4', undefined],
  ['zstd', undefined],
])('Accept-Encoding: %s → %s', async (header, encoding) => {
  const path = '/api/v1/eventqry/late/2026-11-21T04'
  const plain = await get(path)
  const { headers, body } = await get(path, { 'accept-encoding': header })
  expect(headers['content-encoding']).toBe(encoding)
  const decoded = encoding === 'gzip' ? gunzipSync(body) : encoding === 'br' ? brotliDecompressSync(body) : body
  expect(decoded.toString()).toBe(plain.body.toString())
})

test('HEAD says what GET says, without the page', async () => {
  const path = '/api/v1/eventqry/late/2026-11-21T04:05'
  const [head, whole] = [await get(path, {}, 'HEAD'), await get(path)]
  expect([head.status, head.headers.etag, head.headers.link]).toEqual([200, whole.headers.etag, whole.headers.link])
  expect(head.body.length).toBe(0)
})

test('filters', async () => {
  await store(
    'filtered',
    ['a word', '2026-11-21T06:00:01Z', '2026-11-21T06:00:01Z', { severity: 21 }],
    [
      'another',
      '2026-11-21T06:00:02Z',
      '2026-11-21T06:00:02Z',
      { severity: 17, attributes: new Map([['user', '42']]) },
    ],
    ['a third word', '2026-11-21T06:00:03Z', '2026-11-21T06:00:03Z', { severity: 5 }],
  )
  const path = 'filtered/2026-11-21T06:00'
  expect(await messages(`${path}?level=emerg,debug`)).toEqual(['a word', 'a third word'])
  expect(await messages(`${path}?q=user:42`)).toEqual(['another'])
  expect(await messages(`${path}?q=word&level=debug`)).toEqual(['a third word'])
  expect(await messages(`${path}?q=time:-58s..now`)).toEqual(['another', 'a third word'])
  expect(await messages(`*/2026-11-21T06:00?q=word`)).toEqual(['a word', 'a third word'])
  for (const wrong of ['level=loud', 'level=info,', 'q=(', 'q=a|limit 1', 'format=xml', 'nonsense=1']) {
    const { status } = await get(`/api/v1/eventqry/${path}?${wrong.replaceAll(' ', '%20')}`)
    expect({ wrong, status }).toEqual({ wrong, status: 400 })
  }
})

test.each([
  'a/b',
  'a//b/',
  '../..',
  '..',
  '%2F',
  "o'x; DROP TABLE events --",
  'ü💧',
  '\u0000\n',
  '{p0:String}',
  'x'.repeat(900),
])('facility %j', async (facility) => {
  const encoded = encodeURIComponent(facility)
  await store(facility, ['here', '2026-11-21T07:00:01Z', '2026-11-21T07:00:01Z'])
  expect(await messages(`${encoded}/2026-11-21T07:00`)).toEqual(['here'])
  expect(await messages(`${encoded}/2026-11-21T07:01`)).toEqual([])
  const list = await get(`/api/v1/eventqry/${encoded}/?since=2026-11-21T07:00:00Z&until=2026-11-21T08:00:00Z`)
  const { pages } = JSON.parse(list.body.toString()) as { pages: { url: string; count: number }[] }
  expect(pages).toHaveLength(1)
  expect((await get(pages[0]?.url ?? '')).status).toBe(200)
})

test.each(['x/2026-11-21T24', 'x/now', 'x/2026-02-30', '/2026-11-21', 'x/%zz', 'x/2026-11-21T04/05'])(
  '%s is no page',
  async (path) => {
    const { status } = await get(`/api/v1/eventqry/${path}`)
    expect([400, 404]).toContain(status)
  },
)
