/** What @fluent-org/logger sends, in all its modes, with and without acknowledgement, shared key and user. */
import { createHash } from 'node:crypto'
import { EventTime, FluentClient, type FluentClientOptions } from '@fluent-org/logger'
import { encode } from '@msgpack/msgpack'
import { afterEach, describe, expect, test } from 'vitest'
import { OPEN_PRINCIPAL, type Principal } from '../../core/principal.ts'
import { MemorySink } from '../testing/memory-sink.ts'
import {
  openForwardServer,
  openRawClient,
  type ForwardServerOptions,
  type ForwardTestServer,
} from './testing/forward-server.ts'

const MODES = ['Message', 'Forward', 'PackedForward', 'CompressedPackedForward'] as const
const SHARED_KEY = 'a shared key'
const KEY = Buffer.alloc(32, 7)
const KEY_TEXT = KEY.toString('base64url')

let server: ForwardTestServer
afterEach(() => server.close())

async function open(options: ForwardServerOptions = {}): Promise<void> {
  server = await openForwardServer(options)
}

function clientOf(options: FluentClientOptions): FluentClient {
  return new FluentClient('app', { socket: { host: '127.0.0.1', port: server.port }, ...options })
}

/** Resolves when the client knows that all is sent, and acknowledged if it asks for that. */
async function send(options: FluentClientOptions, texts: readonly string[]): Promise<void> {
  const client = clientOf(options)
  const time = new EventTime(1_700_000_000, 123_456_789)
  await Promise.all(texts.map((message) => client.emit('web', { message, level: 'error', n: 7 }, time)))
  await client.disconnect()
}

interface Security {
  clientHostname: string
  sharedKey: string
  username?: string
  password?: string
}

function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** As the specification has it. */
function ping(helo: unknown, { clientHostname, sharedKey, username = '', password = '' }: Security): Buffer {
  const [, options] = helo as [string, Map<string, Uint8Array>]
  const shared = digest('salt', clientHostname, options.get('nonce') ?? '', sharedKey)
  const user = digest(options.get('auth') ?? '', username, password)
  return Buffer.from(encode(['PING', clientHostname, 'salt', shared, username, user]))
}

const SECURITIES: [string, ForwardServerOptions, FluentClientOptions['security']][] = [
  ['nothing', {}, undefined],
  ['a shared key', { sharedKey: SHARED_KEY }, { clientHostname: 'web-1', sharedKey: SHARED_KEY }],
]

describe.each(SECURITIES)('with %s', (_what, options, security) => {
  test.each(MODES.flatMap((mode) => [[mode, 'without'] as const, [mode, 'with'] as const]))(
    'mode %s %s acknowledgement',
    async (eventMode, ack) => {
      await open(options)
      const texts = ['one', 'two', 'three']
      await send(
        { eventMode, ...(security && { security }), ...(ack === 'with' && { ack: { ackTimeout: 20_000 } }) },
        texts,
      )
      await expect.poll(() => server.sink.rows).toBe(3)
      expect(server.sink.events()).toMatchObject(
        texts.map((message) => ({
          message,
          timestampNs: 1_700_000_000_123_456_789n,
          severity: 17,
          service: 'app.web',
          host: security ? 'web-1' : 'testhost',
        })),
      )
      expect(server.sink.events().map(({ attributes }) => attributes.get('n'))).toEqual(['7', '7', '7'])
    },
  )
})

describe('who has to show something', () => {
  const principal: Principal = { ...OPEN_PRINCIPAL, by: 'signature', keyId: 'k1', name: 'shop', role: 'write' }
  let uses = 0
  const noteUse = (): void => void uses++
  const keyed: ForwardServerOptions = {
    openPrincipal: () => undefined,
    keyOf: (id) =>
      id === 'k1' ? { key: KEY, principal, allows: (address) => address.endsWith('127.0.0.1'), noteUse } : undefined,
  }

  test.each<[string, ForwardServerOptions, Security]>([
    ['the wrong shared key', { sharedKey: SHARED_KEY }, { clientHostname: 'c', sharedKey: 'another' }],
    ['the text of no key', keyed, { clientHostname: 'c', sharedKey: '', username: '' }],
    ['a user that is no key', keyed, { clientHostname: 'c', sharedKey: KEY_TEXT, username: 'k2', password: KEY_TEXT }],
    ['another password', keyed, { clientHostname: 'c', sharedKey: KEY_TEXT, username: 'k1', password: 'p' }],
    ['another shared key', keyed, { clientHostname: 'c', sharedKey: 's', username: 'k1', password: KEY_TEXT }],
    [
      'a key that is for other addresses',
      { ...keyed, keyOf: () => ({ key: KEY, principal, allows: () => false, noteUse }) },
      { clientHostname: 'c', sharedKey: KEY_TEXT, username: 'k1', password: KEY_TEXT },
    ],
  ])('is not let in with %s', async (_what, options, security) => {
    uses = 0
    await open(options)
    const sender = await openRawClient({ port: server.port })
    await expect.poll(() => sender.received).toHaveLength(1)
    await sender.send(ping(sender.received[0], security))
    await sender.closed
    expect(sender.received[1]).toEqual(['PONG', false, expect.stringContaining('not valid'), 'tailrace.testhost', ''])
    expect(server.rejected('signature')).toBe(1)
    expect(uses).toBe(0)
  })

  test('is let in with a key, whose events bear what it stamps', async () => {
    const stamped = new MemorySink()
    uses = 0
    await open({ ...keyed, sinkFor: (own) => (who) => (who === principal ? stamped : own) })
    const security = { clientHostname: 'c', sharedKey: KEY_TEXT, username: 'k1', password: KEY_TEXT }
    await send({ security, ack: {} }, ['x'])
    expect([stamped.rows, server.sink.rows]).toEqual([1, 0])
    expect(uses).toBe(1)
  })

  test('is let in with the shared key of all and a key of its own', async () => {
    await open({ ...keyed, sharedKey: SHARED_KEY })
    const security = { clientHostname: 'c', sharedKey: SHARED_KEY, username: 'k1', password: KEY_TEXT }
    await send({ security, ack: {} }, ['x'])
    expect(server.sink.rows).toBe(1)
  })

  test('is cut off when the key ends', async () => {
    let end: (() => void) | undefined
    const ending: Principal = { ...principal, onEnded: (listener) => ((end = listener), () => undefined) }
    await open({ openPrincipal: () => ending })
    const sender = await openRawClient({ port: server.port })
    await expect.poll(() => end).toBeDefined()
    end?.()
    await sender.closed
    expect(server.closed('ended')).toBe(1)
  })

  test('nobody where it is said that it is open to everybody', async () => {
    await open({ ...keyed, sharedKey: SHARED_KEY, isInsecure: true })
    await send({ ack: {} }, ['x'])
    expect(server.sink.rows).toBe(1)
  })

  test.each([
    ['says nothing', Buffer.alloc(0)],
    ['sends events at once', Buffer.from('93a1610180', 'hex')],
  ])('is cut off when it %s instead', async (_what, bytes) => {
    await open({ sharedKey: SHARED_KEY, limits: { handshakeMs: 20, sweepMs: 5 } })
    const sender = await openRawClient({ port: server.port })
    await sender.send(bytes)
    await sender.closed
    expect(server.closed('handshake')).toBe(1)
    expect(server.sink.rows).toBe(0)
  })
})
