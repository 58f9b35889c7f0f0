import { afterEach, describe, expect, test } from 'vitest'
import type { HttpServerLimits } from './http-limits.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

let server: GuardedServer
afterEach(() => server.http.close())

async function open(limits: Partial<HttpServerLimits>): Promise<void> {
  server = await openGuardedServer({ access: undefined as never, limits })
}

const malformed = (reason: string): number => server.counters.total('http_malformed_requests_total', { reason })

describe('time', () => {
  test('a connection that sends nothing at all is closed', async () => {
    await open({ headersMs: 100 })
    expect(await server.connect().closed()).toMatch(/^HTTP\/1.1 408 [^]*BODY_TIMEOUT/)
    expect(malformed('slow_headers')).toBe(1)
  })

  test('headers that never stop coming, a byte at a time', async () => {
    await open({ headersMs: 300 })
    const connection = server.connect('GET /public HTTP/1.1\r\nhost: localhost\r\nx: ')
    const dripping = setInterval(() => connection.write('x'), 20)
    const text = await connection.closed()
    clearInterval(dripping)
    expect(text).toMatch(/^HTTP\/1.1 408 [^]*the headers arrived too slowly/)
  })

  test('the headers of a later request on the same connection', async () => {
    await open({ headersMs: 300 })
    const connection = server.connect('GET /public HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await connection.until(/"by"/)
    connection.write('GET /public HTTP/1.1\r\n')
    expect(statusesIn(await connection.closed())).toEqual([200, 408])
  })

  test('whoever was refused cannot keep the connection', async () => {
    await open({ headersMs: 100 })
    const connection = server.connect()
    // Never closes its side.
    connection.socket.allowHalfOpen = true
    await connection.until(/^HTTP\/1.1 408 /)
    await expect.poll(() => connectionsOf(server), { timeout: 5000 }).toBe(0)
    connection.socket.destroy()
  })

  test('a connection on which nothing more is asked', async () => {
    await open({ keepAliveMs: 100 })
    const connection = server.connect('GET /public HTTP/1.1\r\nhost: localhost\r\n\r\n')
    expect(statusesIn(await connection.closed())).toEqual([200])
  })

  test.each([
    ['that is read as it comes', '/write', 'text/plain'],
    ['that is read whole', '/json', 'application/json'],
  ])('a body %s and stops moving', async (_name, path, type) => {
    await open({ bodyIdleMs: 100 })
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 100\r\n\r\n{`
    const connection = server.connect(head)
    expect(await connection.until(/BODY_TIMEOUT/)).toMatch(/^HTTP\/1.1 408 /)
    expect(statusesIn(await connection.closed())).toEqual([408])
  })

  test('a body that is slow but moves is waited for', async () => {
    await open({ bodyIdleMs: 500 })
    const startedMs = performance.now()
    const head = 'POST /write HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 40\r\n\r\n'
    const connection = server.connect(head)
    const dripping = setInterval(() => connection.write('x'), 20)
    expect(statusesIn(await connection.until(/"text":"x{40}"/))).toEqual([200])
    clearInterval(dripping)
    expect(performance.now() - startedMs).toBeGreaterThan(500)
    connection.socket.destroy()
  })
})

function connectionsOf({ http }: GuardedServer): Promise<number> {
  return new Promise((resolve, reject) => {
    http.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

function get(headers: string): string {
  return `GET /public HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}\r\n\r\n`
}

describe('size of headers', () => {
  test.each([
    ['one header', get(`big: ${'x'.repeat(20_000)}`)],
    ['the name of a header', get(`${'x'.repeat(20_000)}: y`)],
    ['many headers', get(Array.from({ length: 4000 }, (_, i) => `x${i}: y`).join('\r\n'))],
    ['the address', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`],
    ['a header without end', `GET /public HTTP/1.1\r\nhost: localhost\r\nbig: ${'x'.repeat(100_000)}`],
  ])('%s', async (_name, request) => {
    await open({})
    const text = await server.connect(request).closed()
    expect(statusesIn(text)).toEqual([431])
    expect(text).toContain('"code":"HEADERS_TOO_LARGE"')
    expect(malformed('large_headers')).toBe(1)
    expect(server.ran).toEqual([])
  })

  test('a trailer', async () => {
    await open({})
    const head = get('content-type: a/b\r\ntransfer-encoding: chunked').replace('GET /public', 'POST /write')
    const text = await server.connect(`${head}5\r\nhello\r\n0\r\nx: ${'y'.repeat(20_000)}`).closed()
    expect(statusesIn(text)).toEqual([431])
    expect(malformed('large_headers')).toBe(1)
  })

  test('none of many small ones is left out: the last is looked at like the first', async () => {
    await open({})
    const many = Array.from({ length: 2500 }, () => 'x:').join('\r\n')
    expect(statusesIn(await server.connect(get(many)).closed())).toEqual([200])
    expect(await server.connect(get(`${many}\r\nhost: evil.org`)).closed()).toMatch(
      /^HTTP\/1.1 400 [^]*more than one Host/,
    )
  })
})
