import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import { encodeCommand, encodeMessage } from '../../wire/logd/message.ts'
import { sealPacket } from '../../wire/logd/packet.ts'
import {
  nowNs,
  openLogdClient,
  openLogdServer,
  packetOf,
  until,
  WRITE_SECRET,
  type LogdServerOptions,
  type LogdTestClient,
  type LogdTestServer,
} from './testing/logd-server.ts'

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

/** Waits until everything sent before has been decided about. */
async function settled(server: LogdTestServer, client: LogdTestClient): Promise<void> {
  const before = server.dropped('short')
  await client.send(Buffer.from('end'))
  await until(() => server.dropped('short') > before, 'the last datagram is decided about')
}

/** Writes events and waits until they are in memory. */
async function writeAll(server: LogdTestServer, client: LogdTestClient, texts: readonly string[]): Promise<void> {
  const rows = server.sink.rows + texts.length
  for (const text of texts) await client.write(text)
  await until(() => server.sink.rows === rows, 'everything is written')
}

async function answered(client: LogdTestClient): Promise<string[]> {
  await until(() => client.texts().includes('+END'), '+END')
  const texts = client.texts()
  expect(texts.indexOf('+END')).toBe(texts.length - 1)
  client.received.length = 0
  return texts.slice(0, -1)
}

function sealed(payload: Uint8Array, secret = WRITE_SECRET): Buffer {
  return sealPacket({ layout: 'v1', secret, timeNs: nowNs(), payload })
}

function from(numbers: readonly number[]): string[] {
  return numbers.map((n) => `m${n}`)
}

const TAILING = encodeMessage({ level: 'unknown', key: '//logd', text: '\rtailing logs\x1b[0K' })

describe('writing', () => {
  test('what is written is an event', async () => {
    const { server, client } = await open()
    await client.write('hello', { timeNs: 1_700_000_000_123_456_789n, level: 'warn', key: '/prod/app/http', url: '/x' })
    await until(() => server.sink.rows === 1, 'it is written')
    expect(server.sink.events()).toMatchObject([
      {
        timestampNs: 1_700_000_000_123_456_789n,
        severity: 13,
        service: '/prod/app/http',
        host: 'testhost',
        source: 'logd',
        message: 'hello',
        attributes: new Map([['url.full', '/x']]),
      },
    ])
    expect(server.counters.total('ingest_events_total', { source: 'logd' })).toBe(1)
    expect(client.received).toEqual([])
  })

  test('in the order in which it came, in few batches', async () => {
    const { server, client } = await open()
    const texts = Array.from({ length: 2000 }, (_, n) => `message ${n}`)
    await writeAll(server, client, texts)
    expect(server.sink.events().map((event) => event.message)).toEqual(texts)
    expect(server.sink.batches.length).toBeLessThan(500)
  })

  test('a datagram of 60 kB', async () => {
    const { server, client } = await open()
    await client.write('x'.repeat(60_000))
    await until(() => server.sink.rows === 1, 'it is written')
  })

  test('the same packet twice is one event, and a replay', async () => {
    const { server, client } = await open()
    const packet = packetOf({ name: 'write', message: { level: 'info', key: '/a/b', text: 'once' } })
    for (let i = 0; i < 5; i++) await client.send(packet)
    await settled(server, client)
    await until(() => server.sink.rows === 1, 'it is written')
    expect(server.dropped('replay')).toBe(4)
  })

  test('what waits for the disk is bounded, and the rest is counted', async () => {
    const { server, client } = await open({ limits: { unacknowledgedBytesMax: 20_000, batchBytes: 4000 } })
    let release: (() => void) | undefined
    const disk = new Promise<void>((resolve) => {
      release = resolve
    })
    server.sink.onWrite = () => disk
    for (let n = 0; n < 500; n++) await client.write(`${n} ${'x'.repeat(200)}`)
    await settled(server, client)
    const overload = server.dropped('overload')
    expect(overload).toBeGreaterThan(300)
    expect(server.counters.total('ingest_events_total')).toBe(0)
    release?.()
    await until(() => server.counters.total('ingest_events_total') === 500 - overload, 'the rest is written')
    await writeAll(server, client, ['again'])
  })

  test('what the sink refuses is counted', async () => {
    const { server, client } = await open()
    server.sink.onWrite = () => {
      throw new Error('refused by the test')
    }
    await client.write('lost')
    await until(() => server.dropped('refused') === 1, 'it is refused')
    expect(server.counters.total('ingest_rejected_total', { source: 'logd', reason: 'refused' })).toBe(1)
  })

  test('closing waits for what was taken', async () => {
    const { server, client } = await open({ limits: { flushMs: 60_000 } })
    await client.write('last')
    await settled(server, client)
    expect(server.sink.rows).toBe(0)
    await server.close()
    expect(server.sink.rows).toBe(1)
    closers.shift()
  })

  test('what a key stamps', async () => {
    const principal = { ...OPEN_PRINCIPAL, keyId: 'k1', role: 'write' as const }
    const seen: string[] = []
    const { server, client } = await open({
      keyOf: (id) => (id === 'k1' ? { key: Buffer.from('secret'), principal } : undefined),
      sinkFor: (own) => (from) => {
        seen.push(from.keyId)
        return own
      },
    })
    const payload = encodeCommand({ name: 'write', message: { level: 'info', key: '/a', text: 'm' } })
    await client.send(sealPacket({ layout: 'v3', keyId: 'k1', key: 'secret', timeNs: nowNs(), payload }))
    await until(() => server.sink.rows === 1, 'it is written')
    expect(seen).toEqual(['k1'])
  })
})

describe('dropped, counted, and never answered', () => {
  const message = { level: 'info' as const, key: '/a/b', text: 'x' }
  const nothing = encodeCommand({ name: 'write' })
  test.each<[string, string, () => Buffer]>([
    ['nothing', 'short', () => Buffer.alloc(0)],
    ['39 bytes', 'short', () => Buffer.alloc(39)],
    ['noise', 'signature', () => Buffer.alloc(500, 3)],
    ['another secret', 'signature', () => packetOf({ name: 'tail' }, { secret: 'x' })],
    ['a tail with the write secret', 'signature', () => packetOf({ name: 'tail' }, { secret: WRITE_SECRET })],
    ['a query with the write secret', 'signature', () => packetOf({ name: 'query' }, { secret: WRITE_SECRET })],
    ['a write with the read secret', 'signature', () => packetOf({ name: 'write', message }, { secret: 'gold' })],
    ['too old', 'stale', () => packetOf({ name: 'tail' }, { timeNs: nowNs() - 1_000_000_000n })],
    ['from the future', 'future', () => packetOf({ name: 'tail' }, { timeNs: nowNs() + 1_000_000_000n })],
    ['no command', 'decode', () => sealed(Buffer.from([0xff]))],
    ['a command that does not exist', 'decode', () => sealed(Buffer.from([8, 9]), 'gold')],
    ['a write without message', 'decode', () => sealed(nothing)],
    ['a bare message', 'decode', () => sealed(encodeMessage(message))],
    ['no key', 'key', () => packetOf({ name: 'write', message: { ...message, key: '' } })],
    ['the server’s own key', 'key', () => packetOf({ name: 'write', message: { ...message, key: '//logd' } })],
    ['a key of 2 kB', 'key', () => packetOf({ name: 'write', message: { ...message, key: 'k'.repeat(2000) } })],
  ])('%s: %s', async (_what, reason, packet) => {
    const { server, client } = await open()
    await client.send(packet())
    await until(() => server.dropped(reason) === 1, `it is ${reason}`)
    expect(server.counters.total('logd_dropped_total')).toBe(1)
    expect(server.counters.total('ingest_rejected_total', { source: 'logd', reason })).toBe(1)
    // Had it been answered, that would have come before this.
    await client.ask('query')
    await answered(client)
    expect(server.counters.total('logd_answers_total')).toBe(1)
    expect(server.sink.rows).toBe(0)
  })

  test('whatever is signed, nothing is thrown and the next is served', async () => {
    const { server, client } = await open({ isInsecure: true, readSecret: '', writeSecret: '' })
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.alloc(40), bytes])),
      fc
        .uint8Array({ maxLength: 60 })
        .map((bytes) => Buffer.concat([Buffer.alloc(40), Buffer.from([8, 3, 0x1a, 60]), bytes])),
    )
    for (const bytes of fc.sample(anything, 2000)) await client.send(bytes)
    await settled(server, client)
    await until(() => server.counters.total('ingest_events_total') === server.sink.rows, 'all is written')
    const rows = server.sink.rows
    await client.write('well')
    await until(() => server.sink.rows > rows, 'it is written')
  })
})

describe('queries', () => {
  test('newest first, offset and limit after the filters, whatever the depth of the key', async () => {
    const { server, client } = await open()
    for (let n = 0; n < 30; n++) {
      const level = n % 3 === 0 ? 'error' : 'info'
      await client.write(`m${n}`, { key: n % 2 === 0 ? '/prod/app/http/deep' : '/prod/ap', level })
    }
    await until(() => server.sink.rows === 30, 'all is written')
    const ask = async (query: Parameters<typeof client.ask>[1]): Promise<string[]> => {
      await client.ask('query', query)
      return answered(client)
    }
    const all = Array.from({ length: 30 }, (_, n) => 29 - n)
    expect(await ask(undefined)).toEqual(from(all))
    expect(await ask({ limit: 0 })).toEqual(from(all))
    expect(await ask({ limit: 2, level: 'error' })).toEqual(['m27', 'm24'])
    expect(await ask({ limit: 2, offset: 2, level: 'error' })).toEqual(['m21', 'm18'])
    expect(await ask({ offset: 29 })).toEqual(['m0'])
    expect(await ask({ offset: 30 })).toEqual([])
    expect(await ask({ keyPrefix: '/prod/app/http/deep' })).toEqual(from(all.filter((n) => n % 2 === 0)))
    expect(await ask({ keyPrefix: '/prod/ap' })).toEqual(from(all))
    expect(await ask({ keyPrefix: '/prod/x' })).toEqual([])
    expect(await ask({ text: 'M1', limit: 3 })).toEqual(['m19', 'm18', 'm17'])
    expect(await ask({ level: 'warn' })).toEqual([])
  })

  test('what was written before is found, also while the disk is slow; but not forever', async () => {
    const { server, client } = await open({ limits: { flushMs: 60_000, queryWaitMsMax: 5000 } })
    server.sink.onWrite = () => new Promise((resolve) => void setTimeout(resolve, 50))
    await client.write('just now')
    await client.ask('query')
    expect(await answered(client)).toEqual(['just now'])
    const stuck = await open({ limits: { queryWaitMsMax: 20 } })
    let release: (() => void) | undefined
    stuck.server.sink.onWrite = () => new Promise((resolve) => (release = resolve))
    await stuck.client.write('not yet')
    await stuck.client.ask('query')
    expect(await answered(stuck.client)).toEqual([])
    release?.()
  })

  test('the answer bears everything, and the end is the original’s', async () => {
    const { server, client } = await open()
    const message = {
      timeNs: 1_700_000_000_123_456_789n,
      level: 'fatal' as const,
      key: '/a/b',
      stackTrace: 'at x',
      httpMethod: 'PATCH' as const,
      url: '/y',
      responseStatus: 500,
    }
    await client.write('all', message)
    await until(() => server.sink.rows === 1, 'it is written')
    await client.ask('query')
    await until(() => client.received.length === 2, 'it is answered')
    expect(client.received).toEqual([
      { ...message, text: 'all' },
      { level: 'unknown', text: '+END', key: '//logd' },
    ])
  })

  test('a message that does not fit into a datagram is cut and says so', async () => {
    const { server, client } = await open()
    await writeAll(server, client, ['ü'.repeat(5000)])
    await client.ask('query')
    const [text = ''] = await answered(client)
    expect(text).toMatch(/^ü+… \[\d+ bytes cut\]$/)
    expect(client.bytes).toBeLessThan(1600)
    expect(Buffer.byteLength(text.split('…')[0] ?? '') + Number(/(\d+) bytes/.exec(text)?.[1])).toBe(10_000)
  })

  test('too many at once are dropped', async () => {
    const { server, client } = await open({ limits: { queriesMax: 2, answersPerMsMax: 1 } })
    await writeAll(
      server,
      client,
      Array.from({ length: 200 }, (_, n) => `m${n}`),
    )
    const others = await Promise.all([connect(server), connect(server)])
    for (const other of others) await other.ask('query')
    await client.ask('query')
    await until(() => server.dropped('overload') === 1, 'one is dropped')
    for (const other of others) expect(await answered(other)).toHaveLength(200)
    await client.ask('query')
    expect(await answered(client)).toHaveLength(200)
  })

  test('what a key may not see is not there', async () => {
    const principal = { ...OPEN_PRINCIPAL, keyId: 'k1', role: 'read' as const }
    const { server, client } = await open({
      keyOf: () => ({ key: Buffer.from('k'), principal, matches: (event) => event.text('message') !== 'secret' }),
    })
    await writeAll(server, client, ['open', 'secret', 'open too'])
    const payload = encodeCommand({ name: 'query', query: { limit: 3 } })
    await client.send(sealPacket({ layout: 'v3', keyId: 'k1', key: 'k', timeNs: nowNs(), payload }))
    expect(await answered(client)).toEqual(['open too', 'open'])
  })
})

test('the reply to TAIL is the original’s', () => {
  expect(TAILING.toString('hex')).toBe('3a110d7461696c696e67206c6f67731b5b304b62062f2f6c6f6764')
})
