/**
 * Requests that two programs may understand differently. Each is followed by another one, as an attacker would write it
 * for somebody else: it is done only where there is no doubt that it is a request of its own.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

let server: GuardedServer
afterEach(() => server.http.close())

const NEXT = 'GET /admin HTTP/1.1\r\nhost: localhost\r\n\r\n'
const DONE = 'GET /admin open'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'

const post = (headers: string, body: string, version = '1.1'): string =>
  `POST /write HTTP/${version}\r\nhost: localhost\r\ncontent-type: text/plain\r\n${headers}\r\n\r\n${body}`
const get = (headers: string, first = 'GET /public HTTP/1.1'): string => `${first}\r\nhost: localhost${headers}\r\n\r\n`

/** One refusal, the connection ends, and no handler has seen the one that follows. */
const REFUSED: [name: string, request: string][] = [
  ['length and chunked', post('content-length: 5\r\ntransfer-encoding: chunked', HELLO)],
  ['chunked and length', post('transfer-encoding: chunked\r\ncontent-length: 5', HELLO)],
  ['two lengths', post('content-length: 5\r\ncontent-length: 6', 'hello')],
  ['two equal lengths', post('content-length: 5\r\ncontent-length: 5', 'hello')],
  ['a list of lengths', post('content-length: 5, 5', 'hello')],
  ['a negative length', post('content-length: -5', 'hello')],
  ['a length with a sign', post('content-length: +5', 'hello')],
  ['a hexadecimal length', post('content-length: 0x5', 'hello')],
  ['an empty length', post('content-length: ', 'hello')],
  ['a length beyond all numbers', post('content-length: 99999999999999999999999', 'hello')],
  ['a space before the colon of the length', post('content-length : 5', 'hello')],
  ['chunked twice', post('transfer-encoding: chunked\r\ntransfer-encoding: chunked', HELLO)],
  ['chunked, chunked', post('transfer-encoding: chunked, chunked', HELLO)],
  ['xchunked', post('transfer-encoding: xchunked', HELLO)],
  ['chunkedx', post('transfer-encoding: chunkedx', HELLO)],
  ['identity', post('transfer-encoding: identity', HELLO)],
  ['gzip, chunked', post('transfer-encoding: gzip, chunked', HELLO)],
  ['chunked, identity', post('transfer-encoding: chunked, identity', HELLO)],
  ['identity and chunked', post('transfer-encoding: identity\r\ntransfer-encoding: chunked', HELLO)],
  ['a space before the colon of the coding', post('transfer-encoding : chunked', HELLO)],
  ['a vertical tab before chunked', post('transfer-encoding: \vchunked', HELLO)],
  ['a quoted coding', post('transfer-encoding: "chunked"', HELLO)],
  ['chunked in HTTP/1.0', post('transfer-encoding: chunked', HELLO, '1.0')],
  ['a folded header', get('\r\nx: a\r\n b')],
  ['a folded coding', post('transfer-encoding:\r\n chunked', HELLO)],
  ['a space before the first header', 'GET /public HTTP/1.1\r\n host: localhost\r\n\r\n'],
  ['line feeds alone', 'GET /public HTTP/1.1\nhost: localhost\n\n'],
  ['a line feed alone in a header', get('\r\nx: a\ncontent-length: 40')],
  ['a carriage return alone in a header', get('\r\nx: a\rcontent-length: 40')],
  ['NUL in a value', get('\r\nx: a\0b')],
  ['NUL in a name', get('\r\nx\0: a')],
  ['NUL in the address', get('', 'GET /pub\0lic HTTP/1.1')],
  ['a header without colon', get('\r\nhello')],
  ['a header without name', get('\r\n: x')],
  ['the length in a trailer', post('transfer-encoding: chunked', '5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n')],
  ['a chunk beyond all numbers', post('transfer-encoding: chunked', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n')],
  ['a negative chunk', post('transfer-encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk with 0x', post('transfer-encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n')],
  ['a chunk with a space', post('transfer-encoding: chunked', '5 \r\nhello\r\n0\r\n\r\n')],
  ['chunks with line feeds alone', post('transfer-encoding: chunked', '5\nhello\n0\n\n')],
  ['a chunk that is longer than it says', post('transfer-encoding: chunked', '3\r\nhello\r\n0\r\n\r\n')],
  ['a line feed in an extension', post('transfer-encoding: chunked', '5;a\nhello\r\n0\r\n\r\n')],
  ['extensions without end', post('transfer-encoding: chunked', `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`)],
  ['two hosts', get('\r\nhost: localhost')],
  ['no host', 'GET /public HTTP/1.1\r\n\r\n'],
  ['another host in the address', get('', 'GET http://evil.org/public HTTP/1.1')],
  ['an address that is none', get('', 'GET /%ZZ HTTP/1.1')],
  ['HTTP/0.9', 'GET /public\r\n\r\n'],
  ['HTTP/2.0', get('', 'GET /public HTTP/2.0')],
  ['HTTP/1.2', get('', 'GET /public HTTP/1.2')],
  ['HTTP/3', get('', 'GET /public HTTP/3.0')],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['tabs in the first line', get('', 'GET\t/public\tHTTP/1.1')],
  ['a method in lower case', get('', 'get /public HTTP/1.1')],
  ['a method in mixed case', get('', 'Get /public HTTP/1.1')],
  ['a method that nobody knows', get('', 'BREW /public HTTP/1.1')],
]

describe('is refused, with all that follows', () => {
  test.each(REFUSED)('%s', async (_name, request) => {
    server = await openGuardedServer({ access: undefined as never })
    const connection = server.connect(Buffer.from(request + NEXT, 'latin1'))
    const text = await connection.closed()
    expect(statusesIn(text)).toHaveLength(1)
    expect(statusesIn(text)[0]).toBeOneOf([400, 413])
    expect(text).toContain('application/problem+json')
    expect(server.ran).not.toContain(DONE)
    expect(server.ran).not.toContain('GET /public open')
    expect(server.bytes.read).toBeLessThanOrEqual(5)
    expect(server.logged).toEqual([])
  })
})

const CHUNKED = 'POST /write open'
const PUBLIC = 'GET /public open'

/** The other one is one of its own. */
const PASSED: [name: string, request: string, status: number, ran: string[]][] = [
  ['a length', post('content-length: 5', 'hello'), 200, [CHUNKED]],
  ['chunked', post('transfer-encoding: chunked', HELLO), 200, [CHUNKED]],
  ['chunked in other letters', post('Transfer-Encoding:   CHUNKED  ', HELLO), 200, [CHUNKED]],
  [
    'an extension and a trailer',
    post('transfer-encoding: chunked', '5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n'),
    200,
    [CHUNKED],
  ],
  ['empty lines before', `\r\n\r\n${get('')}`, 200, [PUBLIC]],
  [
    'the host in the address',
    get('', 'GET http://localhost/public HTTP/1.1'),
    200,
    ['GET http://localhost/public open'],
  ],
  ['a body of a request that wants none', get(`\r\ncontent-length: 5`) + 'hello', 200, [PUBLIC]],
  ['two slashes', get('', 'GET //public HTTP/1.1'), 404, []],
  ['two slashes after a host', get('', 'GET http://localhost//public HTTP/1.1'), 404, []],
  ['dots', get('', 'GET /x/../public HTTP/1.1'), 404, []],
  ['a slash in disguise', get('', 'GET /%2Fpublic HTTP/1.1'), 404, []],
  ['NUL in disguise', get('', 'GET /public%00 HTTP/1.1'), 404, []],
  ['upper case', get('', 'GET /PUBLIC HTTP/1.1'), 404, []],
  ['a parameter of a path', get('', 'GET /public;x HTTP/1.1'), 404, []],
  ['TRACE', get('', 'TRACE /public HTTP/1.1'), 405, []],
  ['OPTIONS *', get('', 'OPTIONS * HTTP/1.1'), 404, []],
]

describe('is answered, and so is what follows', () => {
  test.each(PASSED)('%s', async (_name, request, status, ran) => {
    server = await openGuardedServer({ access: undefined as never })
    const connection = server.connect(Buffer.from(request + NEXT, 'latin1'))
    expect(statusesIn(await connection.until(/"by":"open"\}$/))).toEqual([status, 200])
    expect(server.ran).toEqual([...ran, DONE])
    connection.socket.destroy()
  })

  test('what looks like a request in a body that nobody reads is none', async () => {
    server = await openGuardedServer()
    const admin = NEXT.replace('\r\n\r\n', '\r\nauthorization: Bearer admin\r\n\r\n')
    const refused = post(`content-length: ${admin.length}\r\nauthorization: Bearer wrong`, admin)
    const connection = server.connect(refused + admin)
    expect(statusesIn(await connection.until(/"by":"key"/))).toEqual([401, 200])
    expect(server.ran).toEqual(['GET /admin admin'])
    connection.socket.destroy()
  })
})

describe('connections', () => {
  test('many requests at once are answered in their order', async () => {
    server = await openGuardedServer()
    const paths = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? '/read' : i % 3 === 1 ? '/public' : '/nothing'))
    const connection = server.connect(paths.map((path) => get('', `GET ${path} HTTP/1.1`)).join(''))
    await expect.poll(() => statusesIn(connection.text).length, { timeout: 10_000 }).toBe(paths.length)
    expect(statusesIn(connection.text)).toEqual(
      paths.map((path) => (path === '/read' ? 401 : path === '/public' ? 200 : 404)),
    )
    connection.socket.destroy()
  })

  test('what follows the last request is not looked at, and its answer is not lost', async () => {
    server = await openGuardedServer({ access: undefined as never })
    const text = await server.connect(get('\r\nconnection: close') + NEXT).closed()
    expect(statusesIn(text)).toEqual([200])
    expect(server.ran).toEqual([PUBLIC])
  })

  test('no tunnel is opened, and no other protocol is spoken', async () => {
    server = await openGuardedServer({ access: undefined as never })
    expect(await server.connect(get('', 'CONNECT localhost:22 HTTP/1.1')).closed()).toBe('')
    const connection = server.connect(
      get('\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMA'),
    )
    await connection.until(/"by"/)
    connection.write(NEXT)
    expect(statusesIn(await connection.until(/"by"[^]*"by"/))).toEqual([200, 200])
    connection.socket.destroy()
  })

  test('nonsense in the middle of an answer is no reason to write another one into it', async () => {
    let end: (() => void) | undefined
    server = await openGuardedServer({ access: undefined as never }, ({ app }) => {
      app.get('/endless', { config: { access: 'public' } }, (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200)
        reply.raw.write('begin')
        end = () => void reply.raw.end('end')
      })
    })
    const connection = server.connect(get('', 'GET /endless HTTP/1.1'))
    await connection.until(/begin/)
    connection.write('nonsense\r\n\r\n')
    const text = await connection.closed()
    expect(statusesIn(text)).toEqual([200])
    end?.()
  })
})
