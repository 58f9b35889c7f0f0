/** What is under way for a key that ends meanwhile, and how much may be. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLive } from '../live/live.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { DEFAULT_API_LIMITS, type ApiContext, type ApiLimits } from './context.ts'
import { openApi, quietContext, type OpenApiServer, type SqlStore } from './testing/open-api.ts'
import { slowedStore, slowQueries } from './testing/slow-store.ts'
import { testPrincipal, wordAccess, type TestPrincipal } from './testing/word-access.ts'

const PATIENCE = { timeout: 20_000 }

let temporary: TemporaryStore
beforeAll(async () => {
  temporary = await openTemporaryStore()
  await loadBatch(
    temporary.store,
    stampedBatch(Array.from({ length: 3000 }, (_, n) => ({ message: `message ${n}` }))),
    'n1',
  )
})
afterAll(() => temporary.remove())

let server: OpenApiServer
let context: ApiContext
let ann: TestPrincipal
let open: TestPrincipal
beforeEach(() => {
  ann = testPrincipal()
  open = testPrincipal({ by: 'open', keyId: '', role: 'admin' })
})
afterEach(() => server.close())

async function start(
  limits: Partial<ApiLimits> = {},
  store: SqlStore = slowedStore(temporary),
  live: ApiContext['live'] = quietContext().live,
): Promise<void> {
  context = quietContext({ store, live, limits: { ...DEFAULT_API_LIMITS, ...limits } })
  const access = wordAccess({ ann, open, ben: testPrincipal({ keyId: 'other' }) })
  server = await openApi(context, { access })
}

function ask(key: string, parameters = '', signal?: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` }
  const url = `${server.url}/api/v1/query?limit=3000&${parameters}`
  return fetch(url, { headers, ...(signal ? { signal } : {}) })
}

const whenRunning = (count: number): Promise<unknown> =>
  vi.waitUntil(async () => (await slowQueries(temporary)) === count, PATIENCE)

describe('when a key ends', () => {
  test.each(['json', 'ndjson', 'csv'])(
    '%s: what the engine does for it stops, and the answer is a refusal',
    async (format) => {
      await start()
      const answer = ask('ann', `query=${encodeURIComponent('* | sort by message')}&format=${format}`)
      await whenRunning(1)
      ann.end()
      expect((await answer).status).toBe(401)
      expect(await (await answer).json()).toMatchObject({ code: 'KEY_REFUSED' })
      await whenRunning(0)
      await vi.waitUntil(() => ann.listeners === 0, PATIENCE)
    },
  )

  test('so does what waits for its turn', async () => {
    await start({ queriesPerKeyMax: 1 })
    const first = ask('ann')
    await whenRunning(1)
    const second = ask('ann')
    await vi.waitUntil(() => ann.listeners === 2, PATIENCE)
    ann.end()
    for (const answer of [await first, await second]) expect(answer.status).toBe(401)
  })

  test('who was let in without a key is told that there are keys now', async () => {
    await start()
    const answer = ask('open')
    await whenRunning(1)
    open.end()
    expect(await (await answer).json()).toMatchObject({ status: 401, code: 'KEY_REQUIRED' })
  })

  test.each(['ndjson', 'csv'])('an %s answer that has begun is cut off, even when nobody reads it', async (format) => {
    await start({}, endless(temporary.store))
    const answer = await ask('ann', `format=${format}`)
    expect(answer.status).toBe(200)
    expect(ann.listeners).toBe(1)
    ann.end()
    await vi.waitUntil(() => ann.listeners === 0, PATIENCE)
    await expect(answer.text()).rejects.toThrow('terminated')
  })

  test('the answers that were over before do not listen', async () => {
    await start({}, temporary.store)
    for (const format of ['json', 'ndjson', 'csv'])
      expect((await (await ask('ann', `format=${format}`)).text()).length).toBeGreaterThan(1000)
    await vi.waitUntil(() => ann.listeners === 0, PATIENCE)
  })
})

/** The real store, but the rows of a stream come again and again. */
function endless(store: SqlStore): SqlStore {
  return {
    isReady: true,
    deletions: store.deletions,
    delete: (request) => store.delete(request),
    status: () => store.status(),
    select: (statement, options) => store.select(statement, options),
    async *stream(statement, options) {
      const rows: unknown[][] = []
      for await (const row of store.stream(statement, options)) {
        rows.push(row)
        yield row
      }
      for (;;) yield* rows.slice(1)
    },
    async *texts(...asked) {
      const parts: Buffer[] = []
      for await (const part of store.texts(...asked)) {
        parts.push(part)
        yield part
      }
      for (;;) yield* parts
    },
  }
}

describe('places of one key', () => {
  test('are limited; others have theirs', async () => {
    await start({ queriesPerKeyMax: 1, queryWaitMsMax: 1 })
    const reader = new AbortController()
    const first = ask('ann', '', reader.signal)
    await whenRunning(1)
    const second = await ask('ann')
    expect(second.status).toBe(429)
    expect(await second.json()).toMatchObject({ detail: expect.stringContaining('1 queries with this key') as string })
    expect(second.headers.get('retry-after')).toBe('1')
    expect(context.counters.total('query_limited_total', { limit: 'queriesPerKeyMax' })).toBe(1)
    const other = ask('ben', '', reader.signal)
    await whenRunning(2)
    reader.abort()
    await Promise.allSettled([first, other])
    await whenRunning(0)
  })

  test('one key never has all streams', async () => {
    await start({ streamsMax: 2, queryWaitMsMax: 1 }, endless(temporary.store))
    const reader = new AbortController()
    expect((await ask('ann', 'format=ndjson', reader.signal)).status).toBe(200)
    expect((await ask('ann', 'format=ndjson')).status).toBe(429)
    expect(context.counters.total('query_limited_total', { limit: 'streamsPerKeyMax' })).toBe(1)
    expect((await ask('ben', 'format=ndjson', reader.signal)).status).toBe(200)
    reader.abort()
  })

  test('what tails read in the store is among them, and waits', async () => {
    const live = openLive({ startNs: BigInt(Date.now()) * 1_000_000n + 60_000_000_000n })
    await start({ queriesPerKeyMax: 2 }, slowedStore(temporary), live)
    const reader = new AbortController()
    const headers = { authorization: 'Bearer ann' }
    const tails = [1, 2, 3].map(() => fetch(`${server.url}/api/v1/tail?backlog=10`, { headers, signal: reader.signal }))
    for (const tail of await Promise.all(tails)) expect(tail.status).toBe(200)
    await whenRunning(2)
    await vi.waitUntil(() => live.status().subscribers === 3, PATIENCE)
    expect(await slowQueries(temporary)).toBe(2)
    reader.abort()
    await whenRunning(0)
  })
})
