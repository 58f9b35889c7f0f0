import { afterEach, describe, expect, test } from 'vitest'
import { type GuardedServer, openGuardedServer, TEST_ACCESS } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

/** The same keys, and none of them: everybody may do everything. */
const OPEN = { access: undefined as never }

let server: GuardedServer
afterEach(() => server.http.close())

interface Answer {
  status: number
  code: string | undefined
  text: string
  headers: Map<string, string>
}

/** Sends these header lines as they are. */
async function ask(lines: string[], first = 'GET /public HTTP/1.1'): Promise<Answer> {
  const text = await server.connect(`${[first, ...lines, 'connection: close'].join('\r\n')}\r\n\r\n`).closed()
  const [head = ''] = text.split('\r\n\r\n', 1)
  const headers = head.split('\r\n').slice(1)
  return {
    status: statusesIn(text)[0] ?? 0,
    code: /"code":"(\w+)"/.exec(text)?.[1],
    text,
    headers: new Map(headers.map((line) => [line.split(': ', 1)[0]?.toLowerCase() ?? '', line.replace(/^.*?: /, '')])),
  }
}

describe('the name of the host', () => {
  const NAMES: [host: string, whileOpen: number][] = [
    ['localhost', 200],
    ['LocalHost:7575', 200],
    ['app.localhost:1', 200],
    ['127.0.0.1', 200],
    ['192.168.1.7:7575', 200],
    ['[::1]:7575', 200],
    ['[::ffff:10.0.0.1]', 200],
    ['logs.example.org', 200],
    ['LOGS.example.org:7575', 200],
    ['evil.example.org', 403],
    ['logs.example.org.evil.org', 403],
    ['notlocalhost', 403],
    ['localhost.evil.org', 403],
    ['127.0.0.1.evil.org', 403],
    ['127.0.0.1@evil.org', 403],
    ['[evil.org]', 403],
    ['127.0.0.1:port', 403],
    ['::1', 403],
    ['', 403],
  ]
  test.each(NAMES)('%j while there are no keys: %i; with keys it does not matter', async (host, status) => {
    server = await openGuardedServer({ ...OPEN, names: { hosts: ['Logs.example.org'] } })
    const answer = await ask([`Host: ${host}`])
    expect(answer).toMatchObject({ status, code: status === 200 ? undefined : 'ORIGIN_REFUSED' })
    await server.http.close()
    server = await openGuardedServer()
    expect(await ask([`Host: ${host}`])).toMatchObject({ status: 200 })
  })

  test('is looked at from the moment on that there are no keys, until there are', async () => {
    const access = { ...TEST_ACCESS, isOpen: true }
    server = await openGuardedServer({ access })
    expect(await ask(['host: evil.org'])).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
    access.isOpen = false
    expect(await ask(['host: evil.org'])).toMatchObject({ status: 200 })
  })

  const HEADS: [name: string, first: string, lines: string[], status: number][] = [
    ['missing', 'GET /public HTTP/1.1', [], 400],
    ['missing in HTTP/1.0, as allowed', 'GET /public HTTP/1.0', [], 200],
    ['twice', 'GET /public HTTP/1.1', ['host: localhost', 'HOST: localhost'], 400],
    ['twice, and different', 'GET /public HTTP/1.1', ['Host: localhost', 'Host: evil.org'], 400],
    ['in the address as well', 'GET http://localhost:1/public HTTP/1.1', ['Host: localhost:1'], 200],
    ['another one in the address', 'GET http://evil.org/public HTTP/1.1', ['Host: localhost'], 400],
    ['in the address only', 'GET http://localhost/public HTTP/1.1', [], 400],
    ['in the address only, HTTP/1.0', 'GET http://localhost/public HTTP/1.0', [], 400],
  ]
  test.each(HEADS)('%s', async (_name, first, lines, status) => {
    server = await openGuardedServer(OPEN)
    const answer = await ask(lines, first)
    expect(answer).toMatchObject({ status, code: status === 200 ? undefined : 'REQUEST_INVALID' })
    expect(server.ran).toHaveLength(status === 200 ? 1 : 0)
  })
})

describe('pages of others', () => {
  const HOST = 'host: localhost:7575'
  const PAGES: [name: string, lines: string[], status: number][] = [
    ['none at all', [], 200],
    ['an own page', ['origin: http://localhost:7575'], 200],
    ['an own page behind a proxy that speaks TLS', ['origin: https://LOCALHOST:7575'], 200],
    ['an own name', ['origin: https://logs.example.org'], 200],
    ['an own page, says the browser', ['origin: https://elsewhere.example.org', 'sec-fetch-site: same-origin'], 200],
    ['the address bar', ['sec-fetch-site: none', 'sec-fetch-mode: navigate'], 200],
    ['a link on another page', ['sec-fetch-site: cross-site', 'sec-fetch-mode: navigate'], 200],
    ['another page', ['origin: https://evil.org'], 403],
    ['another port', ['origin: http://localhost:3000'], 403],
    ['a page without origin', ['origin: null'], 403],
    ['a longer name', ['origin: http://localhost:7575.evil.org'], 403],
    ['an image on another page', ['sec-fetch-site: cross-site', 'sec-fetch-mode: no-cors'], 403],
    [
      'a form on another page',
      ['origin: https://evil.org', 'sec-fetch-site: cross-site', 'sec-fetch-mode: navigate'],
      403,
    ],
    ['another page with a name and password', ['origin: https://evil.org', 'authorization: Basic eDp5'], 403],
    ['something that a browser does not send by itself', ['origin: https://x.org', 'authorization: Bearer read'], 200],
  ]
  test.each(PAGES)('%s', async (_name, lines, status) => {
    for (const options of [OPEN, {}]) {
      server = await openGuardedServer({ ...options, names: { hosts: ['logs.example.org'] } })
      const answer = await ask([HOST, ...lines])
      expect(answer).toMatchObject({ status, code: status === 200 ? undefined : 'ORIGIN_REFUSED' })
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(server.ran).toHaveLength(status === 200 ? 1 : 0)
      await server.http.close()
    }
  })

  test('what they send is refused before it is read', async () => {
    server = await openGuardedServer(OPEN)
    const answer = await ask(
      [HOST, 'origin: https://evil.org', 'content-type: text/plain', 'content-length: 1000', 'expect: 100-continue'],
      'POST /write HTTP/1.1',
    )
    expect(answer).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
    expect(answer.text).toContain('http.corsOrigins')
    expect(server.bytes.read).toBe(0)
  })
})

describe('pages that may', () => {
  const names = { corsOrigins: ['https://grafana.example.org', 'http://localhost:3000'] }
  const PREFLIGHT = ['host: localhost', 'access-control-request-method: POST']

  test('get an answer to their preflight without a key, others do not', async () => {
    server = await openGuardedServer({ names })
    const wanted = 'access-control-request-headers: authorization,content-type,tailrace-key'
    const yes = await ask([...PREFLIGHT, wanted, 'origin: http://localhost:3000'], 'OPTIONS /write HTTP/1.1')
    expect(yes.status).toBe(204)
    expect(yes.headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
    expect(yes.headers.get('access-control-allow-methods')).toContain('POST')
    const allowed = yes.headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
    expect(allowed).toEqual(
      expect.arrayContaining([
        'authorization',
        'content-type',
        'content-encoding',
        'last-event-id',
        'tailrace-signature',
      ]),
    )
    expect(yes.headers.get('vary')).toBe('Origin')
    expect(yes.headers.has('access-control-allow-credentials')).toBe(false)
    for (const origin of ['https://evil.org', 'http://localhost:3001', 'null', 'http://localhost:3000.evil.org']) {
      const no = await ask([...PREFLIGHT, `origin: ${origin}`], 'OPTIONS /write HTTP/1.1')
      expect(no).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
      expect(no.headers.has('access-control-allow-origin')).toBe(false)
      expect(no.headers.has('access-control-allow-methods')).toBe(false)
    }
    expect(server.ran).toEqual([])
  })

  test('may read answers, refusals as well', async () => {
    server = await openGuardedServer({ names })
    const origin = 'origin: https://grafana.example.org'
    const lines = ['host: localhost', origin, 'sec-fetch-site: cross-site', 'sec-fetch-mode: cors']
    for (const [key, status] of [
      ['read', 200],
      ['wrong', 401],
      ['write', 403],
    ] as const) {
      const answer = await ask([...lines, `authorization: Bearer ${key}`], 'GET /read HTTP/1.1')
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://grafana.example.org')
      expect(answer.headers.has('access-control-allow-credentials')).toBe(false)
      expect(answer.headers.get('access-control-expose-headers')).toBe('Retry-After, X-Request-Id')
    }
  })

  test('a name that this server does not have helps nobody, listed or not', async () => {
    server = await openGuardedServer({ ...OPEN, names })
    const answer = await ask(['host: evil.org', 'origin: http://localhost:3000'])
    expect(answer).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
  })

  test('* is all of them', async () => {
    server = await openGuardedServer({ ...OPEN, names: { corsOrigins: ['*'] } })
    const answer = await ask(['host: localhost', 'origin: https://any.org', 'sec-fetch-site: cross-site'])
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect((await ask([...PREFLIGHT, 'origin: https://any.org'], 'OPTIONS /write HTTP/1.1')).status).toBe(204)
    expect((await ask(PREFLIGHT, 'OPTIONS /write HTTP/1.1')).status).toBe(405)
  })

  test('OPTIONS that is no preflight is as it would be without them', async () => {
    server = await openGuardedServer({ names })
    expect(await ask(['host: localhost'], 'OPTIONS /read HTTP/1.1')).toMatchObject({ status: 405 })
    expect(await ask(['host: localhost'], 'OPTIONS /nothing HTTP/1.1')).toMatchObject({ status: 404 })
    expect(await ask(['host: localhost'], 'OPTIONS * HTTP/1.1')).toMatchObject({ status: 404 })
  })
})
