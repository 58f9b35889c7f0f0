/**
 * Every record is accounted for, whatever becomes of the connection: it was delivered once and in order, or its sender
 * was told, or it is in the overflow folder. `TAILRACE_TEST_EXTENT=long` sends 100,000 records across 100 resets.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openForwardServer } from '../../sources/forward/testing/forward-server.ts'
import { startTestAgent, type TestAgent } from './agent.ts'
import { createAuditClient } from './client.ts'
import type { SendOutcome } from './outcome.ts'
import { createSmartAuditClient, type SmartAuditClient, type SmartAuditOptions } from './smart-client.ts'
import { tcpConnection, unixConnection } from './socket-connection.ts'
import { folder, numbered, numbersIn, numbersOf, upTo } from './testing/numbered.ts'

const isLong = process.env['TAILRACE_TEST_EXTENT'] === 'long'
const RECORDS = isLong ? 100_000 : 6000
const RESETS = isLong ? 100 : 30
const LONG_MS = 300_000
/** Records that are sent without a pause. */
const BURST = 150

let agent: TestAgent | undefined
afterEach(() => agent?.close())

interface Account {
  queued: number[]
  refused: number[]
}

/** Sends them all, with something happening to the connection every so often. */
async function sendAll(send: (number: number) => SendOutcome, disturb: (round: number) => void): Promise<Account> {
  const account: Account = { queued: [], refused: [] }
  const every = RECORDS / RESETS
  let disturbances = 0
  for (let number = 0; number < RECORDS; number++) {
    const outcome = send(number)
    if (!outcome.queued) expect(outcome.error.category).toBe('queue-full')
    account[outcome.queued ? 'queued' : 'refused'].push(number)
    if (number >= (disturbances + 0.5) * every) disturb(disturbances++)
    if (number % BURST === 0) await turn()
  }
  expect(disturbances).toBe(RESETS)
  return account
}

async function open(options: SmartAuditOptions): Promise<{ client: SmartAuditClient; agent: TestAgent }> {
  const path = join(folder(), 'agent.sock')
  const started = await startTestAgent({ path })
  agent = started
  return { client: createSmartAuditClient(unixConnection(path), options), agent: started }
}

const sum = (account: Account): number[] => [...account.queued, ...account.refused].sort((a, b) => a - b)

describe('an agent that acknowledges', () => {
  test.each<[string, SmartAuditOptions]>([
    ['a queue that is large enough', { queueSize: RECORDS }],
    ['a queue that is full at times', { queueSize: 100 }],
  ])(
    'is cut off again and again, with %s',
    async (_what, options) => {
      const { client, agent } = await open({ ...options, acknowledge: true })
      const account = await sendAll(
        (number) => client.send(numbered(number)),
        () => agent.reset(),
      )
      expect(await client.close({ timeoutMs: 60_000 })).toEqual({ undelivered: 0, kept: 0 })
      expect(numbersOf(agent.records)).toEqual(account.queued)
      expect(sum(account)).toEqual(upTo(RECORDS))
      expect(account.refused.length > 0).toBe(options.queueSize !== RECORDS)
      expect(client.stats()).toMatchObject({ sent: account.queued.length, queued: account.queued.length })
      expect(client.stats().refused['queue-full']).toBe(account.refused.length)
    },
    LONG_MS,
  )

  test(
    'reads slowly and is cut off, and what finds no room goes to a folder',
    async () => {
      const dir = folder()
      const { client, agent } = await open({ acknowledge: true, queueSize: 100, overflow: { dir } })
      const account = await sendAll(
        (number) => client.send(numbered(number)),
        (round) => {
          if (round % 3 === 0) agent.stall()
          else if (round % 3 === 1) agent.resume()
          else agent.reset()
        },
      )
      agent.resume()
      expect(await client.close({ timeoutMs: 60_000 })).toEqual({ undelivered: 0, kept: 0 })
      expect(account.refused).toEqual([])
      expect(numbersOf(agent.records)).toEqual(upTo(RECORDS))
      expect(numbersIn(dir)).toEqual([])
      expect(client.stats().overflowed).toBeGreaterThan(0)
    },
    LONG_MS,
  )

  test(
    'goes away: what it has not acknowledged is in the folder, and the next client sends it',
    async () => {
      const dir = folder()
      const { client, agent: first } = await open({ acknowledge: true, queueSize: 100, overflow: { dir } })
      const account = await sendAll(
        (number) => client.send(numbered(number)),
        (round) => {
          if (round === Math.floor(RESETS / 2)) first.stall()
        },
      )
      expect(account.refused).toEqual([])
      const { undelivered, kept } = await client.close({ timeoutMs: 0 })
      expect(kept).toBe(undelivered)
      const delivered = numbersOf(first.records)
      const left = numbersIn(dir)
      expect(left.length).toBeGreaterThan(RECORDS / 4)
      // What was read and whose acknowledgement did not come is in both: nobody can know.
      const again = new Set(delivered)
      expect([...delivered, ...left.filter((number) => !again.has(number))]).toEqual(upTo(RECORDS))
      await first.close()
      const second = await startTestAgent(first.path === undefined ? {} : { path: first.path })
      agent = second
      const next = createSmartAuditClient(unixConnection(first.path), { acknowledge: true, overflow: { dir } })
      await second.waitForRecords(left.length, 60_000)
      expect(await next.close()).toEqual({ undelivered: 0, kept: 0 })
      expect(numbersOf(second.records)).toEqual(left)
      expect(numbersIn(dir)).toEqual([])
    },
    LONG_MS,
  )
})

describe('an agent that does not acknowledge', () => {
  test(
    'ends its connections in an orderly way, reads slowly, and the queue is full at times',
    async () => {
      const { client, agent } = await open({ queueSize: 200 })
      const account = await sendAll(
        (number) => client.send(numbered(number)),
        (round) => {
          if (round % 4 === 3) agent.stall()
          else {
            agent.resume()
            agent.end()
          }
        },
      )
      agent.resume()
      expect(await client.close({ timeoutMs: 60_000 })).toEqual({ undelivered: 0, kept: 0 })
      await agent.waitForRecords(account.queued.length)
      expect(numbersOf(agent.records)).toEqual(account.queued)
      expect(sum(account)).toEqual(upTo(RECORDS))
      expect(client.stats().connections).toBeGreaterThan(RESETS / 3)
    },
    LONG_MS,
  )
})

test(
  'a base client is given one connection after the other, and keeps its queue',
  async () => {
    const started = await startTestAgent()
    agent = started
    const connection = () => tcpConnection({ port: started.port })
    const client = createAuditClient(connection(), { queueSize: RECORDS })
    let resets: Promise<unknown> = Promise.resolve()
    const account = await sendAll(
      (number) => client.send(numbered(number)),
      () => {
        resets = resets.then(() => client.reset(connection()))
      },
    )
    await resets
    expect(account.refused).toEqual([])
    expect(await client.close({ timeoutMs: 60_000 })).toEqual({ undelivered: 0, kept: 0 })
    await started.waitForRecords(RECORDS)
    expect(numbersOf(started.records)).toEqual(upTo(RECORDS))
    expect(started.connections.total).toBe(RESETS + 1)
  },
  LONG_MS,
)

test(
  'the server stores each record once, over a way that is cut again and again',
  async () => {
    const server = await openForwardServer()
    const sockets = new Set<Socket>()
    const proxy = createServer((socket) => {
      const onward = connect(server.port)
      for (const end of [socket, onward]) {
        sockets.add(end)
        end.on('error', () => undefined)
        end.on('close', () => sockets.delete(end))
      }
      socket.pipe(onward).pipe(socket)
      socket.on('close', () => onward.destroy())
      onward.on('close', () => socket.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const client = createSmartAuditClient(tcpConnection({ port }), { acknowledge: true, queueSize: RECORDS })
    const account = await sendAll(
      (number) => client.send(numbered(number)),
      () => {
        for (const socket of sockets) socket.destroy()
      },
    )
    expect(account.refused).toEqual([])
    expect(await client.close({ timeoutMs: 60_000 })).toEqual({ undelivered: 0, kept: 0 })
    const events = server.sink.events().filter(({ attributes }) => attributes.has('OperationName'))
    const stored = events.map(({ attributes }) => Number(attributes.get('OperationName')?.slice('operation '.length)))
    expect(stored.toSorted((a, b) => a - b)).toEqual(upTo(RECORDS))
    await new Promise((resolve) => proxy.close(resolve))
    await server.close()
  },
  LONG_MS,
)
