import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encode } from '@msgpack/msgpack'
import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import {
  openForwardServer,
  openRawClient,
  type ForwardServerOptions,
  type ForwardTestServer,
  type RawClient,
} from './testing/forward-server.ts'

const bytes = (value: unknown): Buffer => Buffer.from(encode(value))
const packed = (...texts: string[]): Buffer => Buffer.concat(texts.map((message) => bytes([1, { message }])))
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

async function client(where: { port: number } | { path: string } = { port: server.port }): Promise<RawClient> {
  const opened = await openRawClient(where)
  clients.push(opened)
  return opened
}

const texts = (): string[] => server.sink.events().map(({ message }) => message)

describe('a chunk that cannot be read is refused by what is wrong with it, and nothing of it is stored', () => {
  test.each<[string, unknown, string]>([
    ['cut off', ['app', Buffer.concat([packed('a'), packed('b').subarray(0, -1)]), { chunk: 'x' }], 'bad_packed'],
    ['not compressed', ['app', packed('a'), { chunk: 'x', compressed: 'gzip' }], 'compression'],
    ['compressed in another way', ['app', packed('a'), { chunk: 'x', compressed: 'rar' }], 'compression'],
    [
      'cut off within',
      ['app', gzipSync(packed('a', 'b').subarray(0, -1)), { chunk: 'x', compressed: 'gzip' }],
      'bad_packed',
    ],
    ['named too long', ['app', [[1, { message: 'a' }]], { chunk: 'x'.repeat(2000) }], 'chunk_too_long'],
  ])('%s', async (_what, message, reason) => {
    await open()
    for (let time = 1; time <= 3; time++) {
      const sender = await client()
      await sender.send(bytes(message))
      await sender.closed
      expect(sender.received).toEqual([])
      expect(server.rejected(reason)).toBe(time)
      expect(server.closed(reason)).toBe(time)
    }
    expect(server.sink.rows).toBe(0)
  })
})

test('a chunk that comes again does not cost what comes behind it when the sender has said all', async () => {
  await open()
  const first = await client()
  await first.send(event('a', 'one'))
  await expect.poll(() => first.acks()).toEqual(['one'])
  const sender = await client()
  // Decompression takes a while, in which the end of the connection arrives.
  const compressed = bytes(['app', gzipSync(packed('b')), { chunk: 'two', compressed: 'gzip' }])
  sender.socket.end(Buffer.concat([compressed, event('a', 'one'), event('c', 'three')]))
  await sender.closed
  expect(new Set(sender.acks())).toEqual(new Set(['one', 'two', 'three']))
  expect(texts()).toEqual(['a', 'b', 'c'])
  expect(server.closed('truncated')).toBe(0)
})

test('a large chunk that finds room for a part only is stored once', async () => {
  await open({ limits: { batchBytes: 4096, turnBytes: 1000, retryMs: 1 } })
  const texts1000 = Array.from({ length: 1000 }, (_, i) => `event ${i}`)
  const message = bytes(['app', texts1000.map((text) => [1, { message: text }]), { chunk: 'large' }])
  let writes = 0
  server.sink.onWrite = () => {
    // Every third batch finds no room at first.
    if (++writes % 3 === 0) throw new AppError('SPOOL_FULL')
  }
  for (let acks = 0; acks === 0;) {
    const sender = await client()
    await sender.send(message)
    await sender.answered
    acks = sender.acks().length
  }
  expect(texts().toSorted()).toEqual(texts1000.toSorted())
})

test('a message that is under way when the listener closes is taken whole', async () => {
  await open({ limits: { turnBytes: 1000 } })
  const sender = await client()
  const all = Array.from({ length: 20_000 }, (_, i) => `event ${i}`)
  const message = bytes(['app', all.map((text) => [1, { message: text }])])
  let hasBegun: (() => void) | undefined
  const begun = new Promise<void>((resolve) => (hasBegun = resolve))
  server.sink.onWrite = () => hasBegun?.()
  void sender.send(Buffer.concat([message, event('behind it')]))
  await begun
  await server.close()
  expect(texts().length).toBe(20_001)
})

test('a sender that reads no answers is gone with its connection', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-forward-'))
  const path = join(folder, 'f.sock')
  await open({
    address: { protocol: 'unix', path },
    limits: { answerBytesMax: 20_000, connectionsMax: 1, lastAnswerMs: 1 },
  })
  const sender = await client({ path })
  sender.socket.pause()
  void sender.send(Buffer.concat(Array.from({ length: 4000 }, (_, i) => event('a', `${i}`.padEnd(1000, '.')))))
  await expect.poll(() => server.closed('slow_reader')).toBe(1)
  // Its place is free, although it still holds its end.
  await expect
    .poll(async () => {
      const other = await client({ path })
      await other.send(event('b', 'x'))
      await other.answered
      return other.acks()
    })
    .toEqual(['x'])
  rmSync(folder, { recursive: true })
})

test('who has not shown anything yet is not listened to for long', async () => {
  await open({ sharedKey: 'secret' })
  const sender = await client()
  void sender.send(bytes(['PING', 'h'.repeat(1_000_000), '', '', '', '']))
  await sender.closed
  expect(server.closed('handshake')).toBe(1)
})

describe('chunks of an earlier server', () => {
  const parts = (chunk: string): Buffer => bytes(['app', packed('a', 'b', 'c'), { chunk, compressed: 'text' }])

  test.each<[string, Buffer]>([
    ['of one event', event('a', 'one')],
    ['that is packed', parts('one')],
    ['that is compressed', bytes(['app', gzipSync(packed('a', 'b')), { chunk: 'one', compressed: 'gzip' }])],
  ])('are known by the mark on their last event: one %s', async (_what, message) => {
    await open()
    const first = await client()
    await first.send(message)
    await expect.poll(() => first.acks()).toEqual(['one'])
    await server.close()
    const stored = server.sink.events()
    const marks = stored.map(({ attributes }) => attributes.get('forward.chunk'))
    expect(marks.filter((mark) => mark !== undefined)).toEqual([marks.at(-1)])
    const asked: unknown[] = []
    await open({
      recentValues: (question) => {
        asked.push(question)
        return Promise.resolve([marks.at(-1) ?? ''])
      },
    })
    const second = await client()
    await second.send(Buffer.concat([message, event('new', 'two')]))
    await expect.poll(() => second.acks()).toEqual(['one', 'two'])
    expect(texts()).toEqual(['new'])
    expect(asked).toMatchObject([{ attribute: 'forward.chunk', windowMs: 600_000, valuesMax: 20_000 }])
  })

  test('hold up others with an id, for a while, and nobody else', async () => {
    let tell: ((marks: string[]) => void) | undefined
    await open({ recentValues: () => new Promise((resolve) => (tell = resolve)) })
    const [plain, waiting] = [await client(), await client()]
    await waiting.send(Buffer.concat([event('a'), event('b', 'one')]))
    await expect.poll(texts).toEqual(['a'])
    await plain.send(event('c'))
    await expect.poll(texts).toEqual(['a', 'c'])
    tell?.([])
    await expect.poll(() => waiting.acks()).toEqual(['one'])
    await server.close()
  })

  test.each<[string, ForwardServerOptions]>([
    ['for long', { limits: { recallMs: 1 }, recentValues: () => new Promise(() => undefined) }],
    ['where they cannot be learned', { recentValues: () => Promise.reject(new Error('no')) }],
  ])('do not hold up anybody %s', async (_what, options) => {
    await open(options)
    const sender = await client()
    await sender.send(event('a', 'one'))
    await expect.poll(() => sender.acks()).toEqual(['one'])
  })
})

const fortyEvents = (name: string): Buffer =>
  bytes(['app', Array.from({ length: 40 }, (_, i) => [1, { message: `${name} ${i}`.padEnd(100) }]), { chunk: name }])

test('a chunk of some size is in one batch, however full the present one is', async () => {
  await open({ limits: { batchBytes: 10_000, turnBytes: 100 } })
  const sender = await client()
  await sender.send(Buffer.concat(Array.from({ length: 50 }, (_, i) => fortyEvents(`chunk ${i}`))))
  await expect.poll(() => sender.acks()).toHaveLength(50)
  const marks = server.sink.events().filter(({ attributes }) => attributes.has('forward.chunk'))
  expect(marks).toHaveLength(50)
})
