import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatKey } from '../../core/signing.ts'
import { createLogger, type Logger, type LoggerOptions } from './logger.ts'
import { SECRET, startTinyLogd, type TinyLogd } from './testing/tiny-logd.ts'

let server: TinyLogd
let open: Logger[]

beforeEach(async () => {
  server = await startTinyLogd()
  open = []
})
afterEach(async () => {
  await Promise.all(open.map((logger) => logger.close()))
  await server.close().catch(() => undefined)
})

function logger(options: Partial<LoggerOptions> = {}): Logger {
  const created = createLogger({ port: server.port, secret: SECRET, key: '/test/app', ...options })
  open.push(created)
  return created
}

const messages = async (count: number) => (await server.wait(count)).map(({ command }) => command.message)

describe('what is logged arrives', () => {
  test('with level, key, time and text, in order', async () => {
    const log = logger()
    const fromNs = BigInt(Date.now() - 10) * 1_000_000n
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]('%s %d', level, 7)
    const arrived = await messages(6)
    expect(arrived.map((message) => [message?.level, message?.text, message?.key])).toEqual(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, `${level} 7`, '/test/app']),
    )
    const times = arrived.map((message) => message?.timeNs ?? 0n)
    expect(times).toEqual(times.toSorted((a, b) => Number(a - b)))
    expect(times[0]).toBeGreaterThan(fromNs)
    await log.flush()
    expect(log.stats()).toMatchObject({ messages: 6, sent: 6, queued: 0, refused: 0 })
  })

  const key = formatKey({ id: 'abcdefghijkl', secret: Buffer.alloc(32, 7) })
  test.each<Partial<LoggerOptions>>([{}, { layout: 'v1' }, { layout: 'v2' }, { keyId: 'k1' }, { secret: key }])(
    'signed as %o',
    async (options) => {
      await server.close()
      server = await startTinyLogd(0, { secret: SECRET, ...options })
      logger(options).info('hello')
      expect((await messages(1))[0]?.text).toBe('hello')
    },
  )

  test('from a child under a longer key', async () => {
    const log = logger()
    log.child('/http').child('in').info('a')
    log.child(7).info('b')
    expect((await messages(2)).map((message) => message?.key)).toEqual(['/test/app/http/in', '/test/app/7'])
    expect(log.stats().messages).toBe(2)
  })

  test('unless it is below the level', async () => {
    const log = logger({ level: 'warn' })
    log.info('no')
    log.warn('yes')
    await messages(1)
    expect(log.stats().messages).toBe(1)
  })

  test('said twice, as two packets that no server takes for one', async () => {
    const log = logger()
    for (let i = 0; i < 100; i++) log.info('same')
    const arrived = await server.wait(100)
    expect(new Set(arrived.map(({ bytes }) => bytes.toString('hex'))).size).toBe(100)
    expect(new Set(arrived.map(({ timeNs }) => timeNs)).size).toBe(100)
  })

  test('in parts when it is long, with everything of an error', async () => {
    const log = logger()
    log.error(new Error('x'.repeat(3000)))
    const [first] = await messages(1)
    const count = Number(/^\[1\/(\d+)\] Error: xxx/.exec(first?.text ?? '')?.[1])
    const parts = await messages(count)
    expect(parts.map((part) => part?.stackTrace ?? '').join('')).toContain(`Error: ${'x'.repeat(3000)}\n    at `)
    expect((await server.wait(count)).every(({ bytes }) => bytes.length <= 1400)).toBe(true)
    expect(log.stats()).toMatchObject({ messages: 1, split: 1 })
  })

  test('signed when it leaves, not when it was written', async () => {
    const log = logger({ host: 'localhost' })
    log.info('waits for the name')
    const writtenNs = BigInt(Date.now()) * 1_000_000n
    const end = performance.now() + 30
    while (performance.now() < end);
    const [arrived] = await server.wait(1)
    expect((arrived?.timeNs ?? 0n) - writtenNs).toBeGreaterThan(20_000_000n)
  })
})

describe('the caller is never disturbed', () => {
  const hostile = {
    get boom() {
      throw new Error('getter')
    },
  }
  test.each<[string, unknown[]]>([
    ['a getter that throws', [hostile]],
    [
      'a toString that throws',
      [
        '%s',
        {
          toString: () => {
            throw hostile
          },
        },
      ],
    ],
    ['a revoked proxy', [revoked()]],
    ['a symbol', [Symbol('a')]],
    ['an error whose stack is no text', [Object.assign(new Error('e'), { stack: 5 })]],
    ['an error without a name', [Object.assign(new Error('e'), { name: undefined, message: undefined })]],
    ['nothing', []],
  ])('by %s: something arrives', async (_what, args) => {
    logger().info(...args)
    expect(await messages(1)).toHaveLength(1)
  })

  test('by what is no message', () => {
    const log = logger()
    log.write('info', { text: 5 } as never)
    log.write('info', undefined as never)
    log.write('info', { text: 'a', timeNs: 'now' } as never)
    expect(log.stats().dropped.invalid).toBe(3)
  })

  test('by a server that is away: it is counted, and what is said after its return arrives', async () => {
    const log = logger()
    const { port } = server
    log.info('one')
    await server.wait(1)
    await server.close()
    while (log.stats().refused === 0) {
      log.info('nobody hears this')
      // The kernel tells of the first when it is to take the second, which is sent again.
      log.info('nor this')
      await log.flush()
    }
    server = await startTinyLogd(port)
    log.info('again')
    expect((await messages(1))[0]?.text).toBe('again')
    expect(log.stats().dropped.failed).toBe(0)
  })

  test('by a host that does not exist: what has no room is counted', () => {
    const log = logger({ host: 'no-such-host.invalid', queueBytesMax: 1000 })
    for (let i = 0; i < 20; i++) log.info('x'.repeat(100))
    const { queued, dropped } = log.stats()
    expect(queued).toBeGreaterThan(0)
    expect(queued).toBeLessThan(10)
    expect(dropped.queueFull).toBe(20 - queued)
    open = []
    void log.close()
  })

  test('by a key that grows too long', () => {
    const log = logger()
    log.child('k'.repeat(1010)).info('fits')
    log.child('k'.repeat(1020)).info('not')
    expect(log.stats()).toMatchObject({ messages: 2, queued: 1, dropped: { tooLarge: 1 } })
  })

  test('by a closed logger', async () => {
    const log = logger()
    await log.close()
    log.info('late')
    await log.close()
    await log.flush()
    expect(log.stats().dropped.closed).toBe(1)
  })
})

test('what is beyond the rate is counted, and the next message that may go tells of it', async () => {
  const log = logger({ rateLimit: { perSecond: 50, burst: 2 } })
  for (let i = 0; i < 10; i++) log.info(`first ${i}`)
  expect(log.stats().dropped.rateLimit).toBe(8)
  await server.wait(2)
  while (server.received.length < 4) {
    log.info('later')
    await log.flush()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const texts = server.received.map(({ command }) => command.message?.text)
  expect(texts.slice(0, 2)).toEqual(['first 0', 'first 1'])
  expect(texts[2]).toMatch(/^\d+ messages before this one were not sent$/)
  expect(texts[3]).toBe('later')
  expect(server.received[2]?.command.message?.level).toBe('warn')
})

describe('options that cannot be', () => {
  test.each<[string, Partial<LoggerOptions>]>([
    ['a key without slash', { key: 'test' }],
    ['no key', { key: '/' }],
    ['a key that is too long', { key: `/${'ä'.repeat(512)}` }],
    ['no secret', { secret: '' }],
    ['a port', { port: 70_000 }],
    ['a level', { level: 'loud' as never }],
    ['a rate', { rateLimit: { perSecond: 0 } }],
    ['a packet size', { packetBytesMax: 100 }],
  ])('%s', (_what, options) => expect(() => logger(options)).toThrow(TypeError))
})

describe('at the end of the process', () => {
  const door = fileURLToPath(new URL('logger.ts', import.meta.url))

  test.each([
    ['when nothing is left to do', ''],
    ['by process.exit', 'process.exit(3)'],
    ['by an exception', 'throw new Error("end")'],
  ])('%s: everything queued leaves, and nothing keeps it alive', async (_how, ending) => {
    const program = `
      const { createLogger } = await import(${JSON.stringify(door)})
      const log = createLogger({ port: ${server.port}, secret: '${SECRET}', key: '/test/app', stdout: true })
      for (let i = 0; i < 200; i++) log.info('number %d', i)
      ${ending}`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [shown] = await Promise.all([textOf(child.stdout), once(child, 'exit')])
    const arrived = await messages(200)
    expect(arrived.map((message) => message?.text)).toEqual(Array.from({ length: 200 }, (_, i) => `number ${i}`))
    expect(shown.split('\n').filter((line) => / INFO  \/test\/app number \d+$/.test(line))).toHaveLength(200)
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
