import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import { DEFAULT_API_LIMITS, type ApiLimits } from './context.ts'
import { MUTE_STORE, openApi, quietContext, type OpenApiServer, type SqlStore } from './testing/open-api.ts'

let server: OpenApiServer
/** What the store was asked for at most. */
let rowsMax: number[]
afterEach(() => server.close())

async function open(limits: Partial<ApiLimits>): Promise<void> {
  rowsMax = []
  const store: SqlStore = {
    ...MUTE_STORE,
    select(_statement, options) {
      rowsMax.push(options?.rowsMax ?? Infinity)
      return Promise.reject(new AppError('STORE_UNREACHABLE'))
    },
  }
  server = await openApi(quietContext({ store, limits: { ...DEFAULT_API_LIMITS, ...limits } }))
}

async function ask(path: string, body?: object): Promise<{ status: number; code: string }> {
  const sent = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(server.url + path, sent)
  return { status: response.status, code: ((await response.json()) as { code: string }).code }
}

describe('bodies', () => {
  const LONG = 'x'.repeat(3000)
  test.each([
    ['/api/v1/query', { query: LONG }],
    ['/api/v1/session', { key: 'trk_x', more: LONG }],
    ['/api/v1/keys', { role: 'admin', name: LONG }],
    ['/api/v1/tokens', { expires: LONG }],
  ])('larger than the setting are refused by %s', async (path, body) => {
    await open({ bodyBytesMax: 2048 })
    expect(await ask(path, body)).toEqual({ status: 413, code: 'BODY_TOO_LARGE' })
  })

  test('that the setting allows are read, however much longer than by default', async () => {
    await open({ bodyBytesMax: 4 * 1024 * 1024 })
    expect(await ask('/api/v1/query', { query: 'x'.repeat(2 * 1024 * 1024) })).toMatchObject({
      code: 'QUERY_TOO_LARGE',
    })
  })
})

describe('rows of a JSON answer', () => {
  test.each([
    [50, 50],
    [10_000, 100],
  ])('%d at most: a query that names no limit asks for no more', async (jsonEventsMax, wanted) => {
    await open({ jsonEventsMax })
    expect(await ask('/api/v1/query')).toEqual({ status: 503, code: 'STORE_UNREACHABLE' })
    expect(Math.max(...rowsMax)).toBeLessThanOrEqual(wanted + 1)
    expect(await ask(`/api/v1/query?limit=${jsonEventsMax + 1}`)).toEqual({ status: 400, code: 'REQUEST_INVALID' })
  })
})
