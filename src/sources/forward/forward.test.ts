import { gzipSync } from 'node:zlib'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { encode } from '@msgpack/msgpack'
import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { makeAuthority } from '../../net/testing/certificates.ts'
import {
  openForwardServer,
  openRawClient,
  RawClient,
  type ForwardServerOptions,
  type ForwardTestServer,
} from './testing/forward-server.ts'

const LEAVE_SOCKET = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))"
const bytes = (value: unknown): Buffer => Buffer.from(encode(value))
/** A message of one event that is to be acknowledged. */
const event = (text: string, chunk?: string): Buffer =>
  bytes(['app', [[1, { message: text }]], chunk === undefined ? {} : { chunk }])

let server: ForwardTestServer
const clients: RawClient[] = []
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await server.close()
})

async function open(options: ForwardServerOptions = {}): Promise<ForwardTestServer> {
  return (server = await openForwardServer(options))
}

async function client(): Promise<RawClient> {
  const opened = await openRawClient({ port: server.port })
  clients.push(opened)
  return opened
}

const texts = (): string[] => server.sink.events().map(({ message }) => message)

describe('acknowledgement', () => {
  test('comes once all events of the message are durable', async () => {
    await open()
    let makeDurable: (() => void) | undefined
    server.sink.onWrite = () => new Promise((resolve) => (makeDurable = resolve))
    const sender = await client()
    await sender.send(event('a', 'one'))
    await expect.poll(() => makeDurable).toBeDefined()
    expect(sender.received).toEqual([])
    makeDurable?.()
    await expect.poll(() => sender.acks()).toEqual(['one'])
    expect(texts()).toEqual(['a'])
  })

  test('of a large message waits for all of its batches', async () => {
    await open({ limits: { batchBytes: 4096, turnBytes: 1000 } })
    const sender = await client()
    const entries = Array.from({ length: 1000 }, (_, i) => [1, { message: `event ${i}` }])
    await sender.send(bytes(['app', entries, { chunk: 'large' }]))
    await expect.poll(() => sender.acks()).toEqual(['large'])
    expect(texts()).toEqual(entries.map((_, i) => `event ${i}`))
    expect(server.sink.batches.length).toBeGreaterThan(5)
  })

  test('never comes for what was refused: the connection ends, and the sender sends it again', async () => {
    await open()
    server.sink.onWrite = () => {
      throw new AppError('SPOOL_FULL')
    }
    const sender = await client()
    await sender.send(event('a', 'one'))
    await sender.closed
    expect(sender.received).toEqual([])
    expect(server.closed('refused')).toBe(1)
    server.sink.onWrite = () => undefined
    const again = await client()
    await again.send(event('a', 'one'))
    await expect.poll(() => again.acks()).toEqual(['one'])
    expect(texts()).toEqual(['a'])
  })

  test('comes again for a chunk that comes again, which is not stored twice', async () => {
    await open()
    const sender = await client()
    await sender.send(event('a', 'one'))
    await expect.poll(() => sender.acks()).toEqual(['one'])
    const other = await client()
    await other.send(Buffer.concat([event('a', 'one'), event('b', 'one'), event('a', 'two')]))
    await expect.poll(() => other.acks()).toHaveLength(3)
    expect(texts()).toEqual(['a', 'b', 'a'])
    const later = server.clock.nowMs() + 3_600_000
    server.clock.nowMs = () => later
    await other.send(event('a', 'one'))
    await expect.poll(() => texts()).toEqual(['a', 'b', 'a', 'a'])
  })

  test('reaches a sender that has said all that it has to say', async () => {
    await open()
    const sender = await client()
    sender.socket.end(event('a', 'one'))
    await sender.closed
    expect(sender.acks()).toEqual(['one'])
  })
})

test('what needs no acknowledgement is tried again until there is room', async () => {
  await open({ limits: { retryMs: 1 } })
  let refusals = 3
  server.sink.onWrite = () => {
    if (refusals-- > 0) throw new AppError('SPOOL_FULL')
  }
  const sender = await client()
  await sender.send(Buffer.concat([event('a'), event('b')]))
  await expect.poll(texts).toEqual(['a', 'b'])
  expect(server.counters.total('forward_retries_total')).toBe(3)
  expect(server.counters.total('ingest_rejected_total')).toBe(0)
})

test('reading pauses while too much waits for the disk, and goes on', async () => {
  await open({ limits: { unacknowledgedBytesMax: 50_000, batchBytes: 10_000, flushMs: 1, busyFlushMs: 1 } })
  const waiting: (() => void)[] = []
  server.sink.onWrite = () => new Promise((resolve) => waiting.push(resolve))
  const sender = await client()
  const entry = [1, { message: 'x'.repeat(1000) }]
  const message = bytes(['app', Array.from({ length: 100 }, () => entry)])
  void sender.send(Buffer.concat(Array.from({ length: 200 }, () => message)))
  await expect.poll(() => waiting.length).toBeGreaterThanOrEqual(5)
  // 20 MB were sent; what is beyond the limit and one turn stays with the sender.
  expect(waiting.length).toBeLessThan(10)
  server.sink.onWrite = () => undefined
  for (const go of waiting) go()
  await expect.poll(() => server.sink.rows).toBe(20_000)
})

function packed(...events: string[]): Buffer {
  return Buffer.concat(events.map((message) => bytes([1, { message }])))
}

describe('packed entries', () => {
  test('in any wrapping', async () => {
    await open()
    const sender = await client()
    await sender.send(bytes(['app', packed('a', 'b'), { chunk: '1' }]))
    const asText = packed('c')
    await sender.send(Buffer.concat([Buffer.from('92a3617070d9', 'hex'), Buffer.of(asText.length), asText]))
    const members = Buffer.concat([gzipSync(packed('d')), gzipSync(packed('e'))])
    await sender.send(bytes(['app', members, { chunk: '2', compressed: 'gzip' }]))
    await sender.send(bytes(['app', packed('f'), { chunk: '3', compressed: 'text' }]))
    await expect.poll(() => sender.acks()).toHaveLength(3)
    await expect.poll(() => texts().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test.each<[string, unknown, string]>([
    ['that are cut off', ['app', packed('a').subarray(0, -1)], 'bad_packed'],
    ['that are no MessagePack', ['app', Buffer.of(0xc1)], 'bad_packed'],
    ['that claim too much', ['app', Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff)], 'bad_packed'],
    ['that are not compressed', ['app', packed('a'), { compressed: 'gzip' }], 'compression'],
    ['compressed in another way', ['app', packed('a'), { compressed: 'rar' }], 'compression'],
    ['that become too many', ['app', gzipSync(Buffer.alloc(3_000_000, 0xc0)), { compressed: 'gzip' }], 'compression'],
  ])('%s', async (_what, message, reason) => {
    await open({ limits: { messageBytesMax: 1_000_000 } })
    const sender = await client()
    await sender.send(bytes(message))
    await sender.closed
    expect(server.rejected(reason)).toBe(1)
  })
})

describe('hostile bytes close their connection, and nothing else', () => {
  test.each<[string, string | Buffer, string]>([
    ['nested too deep', '91'.repeat(100), 'too_deep'],
    ['maps nested too deep', `93a16101${'81a161'.repeat(100)}`, 'too_deep'],
    ['a string of 4 GiB', '93dbffffffff', 'too_large'],
    ['bytes of 4 GiB', '92a161c6ffffffff', 'too_large'],
    ['a list of 4 billion', '92a161ddffffffff', 'too_large'],
    ['a map of 4 billion', '93a16101dfffffffff', 'too_large'],
    ['an extension of 4 GiB', '92a161c9ffffffff00', 'too_large'],
    ['the byte that is never used', '93c1', 'reserved'],
    ['an extension for a time that is none', '93a161d4000080', 'bad_extension'],
    ['an extension of another type for a time', '93a161d705000000000000000080', 'bad_extension'],
    ['a billionth too many', '93a161d70000000000ffffffff80', 'bad_extension'],
    ['no list', '80', 'not_forward'],
    ['a list of nothing', '90', 'not_forward'],
    ['a list of too much', '95a1610180c0c0', 'not_forward'],
    ['no tag', '93c00180', 'not_forward'],
    ['no entries', '92a161c0', 'not_forward'],
    ['a text for an option', '92a161a0a0', 'not_forward'],
    ['options that are none', '93a16190a0', 'not_forward'],
    ['a chunk that is none', '93a1619081a56368756e6b01', 'not_forward'],
    ['a tag that is too long', encode(['t'.repeat(2000), 1, {}]) as Buffer, 'tag_too_long'],
  ])('%s', async (_what, hostile, reason) => {
    await open()
    const other = await client()
    const sender = await client()
    await sender.send(event('before'))
    await sender.send(typeof hostile === 'string' ? Buffer.from(hostile, 'hex') : hostile)
    await sender.closed
    expect(server.rejected(reason)).toBe(1)
    expect(server.counters.examples('ingest_rejected_total')).toMatchObject([
      { labels: { source: 'forward', reason }, newest: [{ text: 'connection from 127.0.0.1' }] },
    ])
    expect(server.closed(reason)).toBe(1)
    await other.send(event('after', 'x'))
    await expect.poll(() => other.acks()).toEqual(['x'])
    await expect.poll(() => texts().toSorted()).toEqual(['after', 'before'])
  })

  test('a message that comes byte by byte is a message', async () => {
    await open()
    const sender = await client()
    for (const byte of event('slow', 'x')) await sender.send(Buffer.of(byte))
    await expect.poll(() => sender.acks()).toEqual(['x'])
    expect(texts()).toEqual(['slow'])
  })

  test('a message in two halves with many others around it is one as well', async () => {
    await open()
    const sender = await client()
    const many = Buffer.concat(Array.from({ length: 300 }, (_, i) => event(`${i}`.padEnd(500), `${i}`)))
    for (let at = 0; at < many.length; at += 7777) await sender.send(many.subarray(at, at + 7777))
    await expect.poll(() => sender.acks()).toHaveLength(300)
    expect(texts().map((text) => text.trim())).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`))
  })

  test('a message that is begun and does not go on', async () => {
    await open({ limits: { messageIdleMs: 20, sweepMs: 5 } })
    const sender = await client()
    await sender.send(event('x').subarray(0, 5))
    await sender.closed
    expect(server.rejected('stalled')).toBe(1)
  })

  test('messages in part that are together too large', async () => {
    await open({ limits: { bufferBytesMax: 300_000 } })
    const sender = await client()
    void sender.send(bytes(['app', 1, { message: 'x'.repeat(1_000_000) }]))
    await sender.closed
    expect(server.rejected('buffer_full')).toBe(1)
  })

  test('more connections than there may be', async () => {
    await open({ limits: { connectionsMax: 2 } })
    const [first, , third] = [await client(), await client(), await client()]
    await third.closed
    await first.send(event('a', 'x'))
    await expect.poll(() => first.acks()).toEqual(['x'])
    expect(server.counters.total('forward_connections_refused_total')).toBe(1)
  })
})

describe('heartbeats', () => {
  test('over UDP are answered', async () => {
    await open()
    const socket = createSocket('udp4')
    socket.send(Buffer.alloc(1), server.port, '127.0.0.1')
    const [answer] = (await once(socket, 'message')) as [Buffer]
    socket.close()
    expect(answer).toHaveLength(1)
  })

  test('over TCP are connections that say nothing, or nil', async () => {
    await open()
    const [silent, sender] = [await client(), await client()]
    silent.socket.end()
    await silent.closed
    await sender.send(Buffer.concat([Buffer.of(0xc0, 0xc0), event('a', 'x')]))
    await expect.poll(() => sender.acks()).toEqual(['x'])
    expect(server.counters.total('ingest_rejected_total')).toBe(0)
  })
})

test('over a socket in the file system, with permissions, also where one was left behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-forward-'))
  const path = join(folder, 'f.sock')
  try {
    await open({ address: { protocol: 'unix', path }, limits: { unixMode: 0o600 }, sharedKey: 'not asked for' })
    expect(server.address).toBe(`unix://${path}`)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await expect(openForwardServer({ address: { protocol: 'unix', path } })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
    })
    const sender = await openRawClient({ path })
    await sender.send(event('a', 'x'))
    await expect.poll(() => sender.acks()).toEqual(['x'])
    expect(server.sink.events()[0]).toMatchObject({ host: 'testhost', message: 'a' })
    sender.socket.destroy()
    await server.close()
    expect(existsSync(path)).toBe(false)
    // A process that is killed leaves its socket behind.
    const killed = spawnSync(process.execPath, ['-e', LEAVE_SOCKET, path])
    expect(killed.signal).toBe('SIGKILL')
    expect(existsSync(path)).toBe(true)
    await open({ address: { protocol: 'unix', path } })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('over TLS', async () => {
  const authority = await makeAuthority()
  const material = await authority.issue(['localhost', '127.0.0.1'])
  const renewed = await authority.issue(['localhost', '127.0.0.1'])
  let renew: (() => void) | undefined
  await open({
    address: { protocol: 'tls', host: '127.0.0.1', port: 0 },
    tls: { material, attach: (listener) => (renew = () => listener.renewTls(renewed)) },
  })
  const connect = async (): Promise<{ client: RawClient; certificate: string | undefined }> => {
    const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: authority.cert })
    await once(socket, 'secureConnect')
    const opened = new RawClient(socket)
    clients.push(opened)
    return { client: opened, certificate: socket.getPeerX509Certificate()?.toString() }
  }
  const first = await connect()
  await first.client.send(event('a', 'x'))
  await expect.poll(() => first.client.acks()).toEqual(['x'])
  renew?.()
  const second = await connect()
  expect(second.certificate).not.toBe(first.certificate)
  const plain = await client()
  await plain.send(event('b', 'y'))
  await plain.closed
  expect(server.counters.total('tls_handshakes_failed_total')).toBe(1)
})
