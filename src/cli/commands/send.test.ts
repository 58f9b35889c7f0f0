import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerJson, readBody, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { createRandom } from '../demo/random.ts'
import { memoryTerminal, type MemoryTerminalOptions } from '../testing/memory-terminal.ts'
import { canonicalArguments } from '../arguments.ts'
import { command } from './send.ts'

/** Takes lines as the server does, unless told to fail. */
let server: TinyServer
let taken: string[]
let parameters: Set<string>
let fail: (request: number) => 'busy' | 'cut before' | 'cut after' | 'refuse' | 'signature' | undefined
let requests: number
/** How far the server's clock is ahead, as its answers tell it. */
let clockAheadMs: number
/** Whether it says of refused signatures that another one may be taken. */
let isPassing: boolean

beforeEach(async () => {
  taken = []
  requests = 0
  clockAheadMs = 0
  isPassing = true
  parameters = new Set()
  fail = () => undefined
  server = await startTinyServer(async (request, response) => {
    if (request.url === '/healthz') return answerJson(response, { status: 'ok' })
    const failure = fail(requests++)
    if (failure === 'busy')
      return answerJson(response, { code: 'SPOOL_FULL', detail: 'full' }, 503, { 'retry-after': '0' })
    if (failure === 'refuse') return answerJson(response, { code: 'KEY_UNKNOWN', detail: 'no such key' }, 401)
    if (failure === 'signature') {
      const date = new Date(Date.now() + clockAheadMs).toUTCString()
      const later: Record<string, string> = isPassing ? { 'retry-after': '0' } : {}
      return answerJson(response, { code: 'SIGNATURE_REFUSED', detail: 'no' }, 401, { date, ...later })
    }
    if (failure === 'cut before') return void request.socket.destroy()
    parameters.add(request.url ?? '')
    const lines = (await readBody(request)).split('\n').slice(0, -1)
    if (failure === 'cut after') return void request.socket.destroy()
    const bad = lines.flatMap((line, index) => (line.includes('BAD') ? [{ line: index + 1, reason: 'bad' }] : []))
    const good = lines.filter((line) => !line.includes('BAD') && line !== '')
    if (good.length === 0) return answerJson(response, { code: 'NOTHING_ACCEPTED', problems: bad }, 400)
    taken.push(...good)
    answerJson(response, { accepted: good.length, rejected: bad.slice(0, 5), rejectedTotal: bad.length })
  })
})
afterEach(() => server.close())

async function send(stdin: MemoryTerminalOptions['stdin'], flags: string[] = [], columns?: number) {
  const terminal = memoryTerminal({
    ...(stdin ? { stdin } : {}),
    env: { TAILRACE_URL: server.url },
    ...(columns ? { columns } : {}),
  })
  const code = await command.run(canonicalArguments(flags, await command.flags()), terminal)
  return { code, err: terminal.errText(), out: terminal.outText() }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`)

test('what is read is sent, counted on standard error, nothing on standard output', async () => {
  const flags = ['--service', 'a b', '--host', 'h', '--level', 'warn', '--source', 's']
  expect(await send([Buffer.from('a\nb\n'), Buffer.from('c')], flags)).toEqual({
    code: 0,
    err: '3 events sent\n',
    out: '',
  })
  expect(taken).toEqual(['a', 'b', 'c'])
  expect([...parameters]).toEqual(['/api/v1/ingest?service=a+b&host=h&source=s&level=warn'])
})

test('a level that is none is wrong use, before anything is read', async () => {
  await expect(send([Buffer.from('a\n')], ['--level', 'wurst'])).rejects.toThrow('--level is a level, not "wurst"')
  expect(taken).toEqual([])
})

test('an empty input is fine', async () => {
  expect(await send([])).toMatchObject({ code: 0, err: '0 events sent\n' })
})

test('rejected lines are named by their number in the input', async () => {
  const lines = numbered(20_000).map((line, index) => (index % 6000 === 5999 ? `BAD ${'x'.repeat(300_000)}` : line))
  const { code, err } = await send([Buffer.from(lines.join('\n'))])
  expect(code).toBe(1)
  expect(err).toBe(['19,997 events sent, 3 rejected', ...[6, 12, 18].map((n) => `  line ${n},000: bad`), ''].join('\n'))
})

test('a batch of which nothing was accepted is rejected, not lost', async () => {
  const { code, err } = await send([Buffer.from('BAD 1\n\nBAD 2\n')])
  expect(code).toBe(1)
  expect(err).toBe('0 events sent, 2 rejected\n  line 1: bad\n  line 3: bad\n')
})

test('only the first reasons are named', async () => {
  const { err } = await send([Buffer.from(`ok\n${'BAD\n'.repeat(1000)}`)])
  expect(err).toMatch(/^1 event sent, 1,000 rejected\n(?: {2}line \d: bad\n){5} {2}and 995 more\n$/)
})

describe('a server that fails at random', () => {
  test('loses nothing and keeps the order', async () => {
    const random = createRandom(7)
    fail = (request) =>
      request > 0 && random.chance(0.3) ? random.pick(['busy', 'cut before', 'cut after']) : undefined
    const lines = numbered(60_000).map((line) => `${line} ${'x'.repeat(100)}`)
    const { code, err } = await send([Buffer.from(lines.join('\n'))], ['--retry', '1m'])
    expect(code).toBe(0)
    expect(taken).toEqual(lines)
    expect(err).toContain('60,000 events sent')
  })

  test('one that refuses ends it, and says from which line on', async () => {
    fail = (request) => (request >= 2 ? 'refuse' : undefined)
    const line = `${'x'.repeat(1023)}\n`
    async function* input() {
      for (let index = 0; index < 4; index++) yield Buffer.from(line.repeat(1024))
    }
    const { code, err } = await send(input())
    expect(code).toBe(1)
    expect(err).toBe('error no such key (KEY_UNKNOWN)\nNot sent: everything from line 2,049 on.\n2,048 events sent\n')
  })

  test('one that stays away is given up after a while', async () => {
    fail = () => 'cut before'
    const { code, err } = await send([Buffer.from('a\n')], ['--retry', '300ms'])
    expect(code).toBe(1)
    expect(err).toContain('does not take events (the connection was cut); trying again')
    expect(err).toContain('Not sent: everything from line 1 on.\n0 events sent\n')
  })
})

describe('signed', () => {
  const flags = ['--sign', '--key', `trk_abcdefghijkl_${Buffer.alloc(32).toString('base64url')}`]

  test('a batch whose signature came at a bad moment is signed anew', async () => {
    fail = (request) => (request < 2 ? 'signature' : undefined)
    expect(await send([Buffer.from('a\n')], flags)).toMatchObject({ code: 0 })
    expect(taken).toEqual(['a'])
    expect(requests).toBe(3)
  })

  test('one that is refused again and again is given up', async () => {
    fail = () => 'signature'
    const { code, err } = await send([Buffer.from('a\n')], flags)
    expect(code).toBe(1)
    expect(err).toContain('The clocks agree: the key may be wrong')
    expect(requests).toBe(5)
  })

  test('one that the server refuses for good is not tried again', async () => {
    fail = () => 'signature'
    isPassing = false
    const { code, err } = await send([Buffer.from('a\n')], flags)
    expect(code).toBe(1)
    expect(err).toContain('The clocks agree: the key may be wrong')
    expect(err).not.toContain('trying again')
    expect(requests).toBe(1)
  })

  test('a clock that is wrong is told at once, and how far', async () => {
    fail = () => 'signature'
    isPassing = false
    clockAheadMs = 3_600_000
    const { code, err } = await send([Buffer.from('a\n')], flags)
    expect(code).toBe(1)
    expect(err).toMatch(/SIGNATURE_REFUSED[^]*The server's clock is (?:1h|59m\d+s|1h\d+s) ahead of this machine's/)
    expect(requests).toBe(1)
  })
})

test('no server at the start is one sentence and what to do, without reading anything', async () => {
  await server.close()
  let isRead = false
  async function* input() {
    isRead = true
    yield Buffer.from('a\n')
  }
  await expect(send(input())).rejects.toMatchObject({ name: 'ServerAway', reason: 'connection refused' })
  expect(isRead).toBe(false)
})

test.each([
  ['--retry', 'soon', '--retry is a duration'],
  ['--url', 'ftp://x', 'is not the URL of a server'],
])('%s %s is wrong use', async (flag, value, message) => {
  await expect(send([], [flag, value])).rejects.toThrow(message)
})
