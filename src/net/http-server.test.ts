import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import Type from 'typebox'
import { afterEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'

const PUBLIC = { config: { access: 'public' } } as const
let http: HttpServer
let counters: Counters
let port: number
let url: string
let logged: object[]
let finishSlow: (() => void) | undefined
afterEach(() => http.close())

async function open(limits: Partial<HttpServerLimits> = {}): Promise<void> {
  counters = new Counters()
  logged = []
  finishSlow = undefined
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (fields) => void logged.push(fields) }
  let ids = 0
  http = createHttpServer({ limits, logger, counters, requestId: () => `id-${++ids}` })
  const { app } = http
  app.get('/hello/:name', PUBLIC, (request) => ({ hello: (request.params as { name: string }).name }))
  app.put('/hello/:name', PUBLIC, () => ({}))
  app.get('/files/*', PUBLIC, () => ({}))
  app.get('/secret', PUBLIC, () => {
    throw new Error('a path and a password')
  })
  app.get('/full', PUBLIC, () => {
    throw new AppError('SPOOL_FULL', { detail: 'full', hint: 'wait', retryAfterSeconds: 3 })
  })
  app.get('/slow', PUBLIC, async () => {
    await new Promise<void>((resolve) => {
      finishSlow = resolve
    })
    return { slow: true }
  })
  app.post(
    '/echo',
    { config: { access: 'public' }, schema: { body: Type.Object({ n: Type.Integer() }) } },
    (request) => request.body,
  )
  ;({ port, url } = await http.listen('127.0.0.1', 0))
}

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(url + path, init)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body }
}

/** Sends text as it is and returns all that comes back until the server closes. */
async function raw(text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  return Buffer.concat(await socket.toArray()).toString()
}

describe('errors', () => {
  const JSON_BODY = { 'content-type': 'application/json' }
  const cases: [string, RequestInit, number, string][] = [
    ['/nothing', {}, 404, 'NOT_FOUND'],
    ['/hello', {}, 404, 'NOT_FOUND'],
    ['/hello/x?q=1', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED'],
    ['/files/a/b', { method: 'POST', body: 'x' }, 405, 'METHOD_NOT_ALLOWED'],
    ['/full', {}, 503, 'SPOOL_FULL'],
    ['/echo', { method: 'POST', headers: JSON_BODY, body: '{"n":"x"}' }, 400, 'REQUEST_INVALID'],
    ['/echo', { method: 'POST', headers: JSON_BODY, body: '{' }, 400, 'REQUEST_INVALID'],
    ['/echo', { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' }, 415, 'CONTENT_TYPE_UNSUPPORTED'],
    ['/echo', { method: 'POST', headers: JSON_BODY, body: `{"n":${' '.repeat(2000)}1}` }, 413, 'BODY_TOO_LARGE'],
    ['/%ZZ', {}, 400, 'REQUEST_INVALID'],
  ]
  test.each(cases)('%s %j → %i %s', async (path, init, status, code) => {
    await open({ bodyBytesMax: 1000 })
    const answer = await ask(path, init)
    expect(answer).toMatchObject({ status, body: { status, code, type: `urn:tailrace:error:${code}` } })
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.body['detail']).toEqual(expect.any(String))
    expect(logged).toEqual([])
  })

  test('405 names what is allowed, 503 says when to come back', async () => {
    await open()
    expect((await ask('/hello/x', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD, PUT')
    expect((await ask('/full')).headers.get('retry-after')).toBe('3')
    expect((await ask('/full')).body).toMatchObject({ detail: 'full', hint: 'wait' })
    expect(counters.total('http_errors_total', { code: 'SPOOL_FULL' })).toBe(2)
    expect(counters.total('http_requests_total', { status: '503' })).toBe(2)
  })

  test('what goes wrong inside is logged, not told', async () => {
    await open()
    const answer = await ask('/secret')
    expect(answer).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
    expect(JSON.stringify(answer.body)).not.toContain('password')
    expect(logged).toMatchObject([{ err: { message: 'a path and a password' }, requestId: 'id-1', url: '/secret' }])
  })
})

describe('request ids', () => {
  test('are the sender’s own where it brings a decent one', async () => {
    await open()
    expect((await ask('/hello/x', { headers: { 'x-request-id': 'my-id.7' } })).headers.get('x-request-id')).toBe(
      'my-id.7',
    )
    expect((await ask('/hello/x', { headers: { 'x-request-id': 'a b' } })).headers.get('x-request-id')).toBe('id-1')
    expect((await ask('/nothing')).headers.get('x-request-id')).toBe('id-2')
  })
})

describe('limits', () => {
  test('no HTTP', async () => {
    await open()
    expect(await raw('hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 Bad Request[^]*REQUEST_INVALID/)
    expect(counters.total('http_malformed_requests_total', { reason: 'malformed' })).toBe(1)
  })

  test('headers that are too large', async () => {
    await open({ headerBytesMax: 1000 })
    expect(await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nbig: ${'x'.repeat(2000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/)
    expect(counters.total('http_malformed_requests_total', { reason: 'large_headers' })).toBe(1)
  })

  test('headers that come too slowly', async () => {
    await open({ headersMs: 100 })
    expect(await raw('GET / HTTP/1.1\r\nhost:')).toMatch(/^HTTP\/1.1 408/)
    expect(counters.total('http_malformed_requests_total', { reason: 'slow_headers' })).toBe(1)
  })

  test('a body that stops moving, before a route that reads it whole', async () => {
    await open({ bodyIdleMs: 100 })
    const head = 'POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n'
    expect(await raw(`${head}{"n"`)).toMatch(/^HTTP\/1.1 408[^]*BODY_TIMEOUT/)
  })

  test('a sender that goes away in the middle of a body that nobody reads', async () => {
    await open()
    const accepted = once(http.app.server, 'connection') as Promise<[Socket]>
    const client = connect(port, '127.0.0.1')
    client.write('GET /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nx')
    const [socket] = await accepted
    await expect.poll(() => typeof finishSlow).toBe('function')
    const gone = once(socket, 'close')
    const crashes: unknown[] = []
    const onCrash = (error: unknown): void => void crashes.push(error)
    process.prependListener('uncaughtException', onCrash)
    client.destroy()
    await gone
    finishSlow?.()
    expect((await ask('/hello/x')).status).toBe(200)
    process.off('uncaughtException', onCrash)
    expect(crashes).toEqual([])
  })

  test('more connections than allowed', async () => {
    await open({ connectionsMax: 1 })
    const first = connect(port, '127.0.0.1')
    await once(first, 'connect')
    const second = connect(port, '127.0.0.1')
    await once(
      second.resume().on('error', () => second.destroy()),
      'close',
    )
    await expect.poll(() => counters.total('http_connections_refused_total')).toBe(1)
    first.destroy()
  })
})

describe('listening and closing', () => {
  test('an address that is taken', async () => {
    await open()
    const other = createHttpServer({ logger: { debug() {}, info() {}, warn() {}, error() {} }, counters })
    await expect(other.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
    await other.close()
  })

  test('what is under way is answered, idle connections end at once, nobody new gets in', async () => {
    await open()
    const idle = connect(port, '127.0.0.1')
    idle.write('GET /hello/x HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await once(idle, 'data')
    const idleEnded = once(idle, 'close')
    const slow = fetch(`${url}/slow`)
    await expect.poll(() => typeof finishSlow).toBe('function')
    const closed = http.close()
    await idleEnded
    await expect(fetch(`${url}/hello/x`)).rejects.toThrow('fetch failed')
    finishSlow?.()
    const answer = await slow
    expect(answer.headers.get('connection')).toBe('close')
    expect(await answer.json()).toEqual({ slow: true })
    await closed
  })

  test('a request that had begun to arrive is told that the server closes', async () => {
    await open()
    const accepted = once(http.app.server, 'connection') as Promise<[Socket]>
    const half = 'GET /hello/x HTTP/1.1\r\nhost: localhost\r\n'
    const client = connect(port, '127.0.0.1')
    client.write(half)
    const [socket] = await accepted
    await expect.poll(() => socket.bytesRead).toBe(half.length)
    const closed = http.close()
    client.write('\r\n')
    const answer = Buffer.concat(await client.toArray()).toString()
    expect(answer).toMatch(/^HTTP\/1.1 503 /)
    expect(answer).toContain('application/problem+json')
    expect(answer).toMatch(/retry-after: \d/)
    expect(answer).toContain('"code":"SERVER_CLOSING"')
    await closed
  })

  test('what does not end is cut off', async () => {
    await open({ closeMs: 100 })
    const slow = fetch(`${url}/slow`).catch((error: unknown) => error)
    await expect.poll(() => typeof finishSlow).toBe('function')
    await http.close()
    expect(await slow).toBeInstanceOf(Error)
  })
})
