import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatEventId, type EventJson } from '../core/event.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'

const T0 = 1_767_225_600_000_000_000n
const MINUTE = 60_000_000_000n
let temporary: TemporaryStore
let server: OpenApiServer

beforeAll(async () => {
  temporary = await openTemporaryStore()
  // 30 minutes of two sources; every minute twice the same timestamp, so that received decides.
  const events = Array.from({ length: 120 }, (_, n) => ({
    timestampNs: T0 + BigInt(Math.floor(n / 4)) * MINUTE,
    source: n % 2 === 0 ? 'a.log' : 'b.log',
    host: 'h1',
    service: `s${n % 3}`,
    message: String(n),
  }))
  await loadBatch(temporary.store, stampedBatch(events, T0), 'n1')
  await loadBatch(
    temporary.store,
    stampedBatch([{ timestampNs: T0, source: 'a.log', host: 'h2', message: 'else' }], T0 + 1000n),
    'n1',
  )
  server = await openApi(quietContext({ store: temporary.store }))
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

const messages = (events?: EventJson[]): string[] => (events ?? []).map(({ message }) => message)

async function context(
  path: string,
): Promise<{ status: number; before: string[]; event: string; after: string[]; code: string }> {
  const response = await fetch(`${server.url}/api/v1/context/${path}`)
  const body = (await response.json()) as {
    before?: EventJson[]
    event?: EventJson
    after?: EventJson[]
    code?: string
  }
  return {
    status: response.status,
    before: messages(body.before),
    event: body.event?.message ?? '',
    after: messages(body.after),
    code: body.code ?? '',
  }
}

test('neighbours are of the same source and host, in order', async () => {
  const answer = await context(`${formatEventId(T0 + 60n, 'n1')}?before=3&after=4`)
  expect(answer).toMatchObject({
    status: 200,
    before: ['54', '56', '58'],
    event: '60',
    after: ['62', '64', '66', '68'],
  })
})

test('at the ends there are fewer', async () => {
  expect(await context(`${formatEventId(T0 + 2n, 'n1')}?after=0`)).toMatchObject({
    before: ['0'],
    event: '2',
    after: [],
  })
  expect(await context(`${formatEventId(T0 + 119n, 'n1')}?before=1`)).toMatchObject({ before: ['117'], after: [] })
})

test.each([
  [formatEventId(T0 + 500n, 'n1'), 404, 'EVENT_NOT_FOUND'],
  [formatEventId(T0, 'n2'), 404, 'EVENT_NOT_FOUND'],
  ['nonsense', 404, 'EVENT_NOT_FOUND'],
  [`${formatEventId(T0, 'n1')}?before=1001`, 400, 'REQUEST_INVALID'],
  [`${formatEventId(T0, 'n1')}?befor=10`, 400, 'REQUEST_INVALID'],
])('%s → %i %s', async (path, status, code) => {
  expect(await context(path)).toMatchObject({ status, code })
})
