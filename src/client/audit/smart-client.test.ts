import { createServer } from 'node:net'
import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { formatKey, signingKeyOf } from '../../core/signing.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import { makeAuthority } from '../../net/testing/certificates.ts'
import { openForwardServer } from '../../sources/forward/testing/forward-server.ts'
import { startTestAgent, type TestAgent } from './agent.ts'
import type { AuditNotice } from './notices.ts'
import { backoffMs, createSmartAuditClient, type SmartAuditClient, type SmartAuditOptions } from './smart-client.ts'
import { tcpConnection, tlsConnection, unixConnection } from './socket-connection.ts'
import { folder, numbered, numbersIn, numbersOf, upTo } from './testing/numbered.ts'

let agent: TestAgent | undefined
let client: SmartAuditClient | undefined
afterEach(async () => {
  await client?.close({ timeoutMs: 0 })
  client = undefined
  await agent?.close()
  agent = undefined
})

function open(path: string, options: SmartAuditOptions = {}): SmartAuditClient {
  client = createSmartAuditClient(unixConnection(path), options)
  return client
}

test('starts without an agent, and sends when there is one', async () => {
  const path = join(folder(), 'a.sock')
  const notices: AuditNotice[] = []
  const client = open(path, { onNotice: (notice) => notices.push(notice), backoff: { firstMs: 1, longestMs: 10 } })
  expect(upTo(3).map((number) => client.send(numbered(number)).queued)).toEqual([true, true, true])
  await expect.poll(() => notices.filter(({ kind }) => kind === 'connect-failed').length).toBeGreaterThan(2)
  agent = await startTestAgent({ path })
  await agent.waitForRecords(3)
  expect(numbersOf(agent.records)).toEqual([0, 1, 2])
  expect(notices.at(-1)?.kind).toBe('connected')
  expect(client.stats()).toMatchObject({ connected: true, connections: 1 })
  expect(client.stats().failedConnections).toBeGreaterThan(2)
})

test('reconnects, with a heartbeat after the first record of each connection', async () => {
  const path = join(folder(), 'a.sock')
  agent = await startTestAgent({ path })
  const client = open(path)
  for (const number of upTo(4)) {
    client.send(numbered(number))
    await agent.waitForRecords(number + 1)
    await expect.poll(() => agent?.heartbeats.length).toBe(number + 1)
    agent.reset()
    await expect.poll(() => client.stats().connections).toBe(number + 2)
  }
  expect(agent.connections.total).toBe(5)
})

test('waits longer from attempt to attempt, up to a limit', () => {
  const options = { firstMs: 100, factor: 2, spread: 0.5, longestMs: 60_000 }
  const waits = (random: number) => [1, 2, 3, 10, 11, 100].map((attempt) => backoffMs(options, attempt, () => random))
  expect(waits(0.5)).toEqual([100, 200, 400, 51_200, 60_000, 60_000])
  expect(waits(0)).toEqual([50, 100, 200, 25_600, 30_000, 30_000])
  expect(waits(1)).toEqual([150, 300, 600, 60_000, 60_000, 60_000])
})

test('an agent that takes connections and cuts them off is not stormed', async () => {
  const path = join(folder(), 'a.sock')
  let connections = 0
  const rude = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => rude.listen(path, resolve))
  const waits: number[] = []
  const wait = (ms: number): Promise<void> => {
    waits.push(ms)
    return waits.length < 6 ? Promise.resolve() : new Promise(() => undefined)
  }
  const client = createSmartAuditClient(unixConnection(path), { patience: { wait, random: () => 0.5 } })
  client.send(numbered(0))
  await expect.poll(() => waits).toHaveLength(6)
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  expect(waits.at(-1)).toBeGreaterThan(1000)
  expect(connections).toBeLessThan(9)
  // The last wait never ends: only what is under way is ended here.
  void client.close({ timeoutMs: 0 })
  await new Promise((resolve) => rude.close(resolve))
})

describe('notices', () => {
  test('are iterated, with a count of those that were left out', async () => {
    const path = join(folder(), 'a.sock')
    const client = open(path, { backoff: { firstMs: 0, factor: 1, longestMs: 0 } })
    const iterator = client.notices[Symbol.asyncIterator]()
    const first = await iterator.next()
    expect(first.value).toMatchObject({ kind: 'connect-failed', suppressed: 0 })
    await expect.poll(() => client.stats().noticesSuppressed).toBeGreaterThan(5)
    const next = await iterator.next()
    expect(next.done === true ? 0 : next.value.suppressed).toBeGreaterThan(5)
    await iterator.return?.()
  })

  test('end with the client, and what a listener throws harms nobody', async () => {
    const path = join(folder(), 'a.sock')
    agent = await startTestAgent({ path })
    const client = open(path, {
      onNotice: () => {
        throw new Error('listener')
      },
    })
    const kinds: string[] = []
    const reading = (async () => {
      for await (const { kind } of client.notices) kinds.push(kind)
    })()
    await expect.poll(() => kinds).toEqual(['connected'])
    agent.reset()
    await expect.poll(() => kinds).toEqual(['connected', 'disconnected', 'connected'])
    await client.close()
    await reading
  })

  test('tell once that the queue is full, and when it is not any more', async () => {
    const path = join(folder(), 'a.sock')
    const notices: AuditNotice[] = []
    const client = open(path, {
      queueSize: 4,
      backoff: { firstMs: 1, longestMs: 5 },
      onNotice: (notice) => notices.push(notice),
    })
    for (const number of upTo(10)) client.send(numbered(number))
    const full = () => notices.filter(({ kind }) => kind.startsWith('queue'))
    expect(full()).toMatchObject([{ kind: 'queue-full', place: 'refused' }])
    agent = await startTestAgent({ path })
    await agent.waitForRecords(4)
    await expect.poll(full).toMatchObject([{ kind: 'queue-full' }, { kind: 'queue-free' }])
    expect(client.stats().refused['queue-full']).toBe(6)
  })
})

describe('the overflow folder', () => {
  test('takes what finds no room, in order, and is empty when all has left', async () => {
    const [path, dir] = [join(folder(), 'a.sock'), folder()]
    const client = open(path, { queueSize: 10, overflow: { dir }, backoff: { firstMs: 1, longestMs: 5 } })
    const places = upTo(100).map((number) => {
      const outcome = client.send(numbered(number))
      return outcome.queued ? outcome.place : outcome.error.category
    })
    expect(places).toEqual([...Array<string>(10).fill('memory'), ...Array<string>(90).fill('disk')])
    expect(numbersIn(dir)).toEqual(upTo(100).slice(10))
    agent = await startTestAgent({ path })
    await agent.waitForRecords(100)
    expect(numbersOf(agent.records)).toEqual(upTo(100))
    await expect.poll(() => numbersIn(dir)).toEqual([])
    client.send(numbered(100))
    await agent.waitForRecords(101)
    expect(client.stats()).toMatchObject({ queued: 101, overflowed: 90, sent: 101, overflow: { bytes: 0, damaged: 0 } })
  })

  test('keeps what is left when the client closes, what was in memory first', async () => {
    const [path, dir] = [join(folder(), 'a.sock'), folder()]
    const first = open(path, { queueSize: 10, overflow: { dir } })
    for (const number of upTo(30)) first.send(numbered(number))
    expect(await first.close({ timeoutMs: 1 })).toEqual({ undelivered: 10, kept: 10 })
    expect(numbersIn(dir)).toEqual(upTo(30))
    const second = open(path, { queueSize: 10, overflow: { dir } })
    for (const number of [30, 31]) expect(second.send(numbered(number))).toEqual({ queued: true, place: 'disk' })
    expect(await second.close({ timeoutMs: 1 })).toEqual({ undelivered: 0, kept: 0 })
    expect(numbersIn(dir)).toEqual(upTo(32))
    agent = await startTestAgent({ path })
    open(path, { queueSize: 5, overflow: { dir } })
    await agent.waitForRecords(32)
    expect(numbersOf(agent.records)).toEqual(upTo(32))
    await expect.poll(() => numbersIn(dir)).toEqual([])
  })

  test('has a limit, which is told', () => {
    const dir = folder()
    const client = open(join(folder(), 'a.sock'), { queueSize: 1, overflow: { dir, bytesMax: 2000 } })
    const outcomes = upTo(6).map((number) => client.send(numbered(number)))
    expect(outcomes.map(({ queued }) => queued)).toEqual([true, true, true, true, false, false])
    expect(outcomes[5]).toMatchObject({ error: { category: 'queue-full', message: 'the overflow folder is full' } })
  })

  test('that goes away is told, and harms nobody', async () => {
    const [path, dir] = [join(folder(), 'a.sock'), folder()]
    const client = open(path, { queueSize: 1, overflow: { dir }, backoff: { firstMs: 1, longestMs: 5 } })
    for (const number of upTo(3)) client.send(numbered(number))
    await expect.poll(() => client.stats().failedConnections).toBeGreaterThan(0)
    rmSync(dir, { recursive: true })
    // The file that is open still takes records; the next one cannot be had.
    const large = { ...numbered(3), callerAgent: 'x'.repeat(5_000_000) }
    expect(client.send(large).queued).toBe(true)
    for (const number of upTo(3)) {
      expect(client.send(numbered(number))).toMatchObject({ error: { category: 'queue-full' } })
    }
    agent = await startTestAgent({ path })
    await agent.waitForRecords(1)
    await expect.poll(() => client.stats().overflow).toEqual({ bytes: 0, damaged: 1 })
    expect(client.send(numbered(4))).toEqual({ queued: true, place: 'memory' })
    await agent.waitForRecords(2)
    expect(numbersOf(agent.records)).toEqual([0, 4])
    expect(await client.close()).toEqual({ undelivered: 0, kept: 0 })
  })

  test('that cannot take what is left when the client closes keeps none of it, which is told', async () => {
    const dir = folder()
    const client = open(join(folder(), 'a.sock'), { queueSize: 3, overflow: { dir } })
    for (const number of upTo(3)) client.send(numbered(number))
    rmSync(dir, { recursive: true })
    expect(await client.close({ timeoutMs: 1 })).toEqual({ undelivered: 3, kept: 0 })
    expect((await client.notices[Symbol.asyncIterator]().next()).done).toBe(true)
  })

  test('is for one client', () => {
    const dir = folder()
    open(join(folder(), 'a.sock'), { overflow: { dir } })
    expect(() => createSmartAuditClient(unixConnection('/none'), { overflow: { dir } })).toThrow('is used by another')
  })

  test.each<[string, (path: string) => void]>([
    ['cut off', (path) => truncateSync(path, statSync(path).size - 1)],
    ['followed by noise', (path) => writeFileSync(path, Buffer.alloc(20, 1), { flag: 'a' })],
  ])('gives all of a file that is %s but the damage', async (_what, damage) => {
    const [path, dir] = [join(folder(), 'a.sock'), folder()]
    const first = open(path, { queueSize: 1, overflow: { dir } })
    for (const number of upTo(5)) first.send(numbered(number))
    await first.close({ timeoutMs: 1 })
    const names = readdirSync(dir).filter((name) => name.endsWith('.audit'))
    damage(join(dir, names.sort().at(-1) ?? ''))
    agent = await startTestAgent({ path })
    const second = open(path, { overflow: { dir } })
    await agent.waitForRecords(4)
    await expect.poll(() => second.stats().overflow).toEqual({ bytes: 0, damaged: 1 })
  })
})

describe('to a Tailrace server', () => {
  const key = { id: 'abcdefghijkl', secret: Buffer.alloc(32, 9) }
  const principal = { ...OPEN_PRINCIPAL, by: 'signature', name: 'shop', role: 'write' } as const
  const keyed = {
    openPrincipal: () => undefined,
    keyOf: (id: string) =>
      id === key.id ? { key: signingKeyOf(key.secret), principal, allows: () => true } : undefined,
  }

  test.each([
    ['a key', keyed, { key: formatKey(key) }],
    ['the shared key', { sharedKey: 'shared' }, { sharedKey: 'shared' }],
    ['both', { ...keyed, sharedKey: 'shared' }, { key: formatKey(key), sharedKey: 'shared' }],
  ])('shows %s', async (_what, server, credentials) => {
    const opened = await openForwardServer(server)
    client = createSmartAuditClient(tcpConnection({ port: opened.port, ...credentials }), { acknowledge: true })
    client.send(numbered(0))
    expect(await client.close()).toEqual({ undelivered: 0, kept: 0 })
    expect(opened.sink.rows).toBeGreaterThanOrEqual(1)
    await opened.close()
  })

  test('is told that it is not let in', async () => {
    const opened = await openForwardServer({ sharedKey: 'shared' })
    const notices: AuditNotice[] = []
    const connection = tcpConnection({ port: opened.port, sharedKey: 'another' })
    client = createSmartAuditClient(connection, { onNotice: (notice) => notices.push(notice) })
    await expect.poll(() => notices).not.toHaveLength(0)
    expect(notices[0]).toMatchObject({
      kind: 'connect-failed',
      error: { message: expect.stringContaining('does not let us in') as string },
    })
    await opened.close()
  })

  test('over TLS, known by its authority or its fingerprint', async () => {
    const authority = await makeAuthority()
    const material = await authority.issue(['127.0.0.1', 'localhost'])
    const opened = await openForwardServer({
      address: { protocol: 'tls', host: '127.0.0.1', port: 0 },
      tls: { material, attach: () => undefined },
    })
    const trusting = createSmartAuditClient(tlsConnection({ port: opened.port, tls: { ca: authority.cert } }))
    trusting.send(numbered(0))
    expect(await trusting.close()).toEqual({ undelivered: 0, kept: 0 })
    const notices: AuditNotice[] = []
    const connection = tlsConnection({ port: opened.port, tls: { fingerprint: 'ab'.repeat(32) } })
    client = createSmartAuditClient(connection, { onNotice: (notice) => notices.push(notice) })
    await expect.poll(() => notices).not.toHaveLength(0)
    expect(notices[0]).toMatchObject({ error: { message: expect.stringContaining('fingerprint') as string } })
    await opened.close()
  })
})
