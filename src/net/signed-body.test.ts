import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpServerLimits } from './http-limits.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

let server: GuardedServer
afterEach(() => server.http.close())

const open = async (limits: Partial<HttpServerLimits> = {}): Promise<void> => {
  server = await openGuardedServer({ limits })
}

function digest(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

/** The head of a request whose signature demands the digest. */
function head(sha256: string, more: string[], first = 'POST /write HTTP/1.1'): string {
  const lines = [first, 'host: localhost', 'content-type: text/plain', `tailrace-signature: ${sha256}`, ...more]
  return `${lines.join('\r\n')}\r\n\r\n`
}

const chunked = (body: Buffer, bytes: number): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += bytes) {
    const piece = body.subarray(at, at + bytes)
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

const CHUNKED = 'transfer-encoding: chunked'
const length = (bytes: number): string => `content-length: ${bytes}`

describe('a signed body', () => {
  test.each([1, 1000, 65_536, 65_537, 1_000_003])('of %i bytes arrives as it was signed', async (bytes) => {
    await open()
    const body = randomBytes(bytes)
    const start = body.subarray(0, 100).toString('latin1')
    // The second one does not say how long it is.
    for (const sent of [body, new Blob([body]).stream()]) {
      const response = await fetch(`${server.url}/write`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain', 'tailrace-signature': digest(body) },
        body: sent,
        duplex: 'half',
      })
      expect(await response.json()).toEqual({ text: start })
    }
    expect(server.bytes.read).toBe(2 * bytes)
  })

  const OTHERS: [name: string, sha256: string][] = [
    ['another', digest('hellp')],
    ['a shorter one', digest('hell')],
    ['nothing', digest('')],
    ['a digest that is too short', digest('hello').slice(0, 62)],
    ['a digest that is too long', `${digest('hello')}00`],
    ['an empty digest', '-'],
  ]
  test.each(OTHERS)('instead of %s is refused before anybody sees it', async (_name, sha256) => {
    await open()
    for (const [more, sent] of [
      [length(5), 'hello'],
      [CHUNKED, '5\r\nhello\r\n0\r\n\r\n'],
    ] as const) {
      const text = await server.connect(head(sha256, [more, 'connection: close']) + sent).closed()
      expect(statusesIn(text)).toEqual([401])
      expect(text).toContain('"code":"SIGNATURE_REFUSED"')
    }
    expect([server.ran, server.bytes.read]).toEqual([[], 0])
  })

  test('none at all is a body as well', async () => {
    await open()
    for (const [body, status] of [
      ['', 200],
      ['x', 401],
    ] as const) {
      const text = await server.connect(head(digest(body), ['connection: close'], 'GET /any HTTP/1.1')).closed()
      expect(statusesIn(text)).toEqual([status])
    }
  })

  test('that ends early is not used', async () => {
    await open()
    const connection = server.connect(head(digest('hello'), [length(10)]))
    connection.socket.end('hello')
    expect(statusesIn(await connection.closed())).toEqual([400])
    await expect
      .poll(() => server.counters.total('http_errors_total', { code: 'BODY_UNREADABLE' }), { timeout: 10_000 })
      .toBe(1)
    expect(server.ran).toEqual([])
  })

  test('is asked for before it is sent, like any other', async () => {
    await open()
    const connection = server.connect(head(digest('hello'), [length(5), 'expect: 100-continue']))
    await connection.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/)
    connection.write('hello')
    expect(statusesIn(await connection.until(/"hello"/))).toEqual([100, 200])
    connection.socket.destroy()
  })
})

/** Sends one that wants all the memory, and returns its status. */
async function tryOne(): Promise<number | undefined> {
  const text = await server
    .connect(head(digest('0123456789'), [length(10), 'connection: close']) + '0123456789')
    .closed()
  if (statusesIn(text)[0] === 429) expect(text).toMatch(/retry-after: 1\r\n/)
  return statusesIn(text)[0]
}

describe('memory for signed bodies', () => {
  test('one that is too large is refused, unread where it says so', async () => {
    await open({ signedBodyBytesMax: 10 })
    const body = 'x'.repeat(11)
    const announced = await server.connect(head(digest(body), [length(11), 'expect: 100-continue'])).closed()
    expect(statusesIn(announced)).toEqual([413])
    const sent = chunked(Buffer.from(body), 3)
    const found = await server.connect(head(digest(body), [CHUNKED, 'connection: close']) + sent.toString()).closed()
    expect(statusesIn(found)).toEqual([413])
    expect(found).toContain('the limit for a signed body is 10 bytes')
    expect(server.ran).toEqual([])
    const fits = server.connect(head(digest('0123456789'), [length(10)]) + '0123456789')
    expect(statusesIn(await fits.until(/"0123456789"/))).toEqual([200])
    fits.socket.destroy()
  })

  const LAST: [name: string, last: string | undefined, status: number | undefined][] = [
    ['was used', '56789', 200],
    ['was refused', '5678x', 401],
    ['was not sent to its end', undefined, undefined],
  ]
  test.each(LAST)('is given back when one %s', async (_name, last, status) => {
    await open({ signedBytesMax: 10 })
    const first = server.connect(head(digest('0123456789'), [length(10)]) + '01234')
    await expect.poll(tryOne, { timeout: 10_000 }).toBe(429)
    const limited = server.counters.total('http_limited_total', { limit: 'signed_bytes' })
    expect(limited).toBeGreaterThan(0)
    if (last === undefined) first.socket.destroy()
    else {
      first.write(last)
      await first.until(/HTTP[^]*\r\n\r\n/)
      expect(statusesIn(first.text)).toEqual([status])
    }
    await expect.poll(tryOne, { timeout: 10_000 }).toBe(200)
    first.socket.destroy()
  })

  test('is given back in part while a body grows', async () => {
    await open({ signedBytesMax: 400_000 })
    const body = Buffer.alloc(150_000, 'x')
    const connection = server.connect(head(digest(body), [CHUNKED]))
    connection.write(chunked(body, 10_000))
    expect(statusesIn(await connection.until(/"text"|"code"/))).toEqual([200])
    connection.socket.destroy()
  })

  test('counts what came where nobody says how much will', async () => {
    await open({ signedBytesMax: 200_000 })
    const body = Buffer.alloc(150_000, 'x')
    const first = server.connect(head(digest(body), [CHUNKED]))
    first.write(chunked(body, 50_000).subarray(0, 110_000))
    const other = head(digest('y'.repeat(100_000)), [length(100_000), 'connection: close']) + 'y'.repeat(100_000)
    const tryOther = async () => statusesIn(await server.connect(other).closed())[0]
    await expect.poll(tryOther, { timeout: 10_000 }).toBe(429)
    first.socket.destroy()
    await expect.poll(tryOther, { timeout: 10_000 }).toBe(200)
  })
})
