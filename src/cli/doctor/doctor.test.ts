import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerJson, startTinyServer } from '../../client/testing/tiny-server.ts'
import { createHttpClient } from '../../client/http-client.ts'
import { canonicalArguments } from '../arguments.ts'
import { command } from '../commands/doctor.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { checkConfig, checkData, checkEngine, checkNode } from './machine.ts'
import { checkPort } from './port.ts'
import { checkServer } from './server.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-doctor-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const STATUS = {
  version: '1.2.3',
  uptimeSeconds: 3700,
  listeners: { http: '127.0.0.1:7575' },
  ingest: { accepted: { total: 1234 }, rejected: { total: 5 } },
  lag: { seconds: 0 },
  spool: { pendingRows: 7, pendingBytes: 2048, quarantinedFiles: 0, lastLoadError: null },
  store: { kind: 'embedded', state: 'ready', rows: 99, oldest: '2026-01-01T00:00:00Z', newest: '2026-01-02T00:00:00Z' },
  disk: { usedBytes: 4096, freeBytes: 1e9 },
  streams: { live: 2, interrupted: 1, finished: 3000, bytes: 4096, bytesMax: 10_240, readers: 5 },
  process: { pid: 42 },
}

const serverWith = (status: object, ready: object = { status: 'ready', reasons: [] }) =>
  startTinyServer((request, response) => answerJson(response, request.url === '/readyz' ? ready : status))

async function doctor(...flags: string[]) {
  const terminal = memoryTerminal({ cwd })
  const code = await command.run(canonicalArguments(flags, await command.flags()), terminal)
  return { code, out: terminal.outText() }
}

const checkFolder = async (flags: Record<string, string>) => {
  const { config } = checkConfig(flags, { env: {}, cwd })
  if (!config) throw new Error('no config')
  return (await checkData(config)).map(({ state, subject }) => `${subject} ${state}`)
}

const listen = async (answer: string) => {
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end(answer),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

const askServer = async (status: object, ready?: object) => {
  const server = await serverWith(status, ready)
  const client = createHttpClient({ url: server.url })
  const findings = await checkServer(client, false)
  client.close()
  await server.close()
  return findings
}

test('a machine without a server is in order', async () => {
  const { code, out } = await doctor('--port', '0', '--store', 'https://u:pa55word@ch.example:8443/logs')
  expect(out).toMatch(/^ok +runtime +Node.js/m)
  expect(out).toMatch(/^ok +engine +a ClickHouse server at ch.example:8443$/m)
  expect(out).toContain(`${join(cwd, 'tailrace-data')} (will be made at the first start)`)
  expect(out).toMatch(/^note +server +none at/m)
  expect(out).not.toContain('pa55word')
  expect(code).toBe(0)
})

test('a server that was named and is not there is wrong', async () => {
  const server = await serverWith(STATUS)
  expect(await doctor('--port', '0', '--url', server.url)).toMatchObject({
    code: 0,
    out: expect.stringContaining('1,234 taken') as string,
  })
  await server.close()
  const { code, out } = await doctor('--port', '0', '--url', server.url)
  expect(code).toBe(1)
  expect(out).toMatch(/^wrong +server +none at .*: connection refused\n +Start one with/m)
})

test('settings with mistakes', () => {
  writeFileSync(join(cwd, 'tailrace.yaml'), 'prot: 1\n')
  const { config, findings } = checkConfig({}, { env: { TAILRACE_PROT: '1' }, cwd })
  expect(config).toBeUndefined()
  expect(findings).toMatchObject([{ state: 'wrong', text: expect.stringContaining('did you mean port?') as string }])
})

test('an odd variable is a warning', () => {
  const { findings } = checkConfig({}, { env: { TAILRACE_PROT: '1' }, cwd })
  expect(findings.map(({ state }) => state)).toEqual(['ok', 'warn'])
})

test.each([
  ['20.19.0', 'ok'],
  ['24.1.0', 'ok'],
  ['20.18.9', 'wrong'],
  ['18.20.0', 'wrong'],
])('Node %s is %s', (version, state) => expect(checkNode(version).state).toBe(state))

test('the embedded engine is found or what is missing is said', async () => {
  const { config } = checkConfig({}, { env: {}, cwd })
  if (!config) throw new Error('no config')
  expect(await checkEngine(config, {})).toMatchObject({
    state: 'ok',
    text: expect.stringContaining('libchdb') as string,
  })
})

describe('the data folder', () => {
  test.each<[name: string, flags: Record<string, string>, states: string[]]>([
    ['not there yet', { data: 'a/b/c' }, ['data ok', 'disk ok']],
    ['there', { data: '.' }, ['data ok', 'disk ok']],
    ['on a full disk', { data: '.', 'spool-disk-free-bytes-min': '8000TB' }, ['data ok', 'disk wrong']],
  ])('%s', async (_name, flags, states) => expect(await checkFolder(flags)).toEqual(states))

  test.skipIf(process.getuid?.() === 0)('that may not be written', async () => {
    mkdirSync(join(cwd, 'closed'))
    chmodSync(join(cwd, 'closed'), 0o500)
    expect(await checkFolder({ data: 'closed' })).toEqual(['data wrong', 'disk ok'])
  })
})

describe('the port', () => {
  test('free, and any', async () => {
    const other = await listen('')
    await other.close()
    expect(await checkPort('127.0.0.1', other.port)).toMatchObject({
      state: 'ok',
      text: `127.0.0.1:${other.port} is free`,
    })
    expect(await checkPort('127.0.0.1', 0)).toMatchObject({ state: 'ok' })
  })

  test('taken by this server', async () => {
    const server = await serverWith(STATUS)
    expect(await checkPort('127.0.0.1', Number(new URL(server.url).port))).toMatchObject({
      state: 'ok',
      text: expect.stringContaining('is this Tailrace server, process 42') as string,
    })
    await server.close()
  })

  test.each([
    ['something that is no HTTP', 'SSH-2.0-x\r\n', 'it speaks no HTTP'],
    ['another server', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', 'it is not a Tailrace server'],
  ])('taken by %s', async (_name, answer, why) => {
    const other = await listen(answer)
    const finding = await checkPort('127.0.0.1', other.port)
    expect(finding).toMatchObject({ state: 'wrong', text: expect.stringContaining(why) as string })
    if (process.platform === 'linux') expect(finding.text).toContain(`(process ${process.pid})`)
    await other.close()
  })
})

describe('a running server', () => {
  test('in order', async () => {
    const findings = await askServer(STATUS)
    expect(findings.every(({ state }) => state === 'ok')).toBe(true)
    const text = findings.map((finding) => finding.text).join('\n')
    for (const part of [
      'version 1.2.3',
      'up 1h1m',
      'http on 127.0.0.1:7575',
      '1,234 taken',
      '99 events, 4 KiB',
      '7 events wait',
      '2 live, 1 interrupted, 3,000 finished: 4 KiB of 10 KiB; 5 readers',
    ]) {
      expect(text).toContain(part)
    }
  })

  test.each<[name: string, status: object, state: string, text: string]>([
    ['behind', { lag: { seconds: 60 } }, 'warn', '60 s behind'],
    ['whose loads fail', { spool: { ...STATUS.spool, lastLoadError: 'no space' } }, 'wrong', 'no space'],
    ['with a quarantine', { spool: { ...STATUS.spool, quarantinedFiles: 3 } }, 'warn', '3 files in quarantine'],
  ])('%s', async (_name, change, state, text) => {
    const finding = (await askServer({ ...STATUS, ...change })).find((candidate) => candidate.state !== 'ok')
    expect(finding).toMatchObject({ state, text: expect.stringContaining(text) as string })
  })

  test('that is not ready says why', async () => {
    const reasons = [{ part: 'store', reason: 'the engine is starting', effect: 'queries answer 503' }]
    const findings = await askServer(STATUS, { status: 'not ready', reasons })
    expect(findings.at(-1)).toEqual({
      state: 'wrong',
      subject: 'store',
      text: 'the engine is starting',
      hint: 'queries answer 503',
    })
  })
})
