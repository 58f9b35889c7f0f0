import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { openConnection } from '../client/connection.ts'
import { AppError } from '../core/errors.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { OPEN_PRINCIPAL } from '../core/principal.ts'
import { isProcessAlive } from '../core/process.ts'
import type { HttpAccess } from '../net/http-access.ts'
import { openIngestServer, type IngestServer } from '../sources/testing/ingest-server.ts'
import { EVENT_LIMITS } from '../wire/transcode/limits.ts'
import { type AgentOptions, type RunningAgent, startAgent } from './agent.ts'
import { type AgentInput, loadAgentSettings } from './agent-settings.ts'
import { askAgentStatus } from './agent-status.ts'

const NOWHERE = 'http://127.0.0.1:1'

interface Wish extends Partial<Pick<AgentOptions, 'stdin' | 'signal'>> {
  url: string
  folder?: string
  paths?: readonly string[]
  given?: AgentInput['given']
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tr-agent-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function openAgent({ url, folder = temporaryFolder(), paths = [], given = {}, ...options }: Wish) {
  const settings = loadAgentSettings({
    given: { state: join(folder, 'state'), host: 'web-1', ...given },
    paths,
    hasStdin: options.stdin !== undefined,
    env: {},
    cwd: folder,
  })
  const agent = await startAgent({
    settings,
    connections: [openConnection({ url })],
    version: '1',
    logger: SILENT_LOGGER,
    explain: (error) => ({ reason: (error as Error).message }),
    ...options,
  })
  onTestFinished(() => agent.close())
  return agent
}

async function openServer(...options: Parameters<typeof openIngestServer>): Promise<IngestServer> {
  const server = await openIngestServer(...options)
  onTestFinished(() => server.http.close())
  return server
}

/** What senders may do as long as the gate is open. */
function gate(): HttpAccess & { isShut: boolean; urls: string[] } {
  return {
    isOpen: false,
    isShut: false,
    urls: [],
    identify({ url }) {
      this.urls.push(url)
      if (this.isShut) throw new AppError('KEY_REFUSED', { detail: 'The key is no longer valid.' })
      return { principal: OPEN_PRINCIPAL }
    },
  }
}

function messagesOf({ sink }: IngestServer): string[] {
  return sink.events().map(({ message }) => message)
}

test('a key that ends while the agent runs is told, and what waited comes when it is mended', async () => {
  const access = gate()
  const server = await openServer({}, {}, undefined, access)
  const folder = temporaryFolder()
  const log = join(folder, 'a.log')
  writeFileSync(log, 'before\n')
  const agent = await openAgent({ url: server.url, folder, paths: [log] })
  await expect.poll(() => messagesOf(server)).toEqual(['before'])
  access.isShut = true
  appendFileSync(log, 'meanwhile\n')
  await expect.poll(() => agent.status()).toMatchObject({ trouble: 'The key is no longer valid.', behindBytes: 10 })
  expect(agent.status().servers).toMatchObject([
    { url: server.url, isCurrent: true, trouble: { reason: 'The key is no longer valid.' } },
  ])
  access.isShut = false
  await expect.poll(() => messagesOf(server)).toEqual(['before', 'meanwhile'])
  await expect.poll(() => agent.status()).toMatchObject({ trouble: null, behindBytes: 0, delivered: 2 })
})

test('what is refused is set aside, and delivered at a later start when the server takes it', async () => {
  const event = { ...EVENT_LIMITS, lineBytesMax: 100 }
  const strict = await openServer({ event })
  const folder = temporaryFolder()
  const log = join(folder, 'a.log')
  const long = 'long '.repeat(100).trimEnd()
  writeFileSync(log, `one\n${long}\ntwo\n`)
  const start = (url: string): Promise<RunningAgent> => openAgent({ url, folder, paths: [log] })
  const first = await start(strict.url)
  await expect.poll(() => first.status()).toMatchObject({ delivered: 2, refused: 1, behindBytes: 0 })
  expect(messagesOf(strict)).toEqual(['one', 'two'])
  await first.close()
  const refused = (): string[] => readdirSync(join(folder, 'state', 'refused'))
  expect(refused()).toHaveLength(1)
  const second = await start(strict.url)
  await expect.poll(() => strict.counters.total('ingest_rejected_total')).toBeGreaterThan(3)
  await second.close()
  expect(refused()).toHaveLength(1)
  const lenient = await openServer()
  await start(lenient.url)
  await expect.poll(() => messagesOf(lenient)).toEqual([long])
  await expect.poll(refused).toEqual([])
})

test('refused events that nowhere has room for hold the others up', async () => {
  const server = await openServer({ event: { ...EVENT_LIMITS, lineBytesMax: 10 } })
  const folder = temporaryFolder()
  const log = join(folder, 'a.log')
  writeFileSync(log, 'a line that is too long\n')
  const agent = await openAgent({ url: server.url, folder, paths: [log], given: { refusedBytesMax: '0' } })
  await expect.poll(() => server.counters.total('ingest_rejected_total')).toBeGreaterThan(0)
  await expect.poll(() => agent.status()).toMatchObject({ refused: 0, behindBytes: 24, trouble: 'row 1: too_long' })
  expect(existsSync(join(folder, 'state', 'refused'))).toBe(false)
})

test('syslog: datagrams, streams and socket files, kept on disk while the server is away', async () => {
  const access = gate()
  access.isShut = true
  const server = await openServer({}, {}, undefined, access)
  const folder = temporaryFolder()
  const path = join(folder, 'log.sock')
  const syslog = ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', `unix://${path}`]
  const agent = await openAgent({ url: server.url, folder, given: { syslog } })
  const [udp, tcp] = agent.listeners.map((address) => Number(address.split(':').at(-1)))
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.send('<34>1 2026-11-21T11:00:00Z mail su 77 ID47 - over UDP', udp ?? 0, '127.0.0.1')
  connect(tcp ?? 0, '127.0.0.1').end('<13>Nov 21 11:00:00 web cron[1]: by line\n31 <13>1 - - - - - - by its length')
  connect(path).end('<11>app: of a socket file\0')
  await expect.poll(() => agent.status().inputs).toMatchObject([{ kind: 'syslog', events: 4, rejected: {} }])
  expect(agent.status().spoolBytes).toBeGreaterThan(0)
  expect(server.sink.rows).toBe(0)
  access.isShut = false
  await expect
    .poll(() => messagesOf(server).toSorted())
    .toEqual(['by its length', 'by line', 'of a socket file', 'over UDP'])
  const events = new Map(server.sink.events().map((event) => [event.message, event]))
  expect(events.get('over UDP')).toMatchObject({ host: 'mail', service: 'su', severity: 18, source: 'syslog' })
  expect(events.get('of a socket file')).toMatchObject({ host: 'web-1', service: 'app', severity: 17 })
  expect(agent.status()).toMatchObject({ delivered: 4, spoolBytes: 0 })
})

test('a full spool holds streams up, and drops and counts datagrams', async () => {
  const folder = temporaryFolder()
  const given = {
    syslog: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
    spoolBytesMax: '4MiB',
    syslogUnacknowledgedBytesMax: '1MiB',
  }
  const agent = await openAgent({ url: NOWHERE, folder, given })
  const [udp = 0, tcp = 0] = agent.listeners.map((address) => Number(address.split(':').at(-1)))
  const stream = connect(tcp, '127.0.0.1')
  onTestFinished(() => void stream.destroy())
  stream.on('error', () => undefined)
  const line = `<13>1 - - - - - - ${'x'.repeat(8000)}\n`
  await expect
    .poll(() => {
      for (let count = 0; count < 100; count++) stream.write(line)
      return stream.writableLength
    })
    .toBeGreaterThan(2 ** 20)
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  await expect
    .poll(() => {
      for (let count = 0; count < 20; count++) socket.send(line, udp, '127.0.0.1')
      return agent.status().inputs[0]?.rejected['overload'] ?? 0
    })
    .toBeGreaterThan(0)
  expect(agent.status().inputs[0]?.events).toBeLessThan(1000)
})

test('a command is started again, and ended with all that it has started', async () => {
  const server = await openServer()
  const folder = temporaryFolder()
  const exec = ["echo 'level=warn msg=short'", 'sleep 1000 & echo "child $!"; wait']
  const agent = await openAgent({ url: server.url, folder, given: { exec, service: 'tool' } })
  await expect.poll(() => messagesOf(server).filter((message) => message.includes('short')).length).toBeGreaterThan(1)
  const child = (): number => Number(/child (\d+)/.exec(messagesOf(server).join('\n'))?.[1] ?? 0)
  await expect.poll(child).toBeGreaterThan(0)
  expect(server.sink.events().every(({ service, host }) => service === 'tool' && host === 'web-1')).toBe(true)
  expect(agent.status().inputs.map(({ kind, name }) => `${kind} ${name}`)).toEqual(exec.map((line) => `exec ${line}`))
  expect(isProcessAlive(child())).toBe(true)
  await agent.close()
  await expect.poll(() => isProcessAlive(child())).toBe(false)
})

test('standard input ends the agent once it is delivered', async () => {
  const server = await openServer()
  const stdin = Readable.from([Buffer.from('one\ntwo\n'), Buffer.from('three')])
  const agent = await openAgent({ url: server.url, stdin, given: { service: 'input' } })
  await agent.done
  expect(messagesOf(server)).toEqual(['one', 'two', 'three'])
})

test('a start that waits for a server can be asked, and given up', async () => {
  const access = gate()
  const server = await openServer({}, {}, undefined, access)
  const folder = temporaryFolder()
  const log = join(folder, 'a.log')
  writeFileSync(log, 'one\n')
  access.isShut = true
  const first = await openAgent({ url: server.url, folder, paths: [log] })
  // From its first attempt on it is not known what arrived.
  await expect.poll(() => access.urls.some((url) => url.endsWith('/start'))).toBe(true)
  await first.close()
  const stopping = new AbortController()
  const second = openAgent({ url: NOWHERE, folder, paths: [log], signal: stopping.signal })
  second.catch(() => undefined)
  const asked = () => askAgentStatus(join(folder, 'state'))
  await expect
    .poll(asked)
    .toMatchObject({ phase: 'starting', files: [], trouble: expect.stringContaining('No answer') })
  stopping.abort()
  await expect(second).rejects.toThrow('The agent stops')
  expect(await asked()).toBe(undefined)
  access.isShut = false
  await openAgent({ url: server.url, folder, paths: [log] })
  await expect.poll(() => messagesOf(server)).toEqual(['one'])
})
