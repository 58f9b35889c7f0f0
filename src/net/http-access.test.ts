import { afterEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { createHttpServer } from './http-server.ts'
import { type GuardedServer, openGuardedServer, TEST_ACCESS } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

let server: GuardedServer
afterEach(() => server.http.close())

async function ask(path: string, key?: string, method = 'GET') {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const response = await fetch(server.url + path, { method, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : (JSON.parse(text) as object) }
}

describe('who may use what', () => {
  const RIGHTS: [path: string, nothing: number, write: number, readSome: number, read: number, admin: number][] = [
    ['/public', 200, 200, 200, 200, 200],
    ['/any', 401, 200, 200, 200, 200],
    ['/read', 401, 403, 200, 200, 200],
    ['/figures', 401, 403, 403, 200, 200],
    ['/admin', 401, 403, 403, 403, 200],
    ['/nothing', 404, 404, 404, 404, 404],
  ]
  test.each(RIGHTS)('%s', async (path, ...expected) => {
    server = await openGuardedServer()
    const keys = [undefined, 'write', 'read-some', 'read', 'admin']
    for (const method of ['GET', 'HEAD']) {
      const answers = await Promise.all(keys.map((key) => ask(path, key, method)))
      expect(answers.map(({ status }) => status)).toEqual(expected)
    }
  })

  test('a refusal says what it takes, and runs nothing', async () => {
    server = await openGuardedServer()
    const none = await ask('/read')
    expect(none).toMatchObject({ status: 401, body: { code: 'KEY_REQUIRED' } })
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="tailrace"')
    const wrong = await ask('/read', 'wrong')
    expect(wrong).toMatchObject({ status: 401, body: { code: 'KEY_REFUSED', detail: 'The key is not valid' } })
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="tailrace"')
    const denied = await ask('/read', 'write')
    expect(denied).toMatchObject({
      status: 403,
      body: { code: 'ACCESS_DENIED', hint: expect.stringContaining('read') },
    })
    expect(denied.headers.get('www-authenticate')).toBeNull()
    expect((await ask('/figures', 'read-some')).body).toMatchObject({ detail: expect.stringContaining('filter') })
    expect((await ask('/read', undefined, 'HEAD')).body).toEqual({})
    expect(server.ran).toEqual([])
    expect(server.counters.total('http_errors_total', { code: 'KEY_REQUIRED' })).toBe(2)
  })

  test('on a public route whoever shows nothing valid is nobody', async () => {
    server = await openGuardedServer()
    expect((await ask('/public', 'wrong')).body).toEqual({ by: 'nobody' })
    expect((await ask('/public')).body).toEqual({ by: 'nobody' })
    expect((await ask('/public', 'read')).body).toEqual({ by: 'key' })
  })

  test('what is not there is said to everybody, with what is', async () => {
    server = await openGuardedServer()
    expect(await ask('/nothing', 'wrong')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    const post = await ask('/read', undefined, 'POST')
    expect(post).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } })
    expect(post.headers.get('allow')).toBe('GET, HEAD')
    expect(await ask('/read', undefined, 'OPTIONS')).toMatchObject({ status: 405 })
  })

  test('while there are no keys everybody may do everything', async () => {
    server = await openGuardedServer({ access: undefined as never })
    expect((await ask('/admin')).body).toEqual({ by: 'open' })
  })

  test('what goes wrong while looking is not taken for a refusal, also on public routes', async () => {
    const access = {
      isOpen: false,
      identify: () => {
        throw new TypeError('a mistake')
      },
    }
    server = await openGuardedServer({ access })
    for (const path of ['/public', '/read']) {
      expect(await ask(path, 'read')).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
    }
    expect(server.logged).toHaveLength(2)
    expect(server.ran).toEqual([])
  })
})

test('a server with a route that does not say who may use it does not start', async () => {
  server = await openGuardedServer()
  const http = createHttpServer({ logger: SILENT_LOGGER, counters: new Counters(), access: TEST_ACCESS })
  http.app.get('/forgotten', () => ({}))
  await expect(http.listen('127.0.0.1', 0)).rejects.toThrow('/forgotten does not say who may use it')
  await http.close()
})

const MiB = 1024 * 1024

/** The head of a request with a body. */
function head(path: string, key: string, more: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
    `content-type: application/json\r\n${more}\r\n\r\n`
  )
}

describe('a request that is refused costs no body', () => {
  test.each([
    ['no valid key', '/write', 'wrong', 401, `content-length: ${10 * MiB}`],
    ['a key that may not', '/write', 'read', 403, `content-length: ${10 * MiB}`],
    ['no such route', '/nothing', 'admin', 404, `content-length: ${10 * MiB}`],
    ['too large', '/json', 'write', 413, `content-length: ${10 * MiB}`],
    ['no length', '/write', 'wrong', 401, 'transfer-encoding: chunked'],
  ])(
    '%s: the answer comes instead of "100 Continue", and the connection ends',
    async (_name, path, key, status, length) => {
      server = await openGuardedServer()
      const connection = server.connect(head(path, key, `${length}\r\nexpect: 100-continue`))
      const text = await connection.closed()
      expect(statusesIn(text)).toEqual([status])
      expect(text).toMatch(/\r\nconnection: close\r\n/i)
      expect(server.ran).toEqual([])
    },
  )

  test('after such a refusal nothing is done that follows on the connection', async () => {
    server = await openGuardedServer()
    const next = 'GET /any HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer read\r\n\r\n'
    const refused = head('/write', 'wrong', 'content-length: 5\r\nexpect: 100-continue')
    const connection = server.connect(refused)
    connection.socket.allowHalfOpen = true
    await connection.until(/KEY_REFUSED/)
    connection.write(`hello${next}`)
    connection.socket.end()
    expect(statusesIn(await connection.closed())).toEqual([401])
    expect(server.ran).toEqual([])
  })

  test('a request that is not refused gets "100 Continue" when its body is wanted', async () => {
    server = await openGuardedServer()
    const connection = server.connect(head('/write', 'write', 'content-length: 5\r\nexpect: 100-Continue'))
    await connection.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/)
    connection.write('hello')
    expect(statusesIn(await connection.until(/"hello"/))).toEqual([100, 200])
    connection.socket.destroy()
  })

  test('an expectation that nobody knows is no obstacle', async () => {
    server = await openGuardedServer()
    const connection = server.connect(head('/write', 'write', 'content-length: 5\r\nexpect: wonders') + 'hello')
    expect(statusesIn(await connection.until(/"hello"/))).toEqual([200])
    connection.socket.destroy()
  })

  test.each([
    ['401', '/write', 'wrong', 401],
    ['403', '/write', 'read', 403],
    ['404', '/nothing', 'admin', 404],
    ['413', '/json', 'write', 413],
  ])('%s: a sender that sends on finds its answer, and the connection in order', async (_name, path, key, status) => {
    server = await openGuardedServer()
    const next = 'GET /any HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer read\r\n\r\n'
    const body = Buffer.alloc(10 * MiB, next)
    const connection = server.connect(head(path, key, `content-length: ${body.length}`))
    // Nothing of the answer is looked at before all has been sent, as many programs do it.
    connection.socket.pause()
    await new Promise((sent) => connection.socket.write(body, sent))
    connection.write(next)
    connection.socket.resume()
    expect(statusesIn(await connection.until(/"by":"key"/))).toEqual([status, 200])
    expect(server.ran).toEqual(['GET /any read'])
    connection.socket.destroy()
  })

  test.each([
    ['that wants the connection to end', '/write', '\r\nconnection: close', 401],
    ['whose request is not valid', '/write', '\r\nhost: localhost', 400],
    ['whose address is not valid', '/%ZZ', '', 400],
  ])('a sender %s finds its answer before the connection ends', async (_name, path, more, status) => {
    server = await openGuardedServer()
    const connection = server.connect(head(path, 'wrong', `content-length: ${10 * MiB}${more}`))
    connection.socket.pause()
    await new Promise((sent) => connection.socket.write(Buffer.alloc(10 * MiB), sent))
    connection.socket.resume()
    expect(statusesIn(await connection.closed())).toEqual([status])
  })

  test('what goes on beyond the limit is cut off', async () => {
    server = await openGuardedServer({ limits: { discardBytesMax: MiB } })
    const connection = server.connect(head('/write', 'wrong', `content-length: ${100 * MiB}`))
    connection.write(Buffer.alloc(50 * MiB))
    expect(statusesIn(await connection.closed())).toEqual([401])
    expect(connection.socket.bytesWritten).toBeLessThan(60 * MiB)
  })

  test('what is not sent is not waited for', async () => {
    server = await openGuardedServer({ limits: { bodyIdleMs: 100 } })
    const connection = server.connect(head('/write', 'wrong', 'content-length: 100'))
    expect(statusesIn(await connection.closed())).toEqual([401])
  })
})
