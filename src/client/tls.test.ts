import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { connect as connectTcp, createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTls, type Server as TlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { certificateFacts } from '../net/tls-certificate.ts'
import { makeSelfSigned } from '../net/tls-self-signed.ts'
import { makeAuthority, type Authority, type Pair } from '../net/testing/certificates.ts'
import { openConnection } from './connection.ts'
import { ServerAway } from './failures.ts'
import { createHttpClient, type HttpClient } from './http-client.ts'
import { parseFingerprint, TlsTextError, type ClientTls } from './tls.ts'

let authority: Authority
let known: Pair
let self: Pair
beforeAll(async () => {
  authority = await makeAuthority()
  known = await authority.issue(['127.0.0.1'])
  self = await makeSelfSigned(['127.0.0.1'], Date.now())
})

const fingerprintOf = ({ cert }: Pair): string => certificateFacts(cert)?.fingerprint ?? ''

let server: Server
let client: HttpClient | undefined
const closers: (() => void)[] = []
afterEach(() => {
  client?.close()
  for (const close of closers.splice(0)) close()
})

/** What the server has read of requests, and which of its connections resumed a session. */
let seen: { text: string; resumed: boolean[] }

/** Answers every request and then closes, so that each takes a connection of its own. */
async function serve(options: TlsOptions): Promise<TlsServer> {
  seen = { text: '', resumed: [] }
  const tls = createTls(options, (socket: TLSSocket) => {
    seen.resumed.push(socket.isSessionReused())
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      seen.text += chunk.toString()
      socket.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
      )
    })
  })
  await listen(tls)
  return tls
}

async function listen(opened: Server): Promise<void> {
  server = opened
  closers.push(() => opened.close())
  opened.on('connection', (socket) => {
    closers.push(() => socket.destroy())
    socket.on('error', () => undefined)
  })
  opened.listen(0, '127.0.0.1')
  await once(opened, 'listening')
}

function connect(tls?: ClientTls, host = '127.0.0.1'): HttpClient {
  const { port } = server.address() as AddressInfo
  client?.close()
  client = createHttpClient({ url: `https://${host}:${port}`, key: 'a-secret-key', tls })
  return client
}

async function failure(work: Promise<unknown>): Promise<Partial<ServerAway>> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ServerAway)
  const { reason, obstacle } = error as ServerAway
  return { reason, obstacle }
}

describe('trust', () => {
  test('an authority of its own', async () => {
    await serve(known)
    expect(await connect({ ca: authority.cert }).health()).toEqual({})
    expect(seen.text).toContain('a-secret-key')
  })

  test('a self-signed certificate as its own authority', async () => {
    await serve(self)
    expect(await connect({ ca: self.cert }).health()).toEqual({})
  })

  test('the own certificate of a server, which an authority issued', async () => {
    await serve(known)
    expect(await connect({ ca: known.cert }).health()).toEqual({})
  })

  test.each<[string, () => Pair, string]>([
    ['another authority', () => known, 'its certificate is from an authority that is not known here'],
    ['a self-signed one', () => self, 'its certificate is self-signed'],
  ])('what was named leads to another certificate: %s', async (_case, pair, reason) => {
    await serve(pair())
    const other = await makeAuthority('another')
    const found = [other.cert, (await authority.issue(['127.0.0.1'])).cert]
    for (const ca of found) {
      expect(await failure(connect({ ca }).health())).toEqual({ reason, obstacle: 'authority' })
    }
    expect(seen.text).toBe('')
  })

  test.each<[string, () => Pair, object]>([
    ['self-signed', () => self, { reason: 'its certificate is self-signed' }],
    ['unknown', () => known, { reason: 'its certificate is from an authority that is not known here' }],
  ])('%s: nothing is sent', async (_case, pair, expected) => {
    await serve(pair())
    expect(await failure(connect().health())).toEqual({ ...expected, obstacle: 'untrusted' })
    expect(seen.text).toBe('')
  })

  test('of another name, or no longer valid', async () => {
    await serve(known)
    const other = await failure(connect({ ca: authority.cert }, 'localhost').health())
    expect(other).toEqual({ reason: 'its certificate is for 127.0.0.1, not for localhost', obstacle: 'name' })
    const untilMs = Date.now() - 1000
    await serve(await authority.issue(['127.0.0.1'], { fromMs: untilMs - 1000, untilMs }))
    const expired = await failure(connect({ ca: authority.cert }).health())
    expect(expired).toEqual({ reason: 'its certificate has expired', obstacle: 'untrusted' })
    expect(seen.text).toBe('')
  })
})

test('a connection that takes its time is waited for as long as silence may last', async () => {
  const tls = await serve(known)
  const { port } = tls.address() as AddressInfo
  let release: (() => void) | undefined
  const hold = new Promise<void>((resolve) => void (release = resolve))
  const slow = createServer((socket) => {
    const onward = connectTcp(port, '127.0.0.1')
    for (const one of [socket, onward]) one.on('error', () => undefined)
    onward.pipe(socket)
    void hold.then(() => socket.pipe(onward))
  })
  await listen(slow)
  const url = `https://127.0.0.1:${(slow.address() as AddressInfo).port}`
  const connection = openConnection({ url, tls: { ca: authority.cert } })
  closers.push(() => connection.close())
  const asked = connection.json('/', { silenceMsMax: 0 })
  expect(await failure(connection.json('/', { silenceMsMax: 30 }))).toMatchObject({ obstacle: undefined })
  release?.()
  expect(await asked).toEqual({})
})

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield await Promise.resolve(Buffer.from('an event\n'))
}

describe('a fingerprint', () => {
  test.each<[string, (fingerprint: string) => string]>([
    ['as openssl writes it', (text) => text],
    ['in lower case', (text) => text.toLowerCase()],
    ['without colons', (text) => text.replaceAll(':', '')],
    ['with a line end', (text) => `${text}\n`],
  ])('%s', async (_case, write) => {
    await serve(self)
    // The name is not in the certificate: nobody asks for it.
    expect(await connect({ fingerprint: write(fingerprintOf(self)) }, 'localhost').health()).toEqual({})
  })

  test.each(['', 'aa:bb', 'g'.repeat(64), `${'a'.repeat(64)}a`])('%j is none', (text) => {
    expect(parseFingerprint(text)).toBeUndefined()
    expect(() => createHttpClient({ url: 'https://127.0.0.1', tls: { fingerprint: text } })).toThrow(TlsTextError)
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: of another certificate, and nothing is sent', async (maxVersion) => {
    await serve({ ...known, maxVersion })
    const pinned = connect({ ca: authority.cert, fingerprint: fingerprintOf(self) })
    const works = [pinned.health(), pinned.ingest(Buffer.from('an event')), pinned.ingest(endless())]
    for (const found of await Promise.all(works.map(failure))) {
      expect(found).toEqual({
        reason: `its certificate has the fingerprint ${fingerprintOf(known)}, expected was ${fingerprintOf(self)}`,
        obstacle: 'fingerprint',
      })
    }
    expect(seen.text).toBe('')
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: every connection is compared, none resumed', async (maxVersion) => {
    const tls = await serve({ ...self, maxVersion })
    const pinned = connect({ fingerprint: fingerprintOf(self) })
    for (let count = 1; count <= 3; count++) {
      expect(await pinned.health()).toEqual({})
      expect(seen.resumed).toHaveLength(count)
    }
    expect(seen.resumed).toEqual([false, false, false])
    tls.setSecureContext(known)
    const before = seen.text
    expect(await failure(pinned.health())).toMatchObject({ obstacle: 'fingerprint' })
    expect(seen.text).toBe(before)
  })
})

test('a tail ends when another certificate is shown on its way back', async () => {
  const tls = await serve(self)
  const tail = connect({ fingerprint: fingerprintOf(self) }).tail({
    patience: { wait: () => Promise.resolve(), random: () => 0 },
    onConnection: () => tls.setSecureContext(known),
  })
  await expect(tail.next()).rejects.toMatchObject({ name: 'ServerAway', obstacle: 'fingerprint' })
})

describe('a server that never ends the handshake', () => {
  beforeEach(() => listen(createServer(() => undefined)))
  const kinds: [string, () => ClientTls | undefined][] = [
    ['with a fingerprint', () => ({ fingerprint: fingerprintOf(self) })],
    ['without', () => undefined],
  ]

  test.each(kinds)('%s: an abort is not waited for', async (_case, tls) => {
    const pinned = connect(tls())
    const abort = new AbortController()
    const health = pinned.health(abort.signal)
    await once(server, 'connection')
    abort.abort(new Error('enough'))
    await expect(health).rejects.toThrow('enough')
  })

  test.each(kinds)('%s: closing ends it', async (_case, tls) => {
    const pinned = connect(tls())
    const health = failure(pinned.health())
    await once(server, 'connection')
    pinned.close()
    expect(await health).toMatchObject({ obstacle: undefined })
  })
})

describe('certificates of clients', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: one that the server does not accept', async (maxVersion) => {
    const foreign = await (await makeAuthority('another')).issue([])
    await serve({ ...known, maxVersion, ca: authority.cert, requestCert: true, rejectUnauthorized: true })
    for (const tls of [{ ca: authority.cert }, { fingerprint: fingerprintOf(known) }]) {
      const error = await connect({ ...tls, ...foreign })
        .health()
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(ServerAway)
      const { obstacle, suspicion } = error as ServerAway
      expect(obstacle ?? suspicion).toBe('other-client-certificate')
    }
  })

  test('a connection that is cut in the middle of the handshake says nothing about them', async () => {
    await listen(createServer((socket) => socket.destroy()))
    const error = await connect()
      .health()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ reason: 'the connection was cut', obstacle: undefined, suspicion: undefined })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', async (maxVersion) => {
    const own = await authority.issue([])
    await serve({ ...known, maxVersion, ca: authority.cert, requestCert: true, rejectUnauthorized: true })
    const trust: ClientTls[] = [{ ca: authority.cert }, { fingerprint: fingerprintOf(known) }]
    for (const tls of trust) {
      expect(await connect({ ...tls, ...own }).health()).toEqual({})
      expect(await failure(connect(tls).health())).toEqual({
        reason: 'it wants a certificate of this client, one that it knows',
        obstacle: 'client-certificate',
      })
    }
  })
})

describe('texts that cannot be used', () => {
  test.each<[string, () => ClientTls, keyof ClientTls]>([
    ['no authority', () => ({ ca: 'hunter2' }), 'ca'],
    ['a damaged one', () => ({ ca: known.cert.replace('MI', 'hunter2') }), 'ca'],
    ['no key', () => ({ cert: known.cert }), 'cert'],
    ['no certificate', () => ({ key: known.key }), 'key'],
    ['of different certificates', () => ({ cert: known.cert, key: self.key }), 'cert'],
    ['no PEM', () => ({ cert: 'hunter2', key: 'hunter2' }), 'cert'],
  ])('%s', (_case, tls, part) => {
    const open = () => createHttpClient({ url: 'https://127.0.0.1', tls: tls() })
    expect(open).toThrow(expect.objectContaining({ part, message: expect.not.stringContaining('hunter2') as string }))
    // Without TLS nobody looks at them.
    createHttpClient({ url: 'http://127.0.0.1', tls: tls() }).close()
  })
})

test('a port without TLS', async () => {
  await listen(createHttp((_request, response) => response.end('{}')))
  expect(await failure(connect().health())).toEqual({ reason: 'it speaks no TLS', obstacle: 'plain' })
})
