import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Counters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import { makeSelfSigned } from '../../net/tls-self-signed.ts'
import { SOURCES } from '../registry.ts'
import { sourceContract } from '../testing/contract.ts'
import { MemorySink } from '../testing/memory-sink.ts'
import {
  hasClosed,
  openSyslogServer,
  sendDatagram,
  sendStream,
  type SyslogServerOptions,
  type SyslogTestServer,
} from './testing/syslog-server.ts'

const UDP = { protocol: 'udp', host: '127.0.0.1', port: 0 } as const
const open: SyslogTestServer[] = []

async function openServer(options: SyslogServerOptions = {}): Promise<SyslogTestServer> {
  const server = await openSyslogServer(options)
  open.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

const messages = (server: SyslogTestServer): string[] => server.sink.events().map((event) => event.message)
const arrived = (server: SyslogTestServer, count: number): Promise<void> =>
  vi.waitFor(() => expect(server.sink.rows).toBe(count), { timeout: 10_000, interval: 5 })

/** Writes wait until the function that is returned is called. */
function holdUp(sink: MemorySink): () => void {
  const waiting: (() => void)[] = []
  sink.onWrite = () => new Promise((resolve) => void waiting.push(resolve))
  return () => {
    sink.onWrite = () => undefined
    for (const letGo of waiting) letGo()
  }
}

test('the registry knows this source', () => {
  expect(SOURCES.map((source) => source.name)).toContain('syslog')
})

const cases = [
  { name: 'nothing', bytes: Buffer.alloc(0), events: [], rejected: {} },
  {
    name: 'messages of both kinds',
    bytes: Buffer.from(
      '<34>1 2003-10-11T22:14:15.003Z h su - ID47 [a b="c"] no\n<13>Nov 20 10:00:00 web cron[7]: ran\n',
    ),
    events: [
      {
        timestampNs: 1_065_910_455_003_000_000n,
        severity: 18,
        service: 'su',
        host: 'h',
        source: 'syslog',
        message: 'no',
        attributes: new Map([
          ['syslog.facility', 'auth'],
          ['a.b', 'c'],
          ['syslog.msgid', 'ID47'],
        ]),
      },
      { severity: 10, service: 'cron', host: 'web', message: 'ran' },
    ],
    rejected: {},
  },
  {
    name: 'what is no syslog',
    bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    events: [{ message: 'GET / HTTP/1.1', host: 'testhost' }],
    rejected: {},
  },
]

sourceContract(
  'syslog',
  async () => {
    const sink = new MemorySink()
    const counters = new Counters()
    return {
      sink,
      counters,
      deliver: async (bytes) => {
        const server = await openSyslogServer({ sink, counters })
        await sendStream({ port: server.port }, bytes)
        await server.close()
        return undefined
      },
      close: () => Promise.resolve(),
    }
  },
  cases,
)

describe('datagrams', () => {
  test('one message each, newlines included', async () => {
    const server = await openServer({ address: UDP })
    await sendDatagram(server.port, '<13>Nov 20 10:00:00 web app: one\ntwo\n')
    await arrived(server, 1)
    expect(server.sink.events()).toMatchObject([{ service: 'app', host: 'web', message: 'one\ntwo' }])
  })

  test('those from elsewhere, empty ones, and those of a key that is gone are counted', async () => {
    let isAllowed = false
    let isKey = true
    const server = await openServer({
      address: UDP,
      allows: () => isAllowed,
      principal: () => (isKey ? OPEN_PRINCIPAL : undefined),
    })
    const counted = (reason: string): Promise<void> =>
      vi.waitFor(() => expect(server.rejected(reason)).toBe(1), { timeout: 10_000, interval: 5 })
    await sendDatagram(server.port, '<13>a')
    await counted('address')
    isAllowed = true
    await sendDatagram(server.port, '\n')
    await counted('empty')
    isKey = false
    await sendDatagram(server.port, '<13>a')
    await counted('key')
    expect(server.sink.rows).toBe(0)
    const examples = server.counters.examples('ingest_rejected_total')
    expect(examples.map(({ labels, newest }) => [labels['reason'], newest[0]?.text])).toEqual([
      ['address', 'message from 127.0.0.1'],
      ['empty', '\n'],
      ['key', '<13>a'],
    ])
  })

  test('are cut where they are too long, and say so', async () => {
    const server = await openServer({ address: UDP, limits: { messageBytesMax: 10 } })
    await sendDatagram(server.port, '<13>abcdefghij')
    await arrived(server, 1)
    expect(server.sink.events()[0]).toMatchObject({ message: 'abcdef' })
    expect(server.sink.events()[0]?.attributes.get('truncated.bytes')).toBe('4')
    expect(server.counters.total('syslog_cut_total')).toBe(1)
  })

  test('are dropped while too much waits for the sink, and none is lost that was taken', async () => {
    const server = await openServer({ address: UDP, limits: { unacknowledgedBytesMax: 0 } })
    const letGo = holdUp(server.sink)
    await sendDatagram(server.port, '<13>taken')
    await vi.waitFor(
      async () => {
        await sendDatagram(server.port, '<13>dropped')
        expect(server.rejected('overload')).toBeGreaterThan(0)
      },
      { timeout: 10_000, interval: 5 },
    )
    letGo()
    await vi.waitFor(() => expect(messages(server)).toContain('taken'), { timeout: 10_000, interval: 5 })
  })
})

describe('streams', () => {
  test('octet counting and newlines, on a socket in the file system too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-syslog-'))
    const path = join(folder, 's.sock')
    try {
      const server = await openServer({ address: { protocol: 'unix', path }, allows: () => false })
      expect(server.listener.address).toBe(`unix://${path}`)
      expect(statSync(path).mode & 0o777).toBe(0o660)
      await sendStream({ path }, '7 <13>a\nb<13>c\n<13>unfinished')
      await arrived(server, 3)
      expect(messages(server)).toEqual(['a\nb', 'c', 'unfinished'])
      expect(server.sink.events()[0]?.host).toBe('testhost')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('what a connection has sent when the listener closes is kept', async () => {
    const server = await openServer()
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('<13>first\n<13>second is not fini')
    await arrived(server, 1)
    await server.close()
    socket.destroy()
    expect(messages(server)).toEqual(['first', 'second is not fini'])
  })

  test('from elsewhere are closed', async () => {
    const server = await openServer({ allows: () => false })
    await sendStream({ port: server.port }, '<13>a\n')
    expect(server.rejected('address')).toBe(1)
    expect(server.sink.rows).toBe(0)
  })

  test('are closed when the key is gone, so that senders keep what they have', async () => {
    let isKey = true
    const server = await openServer({ principal: () => (isKey ? OPEN_PRINCIPAL : undefined) })
    const socket = connect(server.port, '127.0.0.1')
    const closed = hasClosed(socket)
    await once(socket, 'connect')
    socket.write('<13>a\n')
    await arrived(server, 1)
    isKey = false
    socket.write('<13>b\n')
    await closed
    expect(server.rejected('key')).toBe(1)
    await sendStream({ port: server.port }, '<13>c\n')
    expect([server.rejected('key'), server.sink.rows]).toEqual([2, 1])
  })

  test('more connections than the limit are closed', async () => {
    const server = await openServer({ limits: { connectionsMax: 1 } })
    const first = connect(server.port, '127.0.0.1')
    await once(first, 'connect')
    first.write('<13>a\n')
    await arrived(server, 1)
    await sendStream({ port: server.port }, '<13>b\n')
    expect(server.counters.total('syslog_connections_refused_total')).toBe(1)
    first.destroy()
  })

  test('are read no further while the sink does not keep up, and lose nothing', async () => {
    const server = await openServer({ limits: { unacknowledgedBytesMax: 0 } })
    const letGo = holdUp(server.sink)
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('<13>0\n')
    await vi.waitFor(() => expect(server.counters.total('ingest_bytes_total')).toBe(6), {
      timeout: 10_000,
      interval: 5,
    })
    const text = Array.from({ length: 2000 }, (_, i) => `<13>${i + 1} ${'x'.repeat(1000)}\n`).join('')
    socket.end(text)
    letGo()
    await arrived(server, 2001)
    expect(messages(server).map((message) => Number(message.split(' ')[0]))).toEqual(
      Array.from({ length: 2001 }, (_, i) => i),
    )
  })

  test('what the sink has no room for is tried again', async () => {
    const server = await openServer({ limits: { retryMs: 1 } })
    server.sink.onWrite = () => {
      if (server.counters.total('syslog_retries_total') < 3) throw new AppError('SPOOL_FULL')
    }
    await sendStream({ port: server.port }, '<13>a\n')
    await arrived(server, 1)
    expect([messages(server), server.rejected('refused')]).toEqual([['a'], 0])
  })

  test('TLS', async () => {
    const { cert, key } = await makeSelfSigned(['localhost'], Date.now())
    const server = await openServer({
      address: { protocol: 'tls', host: '127.0.0.1', port: 0 },
      tls: { material: { cert, key }, attach: () => undefined },
    })
    const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.end('8 <13>safe')
    await arrived(server, 1)
    expect(messages(server)).toEqual(['safe'])
  })
})
