import { afterEach, describe, expect, test } from 'vitest'
import { EventBatch } from '../../core/batch.ts'
import { OPEN_PRINCIPAL, type Principal } from '../../core/principal.ts'
import { encodeCommand } from '../../wire/logd/message.ts'
import { sealPacket } from '../../wire/logd/packet.ts'
import {
  nowNs,
  openLogdClient,
  openLogdServer,
  packetOf,
  until,
  type LogdServerOptions,
  type LogdTestClient,
  type LogdTestServer,
} from './testing/logd-server.ts'

const TAILING = '\rtailing logs\x1b[0K'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function open(options: LogdServerOptions = {}): Promise<{ server: LogdTestServer; client: LogdTestClient }> {
  const server = await openLogdServer(options)
  closers.push(() => server.close())
  return { server, client: await connect(server) }
}

async function connect(server: LogdTestServer): Promise<LogdTestClient> {
  const client = await openLogdClient(server.port)
  closers.push(() => client.close())
  return client
}

async function startTail(client: LogdTestClient, query?: Parameters<LogdTestClient['ask']>[1]): Promise<void> {
  const before = client.texts().filter((text) => text === TAILING).length
  await client.ask('tail', query)
  await until(() => client.texts().filter((text) => text === TAILING).length > before, 'it tails')
}

const logs = (client: LogdTestClient): string[] =>
  client.received.filter(({ key }) => key !== '//logd').map(({ text }) => text)

describe('a tail', () => {
  test('shows what comes from then on, in order, and nothing of before', async () => {
    const { server, client } = await open()
    await client.write('before')
    await until(() => server.sink.rows === 1, 'it is written')
    await startTail(client)
    const texts = Array.from({ length: 300 }, (_, n) => `m${n}`)
    for (const text of texts) await client.write(text)
    await until(() => logs(client).length === 300, 'everything is shown')
    expect(logs(client)).toEqual(texts)
    expect(client.received[0]).toEqual({ level: 'unknown', key: '//logd', text: TAILING })
  })

  test('with filters: the level is the lowest, the key a prefix', async () => {
    const { server, client } = await open()
    const [prefix, level, url, everything] = [
      client,
      await connect(server),
      await connect(server),
      await connect(server),
    ]
    await startTail(prefix, { keyPrefix: '/prod/app' })
    await startTail(level, { level: 'warn' })
    await startTail(url, { url: '/shop', responseStatus: 500, httpMethod: 'GET', text: 'BROKE' })
    await startTail(everything)
    await client.write('a', { key: '/prod/apple', level: 'error' })
    await client.write('b', { key: '/prod/ap', level: 'warn' })
    await client.write('it broke', { url: '/shop/1', responseStatus: 500, httpMethod: 'GET' })
    await client.write('it broke too', { url: '/shop/1', responseStatus: 501, httpMethod: 'GET' })
    await client.write('end', {
      key: '/prod/app/x',
      level: 'fatal',
      url: '/shop',
      responseStatus: 500,
      httpMethod: 'GET',
    })
    await until(() => logs(everything).length === 5, 'everything is shown')
    await until(() => logs(prefix).length === 2 && logs(level).length === 3 && logs(url).length === 1, 'all filter')
    expect(logs(prefix)).toEqual(['a', 'end'])
    expect(logs(level)).toEqual(['a', 'b', 'end'])
    expect(logs(url)).toEqual(['it broke'])
  })

  test('asked for again from the same address is another one, not a second', async () => {
    const { server, client } = await open()
    await startTail(client, { keyPrefix: '/a' })
    await startTail(client, { keyPrefix: '/b' })
    expect(server.live.status().subscribers).toBe(1)
    await client.write('1', { key: '/a' })
    await client.write('2', { key: '/b' })
    await until(() => logs(client).length > 0, 'one is shown')
    expect(logs(client)).toEqual(['2'])
  })

  test('shows events of other sources, but none that pretends to be the server’s own words', async () => {
    const { server, client } = await open()
    await startTail(client)
    const batch = new EventBatch()
    batch.append({ service: '//logd', message: 'kick' })
    batch.append({ service: 'shop', message: 'from elsewhere', severity: 10, attributes: new Map([['user', 'x']]) })
    await server.pipeline.write(batch)
    await until(() => client.received.length === 2, 'one is shown')
    expect(client.received[1]).toMatchObject({ key: 'shop', text: 'from elsewhere', level: 'info' })
    await client.ask('query')
    await until(() => client.texts().includes('+END'), 'it is answered')
    expect(client.texts()).toEqual([TAILING, 'from elsewhere', 'from elsewhere', '+END'])
  })

  test('too many are dropped', async () => {
    const { server, client } = await open({ limits: { tailsMax: 2 } })
    await startTail(client)
    await startTail(await connect(server))
    const third = await connect(server)
    await third.ask('tail')
    await until(() => server.dropped('overload') === 1, 'it is dropped')
    expect(server.live.status().subscribers).toBe(2)
    // The first may still change its filter.
    await startTail(client, { level: 'warn' })
    expect(third.received).toEqual([])
  })

  test('ends when its key ends, and only its own key keeps it', async () => {
    let end: (() => void) | undefined
    const principal: Principal = {
      ...OPEN_PRINCIPAL,
      keyId: 'k1',
      role: 'read',
      onEnded: (listener) => {
        end = listener
        return () => undefined
      },
    }
    const { server, client } = await open({
      limits: { pingMsMax: 150, sweepMs: 20 },
      keyOf: (id) => (id === 'k1' ? { key: Buffer.from('k'), principal } : undefined),
    })
    const send = (name: 'tail' | 'ping'): Promise<void> =>
      client.send(
        sealPacket({ layout: 'v3', keyId: 'k1', key: 'k', timeNs: nowNs(), payload: encodeCommand({ name }) }),
      )
    await send('tail')
    await until(() => client.texts().includes(TAILING), 'it tails')
    end?.()
    await until(() => client.texts().includes('kick'), 'it is kicked')
    expect(server.live.status().subscribers).toBe(0)
    await send('tail')
    await until(() => client.texts().length === 3, 'it tails again')
    // Pings with the read secret are valid, but not those of this tail.
    const pings = setInterval(() => void client.ask('ping'), 20)
    await until(() => client.texts().length === 4, 'it is kicked')
    clearInterval(pings)
    expect(client.texts().at(-1)).toBe('kick')
  })
})

describe('without pings', () => {
  test('it is kicked, and a ping does not bring it back', async () => {
    const { server, client } = await open({ limits: { pingMsMax: 100, sweepMs: 20 } })
    await startTail(client)
    await until(() => client.texts().includes('kick'), 'it is kicked')
    expect(server.live.status().subscribers).toBe(0)
    expect(server.counters.total('logd_kicks_total')).toBe(1)
    await client.ask('ping')
    await client.write('unseen')
    await until(() => server.sink.rows === 1, 'it is written')
    await client.ask('query')
    await until(() => client.texts().at(-1) === '+END', 'it is answered')
    expect(client.texts()).toEqual([TAILING, 'kick', 'unseen', '+END'])
  })

  test('and with them it is not', async () => {
    const { server, client } = await open({ limits: { pingMsMax: 500, sweepMs: 10 } })
    const other = await connect(server)
    await startTail(client)
    await startTail(other)
    const pings = setInterval(() => void client.ask('ping'), 20)
    await until(() => other.texts().includes('kick'), 'the other one is kicked')
    await startTail(other)
    await until(() => other.texts().filter((text) => text === 'kick').length === 2, 'it is kicked again')
    clearInterval(pings)
    expect(client.texts()).toEqual([TAILING])
  })

  test('closing the server kicks', async () => {
    const { server, client } = await open()
    await startTail(client)
    await server.close()
    closers.shift()
    await until(() => client.texts().includes('kick'), 'it is kicked')
  })
})

describe('no more is sent to an address than is due', () => {
  test('whatever it asks for: bytes by the bucket', async () => {
    const limits = { answerBurstBytes: 20_000, answerBytesPerSecondMax: 50_000 }
    const { server, client } = await open({ limits })
    for (let n = 0; n < 300; n++) await client.write(`${n} ${'x'.repeat(300)}`)
    await until(() => server.sink.rows === 300, 'all is written')
    await startTail(client)
    const startMs = performance.now()
    for (let n = 0; n < 10; n++) await client.ask('query')
    while (client.bytes < 80_000) {
      await until(() => client.bytes >= 80_000 || performance.now() > startMs + 5, 'a moment passes')
      const seconds = (performance.now() - startMs) / 1000
      const dueBytes = limits.answerBurstBytes + seconds * limits.answerBytesPerSecondMax
      // What is on its way when the clock is read, and the timer's coarseness.
      expect(client.bytes).toBeLessThan(dueBytes + 5000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

  test('a slow tail skips, says how many, and goes on', async () => {
    const limits = { answerBurstBytes: 2000, answerBytesPerSecondMax: 100_000, tailBufferEventsMax: 10 }
    const { server, client } = await open({ limits })
    await startTail(client)
    for (let n = 0; n < 1000; n++) await client.write(`${n} ${'x'.repeat(200)}`)
    await until(() => server.sink.rows === 1000, 'all is written')
    const skipped = (): number =>
      client.received.reduce(
        (sum, { key, text }) => sum + (key === '//logd' ? Number(/^(\d+) messages skipped$/.exec(text)?.[1] ?? 0) : 0),
        0,
      )
    await until(() => logs(client).length + skipped() === 1000, 'all is shown or skipped')
    expect(skipped()).toBeGreaterThan(500)
    expect(server.counters.total('logd_tail_skipped_total')).toBe(skipped())
    expect(logs(client).at(-1)).toMatch(/^999 /)
  })

  test('nothing at all for a replay from elsewhere', async () => {
    const { server, client } = await open()
    const packet = packetOf({ name: 'tail' })
    await client.send(packet)
    await until(() => client.received.length === 1, 'it tails')
    const victim = await connect(server)
    for (let i = 0; i < 10; i++) await victim.send(packet)
    await until(() => server.dropped('replay') === 10, 'they are dropped')
    await client.write('for the first only')
    await until(() => logs(client).length === 1, 'it is shown')
    expect(victim.received).toEqual([])
  })
})
