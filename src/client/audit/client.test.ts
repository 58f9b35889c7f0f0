import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { recordWith } from '../../wire/audit/testing/records.ts'
import { startTestAgent, type TestAgent } from './agent.ts'
import { createAuditClient, type AuditClient } from './client.ts'
import type { AuditConnection, ConnectionEvents } from './connection.ts'
import type { AuditOptions } from './engine.ts'
import { AuditError, type SendOutcome } from './outcome.ts'
import { noConnection, tcpConnection, unixConnection } from './socket-connection.ts'
import { folder, numbered, numbersOf, upTo } from './testing/numbered.ts'

let agent: TestAgent
let client: AuditClient | undefined
beforeEach(async () => void (agent = await startTestAgent()))
afterEach(async () => {
  await client?.close({ timeoutMs: 0 })
  client = undefined
  await agent.close()
})

function open(options: AuditOptions = {}, connection: AuditConnection = tcpConnection({ port: agent.port })) {
  client = createAuditClient(connection, options)
  return client
}

/** The category of an outcome, or where the record is. */
function said(outcome: SendOutcome): string {
  return outcome.queued ? outcome.place : outcome.error.category
}

/** A connection that takes what it is told to, when it is told to. */
class HeldConnection implements AuditConnection {
  readonly kind = 'Held'
  readonly written: Buffer[] = []
  events: ConnectionEvents | undefined
  readonly #waiting: { resolve: () => void; reject: (error: Error) => void }[] = []

  connect(events: ConnectionEvents): Promise<void> {
    this.events = events
    return Promise.resolve()
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written.push(Buffer.from(bytes))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('closed'))
    return Promise.resolve()
  }

  release(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }
}

describe('send', () => {
  test('queues at once, and the agent gets the record and a heartbeat after it', async () => {
    const client = open()
    expect(client.send(numbered(0))).toEqual({ queued: true, place: 'memory' })
    await agent.waitForRecords(1)
    await expect.poll(() => agent.heartbeats).toHaveLength(1)
    expect(agent.heartbeats[0]).toMatchObject({ auditVersion: 'v.0.0.1', destination: 'TCP' })
    expect(agent.messages.map(({ type }) => type)).toEqual(['ControlPlane', 'Heartbeat'])
    client.send(numbered(1))
    await agent.waitForRecords(2)
    expect(agent.heartbeats).toHaveLength(1)
  })

  test('repeats the heartbeat', async () => {
    open({ heartbeatMs: 5 }).send(numbered(0))
    await expect.poll(() => agent.heartbeats.length).toBeGreaterThan(3)
  })

  test('a single record does not wait for others', async () => {
    const client = open()
    for (const number of upTo(5)) {
      client.send(numbered(number))
      await agent.waitForRecords(number + 1)
    }
    expect(client.stats()).toMatchObject({ queued: 5, sent: 5, queue: 0 })
  })

  test('says what is wrong with a record, and does not touch it', () => {
    const record = Object.freeze(recordWith({ operationName: '' }))
    const outcome = open().send(record)
    expect(outcome).toMatchObject({ queued: false, error: { message: 'operation name is required' } })
    expect(said(outcome)).toBe('validation')
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'record'],
    ['texts that are numbers', recordWith({ operationName: 7 as unknown as string })],
    ['an address that is a number', recordWith({ callerIpAddress: 7 as unknown as string })],
    [
      'custom data that throw',
      recordWith({
        customData: {
          get x() {
            throw new Error('x')
          },
        },
      }),
    ],
    ['custom data that cannot be', recordWith({ customData: { f: () => 1 } })],
  ])('never throws: %s', (_what, record) => {
    expect(said(open().send(record as never))).toBe('validation')
  })

  test('after a refused record the next is whole', async () => {
    const client = open()
    client.send(recordWith({ customData: { big: 'x'.repeat(1000), f: () => 1 } }))
    client.send(numbered(1))
    await agent.waitForRecords(1)
    expect(numbersOf(agent.records)).toEqual([1])
  })

  test('is full when the queue is, without losing what is in it', async () => {
    const held = new HeldConnection()
    const client = open({ queueSize: 3 }, held)
    expect(upTo(5).map((number) => said(client.send(numbered(number))))).toEqual([
      'memory',
      'memory',
      'memory',
      'queue-full',
      'queue-full',
    ])
    expect(client.stats()).toMatchObject({ queue: 3, refused: { 'queue-full': 2 } })
    await client.reset(tcpConnection({ port: agent.port }))
    await agent.waitForRecords(3)
    expect(numbersOf(agent.records)).toEqual([0, 1, 2])
  })

  test('is full by size as well', () => {
    const client = open({ queueBytesMax: 5000 }, new HeldConnection())
    const large = recordWith({ customData: { x: 'x'.repeat(4000) } })
    expect([1, 2, 3].map(() => said(client.send(large)))).toEqual(['memory', 'memory', 'queue-full'])
  })
})

describe('send with a time', () => {
  test('waits for room, those first who came first', async () => {
    const held = new HeldConnection()
    const client = open({ queueSize: 1 }, held)
    client.send(numbered(0))
    const waiting = [1, 2].map((number) => client.send(numbered(number), { timeoutMs: 10_000 }))
    expect(said(client.send(numbered(3)))).toBe('queue-full')
    await expect.poll(() => held.written.length).toBe(1)
    held.release()
    expect((await waiting[0])?.queued).toBe(true)
    await expect.poll(() => (held.release(), client.stats().queued)).toBe(3)
    expect((await waiting[1])?.queued).toBe(true)
  })

  test.each<[string, () => { timeoutMs?: number; signal?: AbortSignal }]>([
    ['when it is over', () => ({ timeoutMs: 5 })],
    ['when the signal says so', () => ({ signal: AbortSignal.timeout(5) })],
    ['when the signal has said so', () => ({ signal: AbortSignal.abort() })],
  ])('gives up %s', async (_what, options) => {
    const client = open({ queueSize: 1 }, new HeldConnection())
    client.send(numbered(0))
    expect(said(await client.send(numbered(1), options()))).toBe('timeout')
    expect(client.stats()).toMatchObject({ queue: 1, refused: { timeout: 1 } })
  })

  test('takes at once where there is room, and refuses at once what is not valid', async () => {
    const client = open({ queueSize: 1 })
    expect(said(await client.send(recordWith({ callerAgent: '' }), { timeoutMs: 1000 }))).toBe('validation')
    expect(said(await client.send(numbered(0), { timeoutMs: 1000 }))).toBe('memory')
  })

  test('is told when the client is closed meanwhile', async () => {
    const client = open({ queueSize: 1 }, new HeldConnection())
    client.send(numbered(0))
    const waiting = client.send(numbered(1), { timeoutMs: 60_000 })
    expect(await client.close({ timeoutMs: 1 })).toEqual({ undelivered: 1, kept: 0 })
    expect(said(await waiting)).toBe('closed')
    expect(said(await client.send(numbered(1), { timeoutMs: 60_000 }))).toBe('closed')
  })
})

describe('the hook', () => {
  test('sees every valid record and may change it', async () => {
    const seen: string[] = []
    const client = open({
      hook: (record) => {
        seen.push(record.operationName)
        return record.operationName === 'operation 1' ? { ...record, operationName: 'operation 9' } : undefined
      },
    })
    for (const record of [numbered(0), recordWith({ callerAgent: '' }), numbered(1)]) client.send(record)
    await agent.waitForRecords(2)
    expect(numbersOf(agent.records)).toEqual([0, 9])
    expect(seen).toEqual(['operation 0', 'operation 1'])
  })

  test('is not trusted', () => {
    const client = open({ hook: (record) => ({ ...record, callerAgent: '' }) })
    expect(client.send(numbered(0))).toMatchObject({ queued: false, error: { message: 'caller agent is required' } })
    const throwing = createAuditClient(noConnection(), {
      hook: () => {
        throw new Error('no')
      },
    })
    expect(throwing.send(numbered(0))).toMatchObject({
      queued: false,
      error: { category: 'validation', message: 'no' },
    })
  })
})

describe('the connection', () => {
  test('that cannot be had is told, and what was queued goes over the next', async () => {
    const warned: string[] = []
    const missing = join(folder(), 'none.sock')
    const client = open({ logger: { warn: (text) => warned.push(text) } }, unixConnection(missing))
    client.send(numbered(0))
    await expect.poll(() => client.failure).toBeInstanceOf(AuditError)
    expect(client.failure?.message).toMatch(`failed to connect to audit server(${missing}): `)
    expect(warned).toHaveLength(1)
    expect(said(client.send(numbered(1)))).toBe('connection')
    await expect(client.reset(unixConnection(missing))).rejects.toMatchObject({ category: 'connection' })
    await client.reset(tcpConnection({ port: agent.port }))
    expect(client.failure).toBeUndefined()
    client.send(numbered(2))
    await agent.waitForRecords(2)
    expect(numbersOf(agent.records)).toEqual([0, 2])
  })

  test('that is lost is told', async () => {
    const client = open()
    client.send(numbered(0))
    await agent.waitForRecords(1)
    agent.reset()
    await expect.poll(() => said(client.send(numbered(1)))).toBe('connection')
  })

  test('that takes nothing is lost after a while, and its message is sent again', async () => {
    const client = open({ answerTimeoutMs: 20 }, new HeldConnection())
    client.send(numbered(0))
    await expect.poll(() => client.failure?.message).toContain('has taken nothing')
    await client.reset(tcpConnection({ port: agent.port }))
    await agent.waitForRecords(1)
    expect(client.stats()).toMatchObject({ requeued: 1, sent: 1 })
  })

  test('that acknowledges nothing is lost after a while, also while more is sent', async () => {
    const client = open({ answerTimeoutMs: 200, acknowledge: true }, new HeldConnection())
    const sending = setInterval(() => client.send(numbered(0)), 1)
    onTestFinished(() => clearInterval(sending))
    await expect.poll(() => client.failure?.message).toContain('has taken nothing')
    // Not only because there was no room for more.
    expect(client.stats().queued).toBeLessThan(1000)
  })

  test('may take as long as it likes where no time is too long', async () => {
    const held = new HeldConnection()
    const options = { queueSize: 1, answerTimeoutMs: Infinity, heartbeatMs: Infinity }
    const client = open(options, held)
    client.send(numbered(0))
    const waiting = client.send(numbered(1), { timeoutMs: Infinity })
    let isClosed = false
    await expect.poll(() => held.written.length).toBe(1)
    // Timers of no time at all would have gone off by then.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
    held.release()
    expect(said(await waiting)).toBe('memory')
    await expect.poll(() => held.written.length).toBe(3)
    const closing = client.close({ timeoutMs: Infinity }).then((outcome) => {
      isClosed = true
      return outcome
    })
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
    expect(isClosed).toBe(false)
    held.release()
    expect(await closing).toEqual({ undelivered: 0, kept: 0 })
    expect(client.stats()).toMatchObject({ sent: 2, heartbeats: 1, requeued: 0 })
  })

  test('of no kind', async () => {
    expect(() => createAuditClient(undefined as never)).toThrow(AuditError)
    await expect(open().reset(undefined as never)).rejects.toMatchObject({ category: 'connection' })
    const client = open({}, noConnection())
    client.send(numbered(0))
    expect(await client.close()).toEqual({ undelivered: 0, kept: 0 })
    await expect(client.reset(noConnection())).rejects.toMatchObject({ category: 'closed' })
  })

  test('over a socket in the file system says so', async () => {
    const path = join(folder(), 'a.sock')
    const other = await startTestAgent({ path })
    const client = open({ serviceTreeId: 'tree' }, unixConnection(path))
    client.send(numbered(0))
    await expect.poll(() => other.heartbeats).toHaveLength(1)
    expect(other.records[0]?.serviceTreeId).toBe('tree')
    expect(other.heartbeats[0]).toMatchObject({
      destination: 'UnixDomainSocket',
      serviceTreeId: 'tree',
      auditVersion: 'v.2.0.0',
    })
    await other.close()
  })
})

test.each([0, -1, 1.5])('a queue of %d is a mistake', (queueSize) => {
  expect(() => createAuditClient(noConnection(), { queueSize })).toThrow(TypeError)
})

test('memory does not grow with an agent that reads nothing', async () => {
  // Buffers of TCP may be larger than all of this.
  const path = join(folder(), 'a.sock')
  const stalled = await startTestAgent({ path, isStalled: true })
  const client = open({ queueSize: 500 }, unixConnection(path))
  const outcomes = new Map<string, number>()
  for (const number of upTo(20_000)) {
    const outcome = said(client.send(numbered(number)))
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (number % 100 === 0) await new Promise(setImmediate)
  }
  expect(client.stats().queue).toBe(500)
  expect(client.stats().queueBytes).toBeLessThan(500 * 600)
  expect(outcomes.get('queue-full')).toBeGreaterThan(1000)
  stalled.resume()
  await stalled.waitForRecords(outcomes.get('memory') ?? 0)
  await stalled.close()
})
