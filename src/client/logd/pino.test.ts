import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { pino, type LoggerOptions } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogdMessage } from '../../wire/logd/message.ts'
import { pinoLogd, type PinoLogdOptions, type PinoLogdStream } from './pino.ts'
import { SECRET, startTinyLogd, type TinyLogd } from './testing/tiny-logd.ts'

let server: TinyLogd
let stream: PinoLogdStream

beforeEach(async () => void (server = await startTinyLogd()))
afterEach(async () => {
  stream.end()
  await finished(stream)
  await server.close()
})

function open(options: Partial<PinoLogdOptions> = {}): PinoLogdStream {
  stream = pinoLogd({ port: server.port, secret: SECRET, key: '/test/pino', ...options })
  return stream
}

function logger(options: LoggerOptions = {}, own: Partial<PinoLogdOptions> = {}) {
  return pino({ level: 'trace', ...options }, open(own))
}

const messages = async (count: number) => (await server.wait(count)).map(({ command }) => command.message)

describe('what the real pino logs', () => {
  test('bears its level and its time', async () => {
    const log = logger({ timestamp: () => ',"time":1700000000123' })
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](`at ${level}`)
    expect(await messages(6)).toEqual(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => ({
        level,
        text: `at ${level}`,
        key: '/test/pino',
        timeNs: 1_700_000_000_123_000_000n,
      })),
    )
  })

  const error = Object.assign(new RangeError('too far'), { code: 'E_FAR' })
  const stack = expect.stringMatching(/^RangeError: too far\n {4}at [\s\S]*\n\{"code":"E_FAR"\}$/) as unknown as string
  test.each<[string, (log: ReturnType<typeof logger>) => void, Partial<LogdMessage>]>([
    ['values', (log) => log.info('%s is %d', 'ann', 7), { text: 'ann is 7' }],
    [
      'fields, and those of a child',
      (log) => log.child({ id: 1 }).info({ a: 'b' }, 'x'),
      { text: 'x {"id":1,"a":"b"}' },
    ],
    ['a text with a percent sign', (log) => log.info({ a: 1 }, '100% s'), { text: '100% s {"a":1}' }],
    ['fields without text', (log) => log.info({ a: 1 }), { text: '{"a":1}' }],
    ['an error', (log) => log.error(error), { text: 'too far', stackTrace: stack }],
    [
      'an error with text',
      (log) => log.error(error, 'going'),
      { text: 'going: RangeError: too far', stackTrace: stack },
    ],
    ['an err that is none', (log) => log.error({ err: 'text' }, 'going'), { text: 'going {"err":"text"}' }],
    [
      'a request',
      (log) => log.info({ req: { method: 'GET', url: '/a' }, res: { statusCode: 404 }, responseTime: 3 }, 'done'),
      { text: 'done {"responseTime":3}', httpMethod: 'GET', url: '/a', responseStatus: 404 },
    ],
  ])('%s', async (_what, act, wanted) => {
    act(logger())
    expect((await messages(1))[0]).toMatchObject(wanted)
  })

  test('with levels as names, times as texts and other keys', async () => {
    const formatters = { level: (label: string) => ({ level: label }) }
    logger(
      { formatters, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message', errorKey: 'error' },
      { messageKey: 'message', errorKey: 'error' },
    ).warn({ error }, 'hello')
    const [message] = await messages(1)
    expect(message).toMatchObject({ level: 'warn', text: 'hello: RangeError: too far', stackTrace: stack })
    expect(Math.abs(Number((message?.timeNs ?? 0n) / 1_000_000n) - Date.now())).toBeLessThan(60_000)
  })

  test('with levels of its own', async () => {
    const log = pino({ customLevels: { notice: 35, insane: 5 }, level: 'insane' }, open())
    log.notice('a')
    log.insane('b')
    expect((await messages(2)).map((message) => message?.level)).toEqual(['info', 'trace'])
  })

  test('is told what is left out', async () => {
    logger({ base: { pid: 1, app: 'x' } }, { ignore: ['app'] }).info('a')
    expect((await messages(1))[0]?.text).toBe('a {"pid":1}')
  })

  test('is with the kernel when its flush says so', async () => {
    const log = logger()
    for (let i = 0; i < 500; i++) log.info('a')
    await new Promise<void>((resolve) => log.flush(() => resolve()))
    expect(stream.stats()).toMatchObject({ sent: 500, queued: 0 })
  })
})

describe('bytes that come as a worker gets them', () => {
  test('in pieces', async () => {
    const lines = Buffer.from('{"level":30,"msg":"grüße"}\n{"level":40,"msg":"two"}\n')
    open()
    stream.write(lines.toString().slice(0, 9))
    stream.write(lines.toString().slice(9, 40))
    stream.write(lines.toString().slice(40))
    expect((await messages(2)).map((message) => [message?.level, message?.text])).toEqual([
      ['info', 'grüße'],
      ['warn', 'two'],
    ])
  })

  test('that are not from pino, or without end', async () => {
    open({ packetBytesMax: 60_000 })
    stream.write('plain\n\n[1]\n')
    stream.write('last')
    stream.end()
    await once(stream, 'finish')
    expect((await messages(3)).map((message) => message?.text)).toEqual(['plain', '[1]', 'last'])
  })
})
