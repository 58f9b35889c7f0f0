import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { connect as connectTcp } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'
import { certificateFacts } from './tls-certificate.ts'
import type { TlsMaterial } from './tls.ts'
import { makeAuthority, type Authority, type Pair } from './testing/certificates.ts'

let authority: Authority
let first: Pair
let second: Pair
beforeAll(async () => {
  authority = await makeAuthority()
  first = await authority.issue(['localhost', '127.0.0.1'])
  second = await authority.issue(['localhost', '127.0.0.1'])
})

let server: HttpServer | undefined
let counters: Counters
let url: string
let port: number
let finishSlow: (() => void) | undefined
beforeEach(() => {
  counters = new Counters()
  finishSlow = undefined
})
afterEach(() => server?.close())

async function open(tls: TlsMaterial | undefined, limits: Partial<HttpServerLimits> = {}): Promise<void> {
  server = createHttpServer({ logger: SILENT_LOGGER, counters, tls, limits })
  server.app.get('/whole', { config: { access: 'public' } }, () => 'x'.repeat(64 * 1024 * 1024))
  server.app.post('/small', { config: { access: 'public' } }, () => ({}))
  server.app.get('/hello', { config: { access: 'public' } }, ({ protocol }) => ({ protocol }))
  server.app.get('/slow', { config: { access: 'public' } }, async () => {
    await new Promise<void>((resolve) => {
      finishSlow = resolve
    })
    return { slow: true }
  })
  ;({ url, port } = await server.listen('127.0.0.1', 0))
}

/** A TLS connection whose handshake is done. */
async function handshake(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.cert, ...options })
  await once(socket, 'secureConnect')
  return socket
}

interface Answer {
  status: number | undefined
  body: unknown
  fingerprint: string
  port: number | undefined
}

async function get(path: string, agent: https.Agent): Promise<Answer> {
  const [response] = (await once(https.get(url + path, { agent }), 'response')) as [http.IncomingMessage]
  const socket = response.socket as TLSSocket
  const { fingerprint256: fingerprint } = socket.getPeerCertificate()
  const { localPort } = socket
  const body = Buffer.concat(await response.toArray()).toString()
  return { status: response.statusCode, body: JSON.parse(body), fingerprint, port: localPort }
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: NodeJS.ErrnoException) => reason,
  )
  return error?.code ?? 'no failure'
}

const fingerprintOf = ({ cert }: Pair): string => certificateFacts(cert)?.fingerprint ?? ''
const failed = (reason: string): number => counters.total('tls_handshakes_failed_total', { reason })

test('HTTPS, with HTTP/1.1 and 1.0, from TLS 1.2 on', async () => {
  await open(first)
  expect(url).toBe(`https://127.0.0.1:${port}`)
  const agent = new https.Agent({ ca: authority.cert })
  expect(await get('/hello', agent)).toMatchObject({ status: 200, body: { protocol: 'https' } })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake({ minVersion: version, maxVersion: version, ALPNProtocols: ['h2', 'http/1.1'] })
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, 'http/1.1'])
    socket.destroy()
  }
  const plain = await handshake({ ALPNProtocols: ['http/1.0'] })
  expect(plain.alpnProtocol).toBe('http/1.0')
  plain.destroy()
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  expect(await failure(handshake(old))).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await expect.poll(() => failed('old_version')).toBe(1)
  expect(counters.total('http_malformed_requests_total')).toBe(0)
})

test('a new certificate is for new connections; open ones go on', async () => {
  await open(first)
  const kept = new https.Agent({ ca: authority.cert, keepAlive: true, maxSockets: 1 })
  const before = await get('/hello', kept)
  expect(before.fingerprint).toBe(fingerprintOf(first))
  const slow = get('/slow', new https.Agent({ ca: authority.cert }))
  await expect.poll(() => finishSlow).toBeDefined()

  server?.renewTls(second)
  expect(await get('/hello', kept)).toMatchObject({ status: 200, port: before.port })
  const fresh = await get('/hello', new https.Agent({ ca: authority.cert }))
  expect(fresh.fingerprint).toBe(fingerprintOf(second))
  finishSlow?.()
  expect(await slow).toMatchObject({ status: 200, body: { slow: true }, fingerprint: fingerprintOf(first) })
  kept.destroy()
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a session is resumed, but not across a change', async (version) => {
  await open(first)
  const options = { minVersion: version, maxVersion: version } as const
  const socket = await handshake(options)
  let session = socket.getSession()
  // TLS 1.3 brings the ticket after the handshake, with the first data.
  socket.on('session', (ticket) => (session = ticket))
  socket.end('GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await socket.resume().toArray()
  const resume = async (): Promise<boolean> => {
    const again = await handshake({ ...options, ...(session && { session }) })
    const isReused = again.isSessionReused()
    again.destroy()
    return isReused
  }
  expect(await resume()).toBe(true)
  server?.renewTls(second)
  expect(await resume()).toBe(false)
})

describe('limits hold under TLS as without it:', () => {
  test('a reader that takes nothing is cut off', async () => {
    await open(first, { answerIdleMs: 300 })
    const socket = await handshake()
    socket.pause()
    socket.write('GET /whole HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await expect.poll(() => counters.total('http_slow_readers_total')).toBe(1)
    socket.destroy()
  })

  test('headers that do not come are not waited for', async () => {
    await open(first, { headersMs: 300 })
    const socket = await handshake()
    socket.write('GET /hello HTTP/1.1\r\nhost: localhost\r\nx-slow: ')
    expect(Buffer.concat(await socket.toArray()).toString()).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('an answer that comes before the body has ended arrives', async () => {
    await open(first, { bodyBytesMax: 1000 })
    const agent = new https.Agent({ ca: authority.cert })
    const headers = { 'content-type': 'application/json' }
    const request = https.request(`${url}/small`, { agent, method: 'POST', headers })
    request.end(Buffer.alloc(16 * 1024 * 1024, 'x'))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    expect(response.statusCode).toBe(413)
    expect(Buffer.concat(await response.toArray()).toString()).toContain('BODY_TOO_LARGE')
  })

  test('connections have a limit', async () => {
    await open(first, { connectionsMax: 2 })
    const held = [await handshake(), await handshake()]
    expect(await failure(handshake())).toBe('ECONNRESET')
    expect(counters.total('http_connections_refused_total')).toBe(1)
    for (const socket of held) socket.destroy()
  })
})

describe('who does not speak TLS', () => {
  test.each(['GET', 'POST'])('plain HTTP, %s: told that it is HTTPS', async (method) => {
    await open(first)
    const request = http.request({ host: '127.0.0.1', port, method })
    request.end(method === 'GET' ? undefined : 'x'.repeat(4_000_000))
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    // The rest of the body finds a closed connection.
    request.on('error', () => undefined)
    expect(response.statusCode).toBe(400)
    expect(response.headers['content-type']).toBe('application/problem+json')
    const problem = JSON.parse(Buffer.concat(await response.toArray()).toString()) as object
    expect(problem).toMatchObject({ code: 'REQUEST_INVALID', hint: 'Write https:// instead of http://.' })
    await expect.poll(() => failed('plain_http')).toBe(1)
  })

  test('anything else is cut off, and so is who says nothing', async () => {
    await open(first, { headersMs: 200 })
    const noise = connectTcp(port, '127.0.0.1')
    noise.on('error', () => undefined)
    noise.write('SSH-2.0-OpenSSH_9.9\r\n')
    await once(noise, 'close')
    const silent = connectTcp(port, '127.0.0.1')
    silent.on('error', () => undefined)
    await once(silent.resume(), 'close')
    await expect.poll(() => [failed('not_tls'), failed('timeout')]).toEqual([1, 1])
  })

  test('TLS to a port without it fails at once', async () => {
    await open(undefined)
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect(await failure(handshake())).toMatch(/^(EPROTO|ERR_SSL_.*)$/)
    expect(counters.total('http_malformed_requests_total')).toBe(1)
  })
})

describe('certificates of clients', () => {
  let strangers: Authority
  beforeAll(async () => {
    strangers = await makeAuthority('strangers')
  })

  test('one of the authorities is required, on each version', async () => {
    await open({ ...first, clientCa: authority.cert })
    const known = await authority.issue([])
    const unknown = await strangers.issue([])
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const ask = (pair?: Pair): Promise<Answer> =>
        get('/hello', new https.Agent({ ca: authority.cert, maxVersion, ...pair }))
      expect(await ask(known)).toMatchObject({ status: 200 })
      expect(await failure(ask())).not.toBe('no failure')
      expect(await failure(ask(unknown))).not.toBe('no failure')
    }
    await expect.poll(() => [failed('no_client_certificate'), failed('untrusted_client_certificate')]).toEqual([2, 2])
    expect(counters.total('http_requests_total')).toBe(2)
  })

  test('an authority that is replaced lets nobody in any more, by no old session either', async () => {
    await open({ ...first, clientCa: authority.cert })
    const known = await authority.issue([])
    // Sessions are kept by this agent, connections are not.
    const agent = new https.Agent({ ca: authority.cert, ...known })
    expect(await get('/hello', agent)).toMatchObject({ status: 200 })
    server?.renewTls({ ...first, clientCa: strangers.cert })
    expect(await failure(get('/hello', agent))).not.toBe('no failure')
  })
})
