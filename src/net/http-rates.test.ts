import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import type { HttpServerOptions } from './http-server.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { type GuardedServer, openGuardedServer, TEST_ACCESS } from './testing/guarded-server.ts'

let server: GuardedServer
/** Milliseconds that the server's clock shows. */
let nowMs: number
/** What was looked at. */
let identified: number
afterEach(() => server.http.close())

async function open(limits: Partial<HttpServerLimits>, options: Partial<HttpServerOptions> = {}): Promise<void> {
  nowMs = 50_000
  identified = 0
  const access: typeof TEST_ACCESS = {
    isOpen: false,
    identify(head) {
      identified++
      return TEST_ACCESS.identify(head)
    },
  }
  server = await openGuardedServer({ access, limits, clock: () => nowMs, ...options }, ({ app }) => {
    app.post('/login', { config: { access: 'public' } }, (request) => {
      if ((request.body as { key: string }).key !== 'read') throw new AppError('KEY_REFUSED')
      return {}
    })
  })
}

interface Asking {
  key?: string
  headers?: Record<string, string>
  login?: string
}

async function ask(path: string, { key, headers = {}, login }: Asking = {}) {
  const response = await fetch(server.url + path, {
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(login === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(login === undefined ? {} : { method: 'POST', body: JSON.stringify({ key: login }) }),
  })
  const { code, detail } = (await response.json()) as { code?: string; detail?: string }
  return { status: response.status, code, detail, retryAfter: response.headers.get('retry-after') }
}

/** As a proxy does for somebody. */
function askFor(address: string) {
  return ask('/public', { headers: { 'x-forwarded-for': address } })
}

/** The statuses of so many requests, one after the other. */
async function statuses(count: number, path: string, asking: Asking = {}): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) found.push((await ask(path, asking)).status)
  return found
}

describe('requests a second', () => {
  test('from one address: looked at before anything else is', async () => {
    await open({ requestsPerSecondPerAddressMax: 2 })
    expect(await statuses(2, '/read', { key: 'read' })).toEqual([200, 200])
    const limited = await ask('/read', { key: 'read' })
    expect(limited).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS', retryAfter: '1' })
    expect(await statuses(2, '/nothing')).toEqual([429, 429])
    expect(identified).toBe(2)
    expect(server.counters.total('http_limited_total', { limit: 'address' })).toBe(3)
    nowMs += 500
    expect(await statuses(2, '/read', { key: 'read' })).toEqual([200, 429])
  })

  test('from one address, whatever key; others are not held up', async () => {
    await open({ requestsPerSecondPerAddressMax: 1 }, { trustedProxies: ['127.0.0.1'] })
    expect(await askFor('192.0.2.1')).toMatchObject({ status: 200 })
    expect(await askFor('192.0.2.1')).toMatchObject({ status: 429 })
    expect(await askFor('192.0.2.2')).toMatchObject({ status: 200 })
    expect(await askFor('2001:db8::1')).toMatchObject({ status: 200 })
    expect(await askFor('2001:db8::2')).toMatchObject({ status: 429 })
    expect(await askFor('2001:db8:0:1::1')).toMatchObject({ status: 200 })
    // What is no address counts for the proxy.
    expect(await askFor('one')).toMatchObject({ status: 200 })
    expect(await askFor('another')).toMatchObject({ status: 429 })
  })

  test('with one key', async () => {
    await open({ requestsPerSecondPerKeyMax: 2 })
    expect(await statuses(3, '/any', { key: 'write' })).toEqual([200, 200, 429])
    expect(await statuses(3, '/any', { key: 'read' })).toEqual([200, 200, 429])
    // On public routes as well, and where the key may not.
    expect(await statuses(3, '/public', { key: 'read-some' })).toEqual([200, 200, 429])
    expect(await statuses(3, '/public')).toEqual([200, 200, 200])
    expect(server.counters.total('http_limited_total', { limit: 'key' })).toBe(3)
    nowMs += 1000
    expect(await statuses(3, '/read', { key: 'write' })).toEqual([403, 403, 429])
  })

  test('nobody is no key, and neither is anybody while there are none', async () => {
    await open({ requestsPerSecondPerKeyMax: 1 }, { access: undefined as never })
    expect(await statuses(3, '/admin')).toEqual([200, 200, 200])
  })
})

describe('keys that are not valid', () => {
  test('are limited; valid ones from the same address are not', async () => {
    await open({ failuresPerMinuteMax: 3 })
    expect(await statuses(3, '/read', { key: 'wrong' })).toEqual([401, 401, 401])
    const limited = await ask('/read', { key: 'wrong' })
    expect(limited).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS', retryAfter: '20' })
    expect(await statuses(3, '/read', { key: 'read' })).toEqual([200, 200, 200])
    expect(await ask('/admin', { key: 'read' })).toMatchObject({ status: 403 })
    const signed = { login: 'x', headers: { 'tailrace-signature': '00' } }
    expect(await ask('/write', signed)).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS' })
    // Where nobody is asked for a key a wrong one does not matter.
    expect(await ask('/public', { key: 'wrong' })).toMatchObject({ status: 200 })
    expect(await ask('/public', { key: 'read' })).toMatchObject({ status: 200 })
    expect(server.ran.slice(-2)).toEqual(['GET /public nobody', 'GET /public read'])
    expect(await ask('/read', { key: 'wrong' })).toMatchObject({ status: 429, retryAfter: '20' })
    expect(server.counters.total('http_limited_total', { limit: 'failures' })).toBe(3)
    expect(server.counters.total('http_errors_total', { code: 'KEY_REFUSED' })).toBe(3)
    expect(server.counters.total('http_errors_total', { code: 'TOO_MANY_REQUESTS' })).toBe(3)
    // Who shows nothing is told what is missing, as before.
    expect(await ask('/read')).toMatchObject({ status: 401, code: 'KEY_REQUIRED' })
    nowMs += 20_000
    expect(await statuses(2, '/read', { key: 'wrong' })).toEqual([401, 429])
  })

  test('showing none, or one that is valid but may not, is no failure', async () => {
    await open({ failuresPerMinuteMax: 1 })
    expect(await statuses(3, '/read')).toEqual([401, 401, 401])
    expect(await statuses(3, '/read', { key: 'write' })).toEqual([403, 403, 403])
    expect(await ask('/read', { key: 'read' })).toMatchObject({ status: 200 })
  })

  test('on public routes are no failure: a session that has ended is no attack', async () => {
    await open({ failuresPerMinuteMax: 2 })
    expect(await statuses(5, '/public', { key: 'wrong' })).toEqual([200, 200, 200, 200, 200])
    expect(await statuses(3, '/read', { key: 'wrong' })).toEqual([401, 401, 429])
  })

  test('what routes refuse counts as well: the form that begins a session', async () => {
    await open({ failuresPerMinuteMax: 2 })
    expect(await ask('/login', { login: 'read' })).toMatchObject({ status: 200 })
    expect(await ask('/login', { login: 'wrong' })).toMatchObject({ status: 401 })
    expect(await ask('/login', { login: 'wrong' })).toMatchObject({ status: 401 })
    expect(await ask('/login', { login: 'wrong' })).toMatchObject({ status: 429, retryAfter: '30' })
    expect(await ask('/login', { login: 'read' })).toMatchObject({ status: 200 })
    expect(await ask('/public')).toMatchObject({ status: 200 })
  })
})
