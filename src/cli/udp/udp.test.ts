/** `tail --udp` and `query --udp` against a logd of a few lines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SECRET, startTinyLogd, type TinyLogd } from '../../client/logd/testing/tiny-logd.ts'
import type { LogdMessage } from '../../wire/logd/message.ts'
import { canonicalArguments } from '../arguments.ts'
import { CommandFailure, EXIT_OK, UsageError } from '../command.ts'
import { command as queryCommand } from '../commands/query.ts'
import { command as tailCommand } from '../commands/tail.ts'
import { memoryTerminal, type MemoryTerminal } from '../testing/memory-terminal.ts'
import { udpAddress } from './remote.ts'

let server: TinyLogd
let terminal: MemoryTerminal
let folder: string

const newest: Partial<LogdMessage> = {
  timeNs: 1_700_000_001_000_000_000n,
  level: 'warn',
  text: 'newest \u001b[2J',
  key: '/shop/web',
  url: '/a',
  httpMethod: 'GET',
  responseStatus: 500,
  stackTrace: 'Error: x',
}
const older: Partial<LogdMessage> = {
  timeNs: 1_700_000_000_000_000_000n,
  level: 'info',
  text: 'older',
  key: '/shop/web',
}

beforeEach(async () => {
  server = await startTinyLogd()
  folder = mkdtempSync(join(tmpdir(), 'tailrace-udp-'))
  terminal = memoryTerminal({ env: { LOGD_READ_SECRET: SECRET }, cwd: folder })
  server.answer = ({ command, from }) => {
    if (command.name === 'ping') return
    if (command.name === 'tail') server.tailing(from)
    server.say(newest, from)
    server.say(older, from)
    if (command.name === 'query') server.end(from)
  }
})
afterEach(async () => {
  terminal.interrupt()
  rmSync(folder, { recursive: true })
  await server.close()
})

async function run(command: typeof queryCommand, ...args: string[]): Promise<number> {
  const udp = ['--udp', `127.0.0.1:${server.port}`]
  return command.run(canonicalArguments([...args, ...udp], await command.flags()), terminal)
}

describe('query --udp', () => {
  test('shows the newest last, for people', async () => {
    expect(await run(queryCommand, 'service:/shop/*', '--utc', '--wide')).toBe(EXIT_OK)
    const [first, second] = terminal.outText().split('\n')
    expect(first).toMatch(/^2023-11-14.*info +\/shop\/web older$/)
    expect(second).toMatch(/warn.*newest .*http\.request\.method=GET.*exception\.stacktrace="Error: x"/)
    expect(second).not.toContain('\u001b')
    expect(terminal.errText()).toMatch(/^2 events in the memory of 127\.0\.0\.1:\d+\n$/)
    expect(server.received[0]?.command).toEqual({ name: 'query', query: { keyPrefix: '/shop/', limit: 100 } })
  })

  test('newest first, for programs', async () => {
    expect(await run(queryCommand, '--format', 'ndjson')).toBe(EXIT_OK)
    const lines = terminal.outText().trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        timestamp: '2023-11-14T22:13:21.000Z',
        level: 'warn',
        service: '/shop/web',
        message: 'newest \u001b[2J',
        attributes: {
          'http.request.method': 'GET',
          'url.full': '/a',
          'http.response.status_code': '500',
          'exception.stacktrace': 'Error: x',
        },
      },
      { timestamp: '2023-11-14T22:13:20.000Z', level: 'info', service: '/shop/web', message: 'older', attributes: {} },
    ])
  })

  test('as one document', async () => {
    await run(queryCommand, '--format', 'json')
    expect(JSON.parse(terminal.outText())).toMatchObject({ events: [{ level: 'warn' }, { level: 'info' }] })
  })

  test('hands on limits and times', async () => {
    await run(queryCommand, '-n', '7', '--since', '2026-01-05T00:00:00Z', '--until', '2026-01-06T00:00:00Z')
    expect(server.received[0]?.command.query).toEqual({
      limit: 7,
      startNs: BigInt(Date.parse('2026-01-05T00:00:00Z')) * 1_000_000n,
      endNs: BigInt(Date.parse('2026-01-06T00:00:00Z')) * 1_000_000n - 1n,
    })
  })

  test('fails when the answer has no end, after showing what came', async () => {
    server.answer = ({ from }) => server.say(older, from)
    const failed = run(queryCommand)
    await expect(failed).rejects.toBeInstanceOf(CommandFailure)
    await expect(failed).rejects.toThrow(/broke off after 1 messages/)
    expect(terminal.outText()).toContain('older')
  })

  test('passes on what the server says, escaped', async () => {
    server.answer = ({ from }) => {
      server.say({ key: '//logd', text: '3 messages were overwritten \u001b[2J' }, from)
      server.end(from)
    }
    await run(queryCommand)
    expect(terminal.errText()).toMatch(/^3 messages were overwritten \S+\n0 events/)
    expect(terminal.errText()).not.toContain('\u001b')
  })
})

describe('tail --udp', () => {
  test('shows what comes until it is interrupted', async () => {
    const ended = run(tailCommand, '--format', 'json', 'level:>=info')
    const [asked] = await server.wait(1)
    while (terminal.outText().split('\n').length < 3) await new Promise((resolve) => setImmediate(resolve))
    terminal.interrupt()
    expect(await ended).toBe(EXIT_OK)
    expect(terminal.outText()).toMatch(/"message":"newest[^\n]*\n.*"message":"older"/)
    expect(asked?.command).toEqual({ name: 'tail', query: { level: 'info' } })
  })

  test('says what may be missing', async () => {
    server.answer = ({ command, from }) => {
      if (command.name !== 'tail') return
      server.say({ key: '//logd', text: '5 messages skipped' }, from)
      server.kick(from)
    }
    const ended = run(tailCommand)
    while (!terminal.errText().includes('stopped')) await new Promise((resolve) => setImmediate(resolve))
    terminal.interrupt()
    expect(await ended).toBe(EXIT_OK)
    expect(terminal.errText()).toContain('5 events skipped')
  })
})

describe('the read secret', () => {
  test('is in a file', async () => {
    terminal = memoryTerminal({ cwd: folder })
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`)
    expect(await run(queryCommand, '--secret-file', 'secret', '--layout', 'v1')).toBe(EXIT_OK)
    expect(server.received).toHaveLength(1)
  })

  test('is missing, empty or cannot be read', async () => {
    terminal = memoryTerminal({ cwd: folder })
    await expect(run(queryCommand)).rejects.toThrow(/secret is needed/)
    writeFileSync(join(folder, 'secret'), '\n')
    await expect(run(tailCommand, '--secret-file', 'secret')).rejects.toThrow(/is empty/)
    await expect(run(tailCommand, '--secret-file', 'nowhere')).rejects.toBeInstanceOf(CommandFailure)
  })
})

describe('wrong use', () => {
  test.each<[typeof queryCommand, string[], RegExp]>([
    [queryCommand, ['--order', 'asc'], /--order asc/],
    [queryCommand, ['--format', 'csv'], /--format csv/],
    [queryCommand, ['--url', 'http://x'], /--url is for HTTP/],
    [queryCommand, ['a OR b'], /OR nor NOT/],
    [tailCommand, ['--backlog', '5'], /--backlog/],
    [tailCommand, ['--key', 'x'], /--key is for HTTP/],
    [tailCommand, ['level:warn'], /lowest level/],
  ])('%o %o', async (command, args, says) => {
    const failed = run(command, ...args)
    await expect(failed).rejects.toBeInstanceOf(UsageError)
    await expect(failed).rejects.toThrow(says)
    expect(server.received).toEqual([])
  })

  test('flags of UDP without --udp', async () => {
    for (const command of [queryCommand, tailCommand]) {
      const args = canonicalArguments(['--layout', 'v1'], await command.flags())
      await expect(command.run(args, terminal)).rejects.toThrow(/--layout goes with --udp/)
    }
  })

  test.each(['', 'a b', ':6102', 'host:0', 'host:70000', 'http://host', '[::1', 'host:x'])('address %o', (text) => {
    expect(() => udpAddress(text)).toThrow(UsageError)
  })

  test.each([
    ['host', 'host', 6102],
    ['udp://host:7', 'host', 7],
    ['[::1]:7', '::1', 7],
    ['10.0.0.1', '10.0.0.1', 6102],
  ])('but %s is one', (text, host, port) => expect(udpAddress(text)).toEqual({ host, port }))
})

test('a host that does not exist', async () => {
  const args = canonicalArguments(['--udp', 'no-such-host.invalid'], await queryCommand.flags())
  await expect(queryCommand.run(args, terminal)).rejects.toThrow(/no-such-host\.invalid cannot be found/)
})
