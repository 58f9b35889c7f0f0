import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { BatchPool } from '../core/batch-pool.ts'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { OPEN_PRINCIPAL } from '../core/principal.ts'
import { openLive } from '../live/live.ts'
import { ANY_ADDRESS } from '../access/addresses.ts'
import { AUDIT_AGENTS, AuditAgents } from '../sources/forward/agents.ts'
import type { LogdKey } from '../sources/logd/settings.ts'
import { MemorySink } from '../sources/testing/memory-sink.ts'
import { createClosing, type Closing } from './closing.ts'
import { loadConfig } from './config.ts'
import { sourceLimits } from './limits.ts'
import { openListeners, planListeners } from './listeners.ts'
import { planSyslog } from './syslog.ts'

const SECRETS = { LOGD_READ_SECRET: 'r', LOGD_WRITE_SECRET: 'w' }

let closing: Closing = createClosing()
afterEach(async () => {
  await closing.run()
  closing = createClosing()
})

interface Outcome {
  listeners: Record<string, string>
  said: string[]
}

async function openWith(
  env: Record<string, string>,
  hasAny = false,
  keyOf: (id: string) => LogdKey | undefined = () => undefined,
): Promise<Outcome> {
  const said: string[] = []
  const say = (level: string) => (_fields: object, text: string) => void said.push(`${level}: ${text}`)
  const logger: Logger = { ...SILENT_LOGGER, debug: say('debug'), warn: say('warn') }
  const config = loadConfig({ cwd: '/', env: { TAILRACE_DATA: '/nowhere', TAILRACE_FORWARD: 'off', ...env } })
  const sink = new MemorySink()
  const context = {
    sinkFor: () => sink,
    batches: new BatchPool({ bytesMax: 0 }),
    counters: new Counters(),
    logger,
    clock: () => 1n,
    hostname: 'h',
    limits: sourceLimits(config),
    recentValues: () => Promise.resolve([]),
    reading: openLive({ startNs: 1n }),
  }
  const keys = { keyOf, hasAny, isOpen: !hasAny }
  const forward = {
    openPrincipal: () => OPEN_PRINCIPAL,
    keyOf: () => undefined,
    agents: new AuditAgents({ clock: () => 0, ...AUDIT_AGENTS }),
  }
  const plan = planListeners(config, keys, logger)
  return { listeners: await openListeners(config, plan, { context, logger, closing, forward }), said }
}

/** A port of this machine that somebody else listens on. */
async function takenPort(port = 0): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, '127.0.0.1', resolve)
  })
  closing.add(() => new Promise((resolve) => void socket.close(resolve)))
  return socket.address().port
}

test('it listens where it is told', async () => {
  const { listeners, said } = await openWith({ ...SECRETS, TAILRACE_LOGD: 'udp://127.0.0.1:0' })
  expect(listeners['logd']).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(said).toEqual([])
})

test.each<[string, Record<string, string>]>([
  ['only a read secret', { LOGD_READ_SECRET: 'r' }],
  ['only a write secret', { LOGD_WRITE_SECRET: 'w' }],
  ['no secret, insecurely', { TAILRACE_LOGD_INSECURE: 'true' }],
])('with %s', async (_what, env) => {
  const { listeners } = await openWith({ ...env, TAILRACE_LOGD: 'udp://127.0.0.1:0' })
  expect(Object.keys(listeners)).toEqual(['logd'])
})

test('off is off', async () => {
  expect(await openWith({ ...SECRETS, TAILRACE_LOGD: 'off' })).toEqual({ listeners: {}, said: [] })
})

test('without any secret: the default says so quietly, what was asked for is a mistake', async () => {
  const { listeners, said } = await openWith({})
  expect(listeners).toEqual({})
  expect(said).toEqual(['debug: No logd listener: there is neither a secret nor a key'])
  await expect(openWith({ TAILRACE_LOGD: 'udp://127.0.0.1:0' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    hint: expect.stringContaining('LOGD_WRITE_SECRET') as string,
  })
  expect(Object.keys((await openWith({ TAILRACE_LOGD: 'udp://127.0.0.1:0' }, true)).listeners)).toEqual(['logd'])
})

test('a port that is taken: the default is left out with a warning, what was asked for is an error', async () => {
  const port = await takenPort()
  await expect(openWith({ ...SECRETS, TAILRACE_LOGD: `udp://127.0.0.1:${port}` })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
  })
  // Somebody may really listen there already.
  await takenPort(6102).catch(() => undefined)
  const { listeners, said } = await openWith(SECRETS)
  expect(listeners).toEqual({})
  const why = 'udp 127.0.0.1:6102: it is taken by another process'
  expect(said).toEqual([`warn: The default logd listener is left out: ${why}`])
})

test('open to everybody on an address that others can reach is said', async () => {
  const { said } = await openWith({ TAILRACE_LOGD: 'udp://0.0.0.0:0', TAILRACE_LOGD_INSECURE: 'true' })
  expect(said).toEqual(['warn: logdInsecure: everybody who can reach the address may use what has no secret'])
})

function forward(text: string, more: Record<string, string> = {}): Record<string, string> {
  return { TAILRACE_LOGD: 'off', TAILRACE_FORWARD: text, ...more }
}

describe('forward', () => {
  test('listens on each of its addresses', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-listeners-'))
    closing.add(() => rmSync(folder, { recursive: true, force: true }))
    const { listeners } = await openWith(forward(`tcp://127.0.0.1:0, unix://${folder}/f.sock`))
    expect(listeners).toEqual({
      forward: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      'forward-2': `unix://${folder}/f.sock`,
    })
  })

  test.each<[string, Record<string, string>, string]>([
    ['TLS that is off', forward('tls://127.0.0.1:0'), 'TLS is off'],
    ['an address for others without key', forward('tcp://0.0.0.0:0'), 'neither a shared key nor a key'],
  ])('%s is a mistake', async (_what, env, detail) => {
    await expect(openWith(env)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(detail) as string,
    })
  })

  test.each<[string, Record<string, string>, boolean]>([
    ['a shared key', { TAILRACE_FORWARD_SHARED_KEY: 's' }, false],
    ['a key', {}, true],
    ['the wish to be open', { TAILRACE_FORWARD_INSECURE: 'true' }, false],
  ])('an address for others with %s is none', async (_what, env, hasAny) => {
    expect(Object.keys((await openWith(forward('tcp://0.0.0.0:0', env), hasAny)).listeners)).toEqual(['forward'])
  })

  test('a port that is taken is an error where it was asked for', async () => {
    const { listeners } = await openWith(forward('tcp://127.0.0.1:0'))
    await expect(openWith(forward(`tcp://${listeners['forward']}`))).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  })
})

const syslog = (text: string, more: Record<string, string> = {}): Record<string, string> => ({
  TAILRACE_LOGD: 'off',
  TAILRACE_SYSLOG: text,
  ...more,
})
const keyNamed = (role: 'read' | 'write', allows: LogdKey['allows']) => (id: string) =>
  id === 'k1' && allows ? { key: Buffer.alloc(0), principal: { ...OPEN_PRINCIPAL, role }, allows } : undefined

const plan = (env: Record<string, string>, allows: LogdKey['allows']) => {
  const config = loadConfig({ cwd: '/', env: { TAILRACE_DATA: '/nowhere', ...syslog('udp://127.0.0.1:0', env) } })
  return planSyslog(config, { keyOf: keyNamed('write', allows) })[0] ?? expect.unreachable()
}

describe('syslog', () => {
  test('is off', async () => {
    expect((await openWith({ TAILRACE_LOGD: 'off' })).listeners).toEqual({})
  })

  test('listens on each of its addresses', async () => {
    const { listeners } = await openWith(syslog('udp://127.0.0.1:0, tcp://127.0.0.1:0'))
    expect(listeners).toEqual({
      syslog: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      'syslog-2': expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    })
  })

  test.each<[string, Record<string, string>, string]>([
    ['no address', syslog('udp:514'), 'is neither off nor addresses'],
    ['no range', syslog('udp://127.0.0.1:0', { TAILRACE_SYSLOG_ALLOW: '10.0.0.0/99' }), 'is neither * nor addresses'],
    ['no zone', syslog('udp://127.0.0.1:0', { TAILRACE_SYSLOG_TIME_ZONE: 'Moon' }), 'is no time zone'],
    ['TLS that is off', syslog('tls://127.0.0.1:0'), 'TLS is off'],
    ['an address for others', syslog('udp://0.0.0.0:0'), 'not said who of them may send'],
    ['no such key', syslog('udp://127.0.0.1:0', { TAILRACE_SYSLOG_KEY: 'k2' }), 'no such key'],
    [
      'an address for others with a key from anywhere',
      syslog('udp://0.0.0.0:0', { TAILRACE_SYSLOG_KEY: 'k1' }),
      'not said who of them may send',
    ],
  ])('%s is a mistake', async (_what, env, detail) => {
    await expect(openWith(env, true, keyNamed('write', ANY_ADDRESS))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(detail) as string,
    })
  })

  test('a key that may not write is a mistake', async () => {
    const env = syslog('udp://127.0.0.1:0', { TAILRACE_SYSLOG_KEY: 'k1' })
    await expect(openWith(env, true, keyNamed('read', ANY_ADDRESS))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test.each<[string, Record<string, string>]>([
    ['ranges', { TAILRACE_SYSLOG_ALLOW: '10.0.0.0/8, fd00::/8' }],
    ['the wish to be open', { TAILRACE_SYSLOG_ALLOW: '*' }],
    ['a key with ranges', { TAILRACE_SYSLOG_KEY: 'k1' }],
  ])('an address for others with %s is none', async (_what, env) => {
    const { listeners } = await openWith(
      syslog('udp://0.0.0.0:0', env),
      true,
      keyNamed('write', () => false),
    )
    expect(Object.keys(listeners)).toEqual(['syslog'])
  })

  test('who may send is what setting and key say together', () => {
    const senders = ['127.0.0.1', '10.1.1.1', '10.2.2.2']
    const allowed = (env: Record<string, string>, allows: LogdKey['allows']): string[] =>
      senders.filter((sender) => plan(env, allows).allows(sender))
    expect(allowed({}, undefined)).toEqual(['127.0.0.1'])
    expect(allowed({ TAILRACE_SYSLOG_ALLOW: '10.0.0.0/8' }, undefined)).toEqual(['10.1.1.1', '10.2.2.2'])
    const key = { TAILRACE_SYSLOG_KEY: 'k1' }
    expect(allowed(key, (sender) => sender !== '127.0.0.1')).toEqual(['10.1.1.1', '10.2.2.2'])
    expect(allowed({ ...key, TAILRACE_SYSLOG_ALLOW: '*' }, (sender) => sender === '10.1.1.1')).toEqual(['10.1.1.1'])
  })
})
