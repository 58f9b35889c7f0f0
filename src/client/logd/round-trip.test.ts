/** Our client against our server, over real sockets. */
import { createSocket } from 'node:dgram'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  openLogdServer,
  READ_SECRET,
  WRITE_SECRET,
  type LogdServerOptions,
  type LogdTestServer,
} from '../../sources/logd/testing/logd-server.ts'
import type { LogdMessage, LogdQuery } from '../../wire/logd/message.ts'
import type { PacketLayout } from '../../wire/logd/packet.ts'
import { createLogger, type Logger, type LoggerOptions } from './logger.ts'
import { LogdSilence, query, type LogdQueryOptions } from './query.ts'
import { tail, type LogdTailItem, type LogdTailOptions } from './tail.ts'

let server: LogdTestServer
let loggers: Logger[]
let stop: AbortController

beforeEach(async () => {
  loggers = []
  stop = new AbortController()
  server = await openLogdServer()
})
afterEach(async () => {
  vi.useRealTimers()
  stop.abort()
  await Promise.all(loggers.map((log) => log.close()))
  await server.close()
})

async function reopen(options: LogdServerOptions): Promise<void> {
  await server.close()
  server = await openLogdServer(options)
}

function logger(options: Partial<LoggerOptions> = {}): Logger {
  const log = createLogger({ port: server.port, secret: WRITE_SECRET, key: '/test/app', ...options })
  loggers.push(log)
  return log
}

async function find(asked: LogdQuery = {}, options: Partial<LogdQueryOptions> = {}): Promise<LogdMessage[]> {
  const found: LogdMessage[] = []
  for await (const message of query({ port: server.port, secret: READ_SECRET, query: asked, ...options })) {
    found.push(message)
  }
  return found
}

const textsOf = (messages: readonly LogdMessage[]) => messages.map(({ text }) => text)

/** Asks until there are that many. */
async function findCount(count: number, asked: LogdQuery = {}, layout?: PacketLayout): Promise<LogdMessage[]> {
  for (;;) {
    const found = await find(asked, { layout })
    if (found.length >= count) return found
  }
}

function watch(options: Partial<LogdTailOptions> = {}): AsyncGenerator<LogdTailItem, void> {
  return tail({ port: server.port, secret: READ_SECRET, pingMs: 20, signal: stop.signal, ...options })
}

async function next(items: AsyncGenerator<LogdTailItem, void>): Promise<string> {
  const { value } = await items.next()
  if (value?.kind === 'message') return value.message.text
  return value?.kind === 'notice' ? `${value.notice}${value.hasGap ? ' after a gap' : ''}` : String(value?.kind)
}

async function replay(bytes: Buffer): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.send(bytes, server.port, '127.0.0.1', () => resolve())
  })
  socket.close()
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

describe('what is logged can be watched and asked for', () => {
  test.each<PacketLayout>(['v1', 'v2', 'v3'])('signed as %s', async (layout) => {
    const items = watch({ layout })
    expect(await next(items)).toBe('watching')
    const log = logger({ layout })
    log.info('first %d', 1)
    log.error(new Error('second'), 'with a stack', { ignored: true })
    log.child('http').warn('third', { method: 'PUT', url: '/a?b=c', status: 503, user: 'ann' })
    expect([await next(items), await next(items), await next(items)]).toEqual([
      'first 1',
      'with a stack { ignored: true }: Error: second',
      'third {"user":"ann"}',
    ])
    const [third, second, first] = await findCount(3, {}, layout)
    expect(first).toMatchObject({ level: 'info', text: 'first 1', key: '/test/app' })
    expect(second).toMatchObject({
      level: 'error',
      stackTrace: expect.stringMatching(/^Error: second\n {4}at /) as string,
    })
    expect(third).toEqual({
      timeNs: expect.any(BigInt) as bigint,
      level: 'warn',
      text: 'third {"user":"ann"}',
      key: '/test/app/http',
      httpMethod: 'PUT',
      url: '/a?b=c',
      responseStatus: 503,
    })
    expect(third?.timeNs).toBeGreaterThan(first?.timeNs ?? 0n)
  })

  test('however long: in parts that are found in order', async () => {
    logger().info('x'.repeat(5000))
    const parts = await findCount(4)
    expect(textsOf(parts.toReversed()).map((text) => text.slice(0, 6))).toEqual([
      '[1/4] ',
      '[2/4] ',
      '[3/4] ',
      '[4/4] ',
    ])
    expect(
      textsOf(parts.toReversed())
        .map((text) => text.slice(6))
        .join(''),
    ).toBe('x'.repeat(5000))
  })

  test('however much: nothing is dropped, nothing is taken for a replay', async () => {
    const log = logger()
    for (let i = 0; i < 2000; i++) log.info('the same')
    expect(await findCount(2000)).toHaveLength(2000)
    expect(server.counters.total('logd_dropped_total', {})).toBe(0)
    expect(log.stats()).toMatchObject({ messages: 2000, sent: 2000 })
  })

  test.each<[string, LogdQuery, string[]]>([
    ['all, newest first', {}, ['e', 'd', 'c', 'b', 'a']],
    ['the newest', { limit: 2 }, ['e', 'd']],
    ['those before', { limit: 2, offset: 1 }, ['d', 'c']],
    ['one level', { level: 'warn' }, ['d', 'b']],
    ['one level, and then the first of them', { level: 'warn', limit: 1 }, ['d']],
    ['one level, and then all but the first', { level: 'warn', offset: 1 }, ['b']],
    ['a key', { keyPrefix: '/test/app/http' }, ['e']],
    ['a text in any case', { text: 'C' }, ['c']],
    ['a method', { httpMethod: 'GET' }, ['b']],
    ['a URL', { url: '/x' }, ['b']],
    ['a status', { responseStatus: 404 }, ['b']],
    ['none', { keyPrefix: '/other' }, []],
  ])('%s', async (_what, asked, texts) => {
    const log = logger()
    log.info('a')
    log.warn('b', { method: 'GET', url: '/x/y', status: 404 })
    log.info('c')
    log.warn('d')
    log.child('http').error('e')
    await findCount(5)
    expect(textsOf(await find(asked))).toEqual(texts)
  })

  test('between two times, both included', async () => {
    const log = logger()
    for (const text of ['a', 'b', 'c', 'd']) log.info(text)
    const [, c, b] = await findCount(4)
    expect(textsOf(await find({ startNs: b?.timeNs ?? 0n, endNs: c?.timeNs ?? 0n }))).toEqual(['c', 'b'])
  })
})

describe('recorded packets', () => {
  /** Each is WRITE of `some log message` under /your/app/x, signed with `testsecret` at 1700000000.123456789. */
  const PAYLOAD = '122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78'
  const RECORDED: Readonly<Record<PacketLayout, string>> = {
    v1: `7645ae244575e123c63ebd45833b0276c00a40b9c9f6629410ff310b1bf88d8d17979cfe3d85cd15${PAYLOAD}`,
    v2: `81a056f3d42b8e5fa5e7b27bbecd07cbb356e4c26796810f09b0b71783cb3ff6010000000edce5e800075bcd15ffff${PAYLOAD}`,
    v3:
      '54726c6f6764000305777269746517979cfe3d85cd1500000007' +
      `b3f1e3fa7ec4c376804f06898c3e3aab61ec50c4f1de92a46f2262a5f9b21ec6${PAYLOAD}`,
  }

  test.each<PacketLayout>(['v1', 'v2', 'v3'])('of %s are taken once, at their time, and unchanged', async (layout) => {
    const startMs = 1_700_000_000_000
    // A server takes nothing from before its start.
    vi.useFakeTimers({ toFake: ['Date'], now: startMs })
    await reopen({ writeSecret: 'testsecret' })
    server.clock.nowMs = () => startMs + 124
    const packet = Buffer.from(RECORDED[layout], 'hex')
    await replay(packet)
    await until(() => server.sink.events().length === 1)
    expect(server.sink.events()[0]).toMatchObject({ message: 'some log message', service: '/your/app/x' })
    await replay(packet)
    await until(() => server.dropped('replay') === 1)
    const changed = Buffer.from(packet)
    changed[changed.length - 1] = 0x79
    await replay(changed)
    await until(() => server.dropped('signature') === 1)
    server.clock.nowMs = () => startMs + 120_000
    await replay(packet)
    await until(() => server.dropped('stale') === 1)
    expect(server.sink.events()).toHaveLength(1)
  })
})

describe('a server that does not do what is wished', () => {
  test('is silent to a wrong secret', async () => {
    await expect(find({}, { secret: 'wrong', silenceMs: 50 })).rejects.toBeInstanceOf(LogdSilence)
    await expect(find({}, { secret: WRITE_SECRET, silenceMs: 50 })).rejects.toBeInstanceOf(LogdSilence)
    expect(server.dropped('signature')).toBe(4)
  })

  test('goes away and comes back: writer and watcher go on', async () => {
    const log = logger()
    const items = watch()
    expect(await next(items)).toBe('watching')
    const { port } = server
    await server.close()
    const notices = [await next(items)]
    while (notices.at(-1) !== 'unanswered after a gap') notices.push(await next(items))
    while (log.stats().refused === 0) {
      log.info('nobody hears this')
      await log.flush()
    }
    server = await openLogdServer({ port })
    expect(await next(items)).toBe('watching after a gap')
    log.info('again')
    expect(await next(items)).toBe('again')
  })

  test('kicks who does not ping, who then asks again', async () => {
    await reopen({ limits: { pingMsMax: 50, sweepMs: 20 } })
    const items = watch({ pingMs: 200 })
    expect([await next(items), await next(items), await next(items)]).toEqual([
      'watching',
      'kicked after a gap',
      'watching after a gap',
    ])
  })

  test('and is not kicked when it pings', async () => {
    await reopen({ limits: { pingMsMax: 200, sweepMs: 20 } })
    const items = watch({ pingMs: 20 })
    expect(await next(items)).toBe('watching')
    const untilMs = performance.now() + 600
    const log = logger()
    while (performance.now() < untilMs) {
      log.info('here')
      expect(await next(items)).toBe('here')
    }
    expect(server.counters.total('logd_kicks_total', {})).toBe(0)
  })
})
