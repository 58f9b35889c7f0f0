/** Bodies made to hurt. Whatever comes, the server answers, keeps what is good, and its memory stays flat. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpServerLimits } from '../../net/http-limits.ts'
import type { SourceLimits } from '../source.ts'
import { type IngestServer, openIngestServer } from '../testing/ingest-server.ts'

let server: IngestServer
afterEach(() => server.http.close())

async function open(limits: Partial<SourceLimits> = {}, http: Partial<HttpServerLimits> = {}): Promise<IngestServer> {
  server = await openIngestServer(limits, http)
  return server
}

const MiB = 1024 * 1024
const GOOD = '{"message":"good"}\n'
const JSON_LINES = { 'content-type': 'application/x-ndjson' }

/** A hostile line between two good ones. What comes of it: the attributes of an event, or the reason of a reject. */
const LINES: [string, () => string | Buffer, { attributes: Record<string, string> } | { reason: string }][] = [
  [
    'objects nested 150,000 deep',
    () => '{"a":'.repeat(150_000) + '1' + '}'.repeat(150_000),
    { attributes: { 'a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a': '{"a":'.repeat(149_983) + '1' + '}'.repeat(149_983) } },
  ],
  [
    'arrays nested 500,000 deep',
    () => `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
    { attributes: { a: '['.repeat(500_000) + ']'.repeat(500_000) } },
  ],
  [
    'objects nested a million deep',
    () => '{"a":'.repeat(1_000_000) + '1' + '}'.repeat(1_000_000),
    { reason: 'longer than the limit for one event (1048576 bytes)' },
  ],
  [
    'a million brackets that never close',
    () => `{"a":${'['.repeat(1_000_000)}`,
    { reason: 'not valid JSON at byte 6' },
  ],
  [
    'a name of 10 MB',
    () => `{"${'k'.repeat(10_000_000)}":1}`,
    { reason: 'longer than the limit for one event (1048576 bytes)' },
  ],
  ['a name of 100 kB', () => `{"${'k'.repeat(100_000)}":1}`, { reason: 'a field name is longer than the limit' }],
  [
    '100,000 names',
    () => `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
    { reason: 'longer than the limit for one event (1048576 bytes)' },
  ],
  [
    '60,000 names',
    () => `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
    { reason: 'more fields than the limit for one event' },
  ],
  ['the same name twice', () => '{"a":1,"b":2,"a":3}', { attributes: { a: '3', b: '2' } }],
  ['the same name 50,000 times', () => `{${'"a":1,'.repeat(50_000)}"a":2}`, { attributes: { a: '2' } }],
  [
    '__proto__',
    () => '{"__proto__":"p","constructor":{"prototype":1}}',
    {
      attributes: Object.fromEntries([
        ['__proto__', 'p'],
        ['constructor.prototype', '1'],
      ]) as Record<string, string>,
    },
  ],
  [
    'numbers beyond a double',
    () => '{"a":1e400,"b":9007199254740993,"c":-0}',
    {
      attributes: { a: '1e400', b: '9007199254740993', c: '-0' },
    },
  ],
  ['lone surrogates', () => '{"a":"\\ud83d","b":"\\ude00\\ud83d"}', { attributes: { a: '�', b: '��' } }],
  [
    'invalid UTF-8',
    () => Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]), Buffer.from('"}')]),
    { attributes: { a: '��(�' } },
  ],
  ['NUL', () => '{"a":"\0","b":"\\u0000"}', { attributes: { a: '\0', b: '\0' } }],
  ['a vertical tab, a bell and a lone carriage return', () => '{"a":"\v\x07\rx"}', { attributes: { a: '\v\x07\rx' } }],
  ['line separators of Unicode', () => '{"a":"\u2028\u2029\u0085"}', { attributes: { a: '\u2028\u2029\u0085' } }],
]

const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external

/** The heap and the buffers beyond it, at their highest while `work` runs. */
async function peakOf(work: () => Promise<unknown>): Promise<number> {
  const before = used()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, used())
  }, 5)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return peak - before
}

function* repeated(piece: Buffer, count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield piece
}

async function bomb(bytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 })
  const zeros = Buffer.alloc(MiB, 0x20)
  Readable.from(
    (function* () {
      for (let i = 0; i < bytes / MiB; i++) yield zeros
    })(),
  ).pipe(gzip)
  return Buffer.concat(await gzip.toArray())
}

describe('one hostile line among good ones', () => {
  test.each(LINES)('%s', async (_name, line, outcome) => {
    const { post, sink } = await open()
    const middle = line()
    const body = Buffer.concat([Buffer.from(GOOD), Buffer.from(middle as string), Buffer.from(`\n${GOOD}`)])
    const answer = await post(new Uint8Array(body))
    const events = sink.events()
    expect([events.at(0)?.message, events.at(-1)?.message]).toEqual(['good', 'good'])
    if ('reason' in outcome) {
      expect(answer).toMatchObject({
        status: 200,
        body: { accepted: 2, rejected: [{ line: 2, reason: outcome.reason }] },
      })
    } else {
      expect(answer).toMatchObject({ status: 200, body: { accepted: 3, rejected: [] } })
      expect(new Map(events[1]?.attributes)).toEqual(new Map(Object.entries(outcome.attributes)))
    }
  })
})

describe('marks at the begin', () => {
  const text = '{"message":"grüße"}\n{"message":"два"}\n'
  const swapped = Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
  test.each([
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, little end first', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, big end first', swapped],
  ])('%s', async (_name, body) => {
    const { post, sink } = await open()
    expect(await post(new Uint8Array(body))).toMatchObject({ status: 200, body: { accepted: 2 } })
    expect(sink.events().map((event) => event.message)).toEqual(['grüße', 'два'])
  })
})

describe('size', () => {
  test('a gigabyte without a newline is one cut line of text, in little memory', async () => {
    const { post, sink } = await open()
    const piece = Buffer.alloc(MiB, 'x')
    const peak = await peakOf(async () => {
      const body = Readable.toWeb(Readable.from(repeated(piece, 1024))) as unknown as ReadableStream
      expect(await post(body, { 'content-type': 'text/plain' })).toMatchObject({ status: 200, body: { accepted: 1 } })
    })
    const [event] = sink.events()
    expect(event?.message).toHaveLength(MiB)
    expect(event?.attributes.get('truncated.bytes')).toBe(String(1023 * MiB))
    expect(peak).toBeLessThan(300 * MiB)
  })

  test('a gigabyte of JSON that is no event is refused, in little memory', async () => {
    const { post, sink } = await open()
    const piece = Buffer.from('[{"a":1},'.repeat(100_000))
    const peak = await peakOf(async () => {
      const body = Readable.toWeb(Readable.from(repeated(piece, 300))) as unknown as ReadableStream
      expect(await post(body)).toMatchObject({ status: 400, body: { code: 'NOTHING_ACCEPTED' } })
    })
    expect(sink.rows).toBe(0)
    expect(peak).toBeLessThan(300 * MiB)
  })

  test('a huge array streams through', async () => {
    const { post, sink } = await open({ batchBytes: MiB })
    sink.onWrite = (batch) => {
      expect(batch.length).toBeLessThan(2 * MiB)
      counted += batch.rows
      batch.rows = 0
    }
    let counted = 0
    const piece = Buffer.from('{"message":"in an array"},'.repeat(10_000))
    const pieces = function* (): Generator<Buffer> {
      yield Buffer.from('[')
      yield* repeated(piece, 100)
      yield Buffer.from('{"message":"last"}]')
    }
    const body = Readable.toWeb(Readable.from(pieces())) as unknown as ReadableStream
    expect(await post(body, { 'content-type': 'application/json' })).toMatchObject({ status: 200 })
    expect(counted).toBe(1_000_001)
  })

  test('an announced size beyond the limit is refused unread', async () => {
    const { post, sink } = await open({ bodyBytesMax: 1000 })
    expect(await post(GOOD.repeat(100))).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
    expect(sink.batches).toEqual([])
  })

  test('a size that was not announced is noticed', async () => {
    const { post } = await open({ bodyBytesMax: 1000 })
    const body = Readable.toWeb(Readable.from(repeated(Buffer.from(GOOD), 100))) as unknown as ReadableStream
    expect(await post(body)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
  })
})

describe('compression', () => {
  const headers = { ...JSON_LINES, 'content-encoding': 'gzip' }

  test('a bomb is noticed by its ratio', async () => {
    const { post, sink } = await open()
    const answer = await post(new Uint8Array(await bomb(64 * MiB)), headers)
    expect(answer).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
    expect(answer.body['detail']).toContain('500 to 1')
    expect(sink.rows).toBe(0)
  })

  test('what grows beyond the limit is refused', async () => {
    const { post } = await open({ decompressedBytesMax: 10_000 })
    const answer = await post(new Uint8Array(gzipSync(GOOD.repeat(1000))), headers)
    expect(answer).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE', problems: [{ accepted: 0 }] } })
  })

  test('cut off: nothing of a small body is kept, so that sending it again doubles nothing', async () => {
    const { post, sink } = await open()
    const whole = gzipSync(GOOD.repeat(1000))
    const answer = await post(new Uint8Array(whole.subarray(0, whole.length - 10)), headers)
    expect(answer).toMatchObject({ status: 400, body: { code: 'BODY_UNREADABLE', problems: [{ accepted: 0 }] } })
    expect(sink.rows).toBe(0)
  })

  test('not compressed at all', async () => {
    const { post } = await open()
    expect(await post(GOOD, headers)).toMatchObject({ status: 400, body: { code: 'BODY_UNREADABLE' } })
  })
})

describe('senders', () => {
  const HEAD = 'POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\n'

  test('a length that promises more than comes', async () => {
    const { port, sink, counters } = await open()
    const socket = connect(port, '127.0.0.1')
    socket.end(`${HEAD}content-length: 1000\r\n\r\n${GOOD}`)
    await once(socket.resume(), 'close')
    await expect.poll(() => counters.total('ingest_failed_bodies_total', { code: 'BODY_UNREADABLE' })).toBe(1)
    expect(sink.rows).toBe(0)
    expect(sink.holders).toBe(0)
  })

  test('a length that promises less than comes: the rest is no request, and the connection ends', async () => {
    const { port, post } = await open()
    const socket = connect(port, '127.0.0.1')
    socket.end(`${HEAD}content-length: ${GOOD.length}\r\n\r\n${GOOD}${GOOD}`)
    const answer = Buffer.concat(await socket.toArray()).toString()
    expect(answer).toContain('HTTP/1.1 400')
    expect(answer).toContain('REQUEST_INVALID')
    expect(await post(GOOD)).toMatchObject({ status: 200 })
  })

  test('a body that stops moving', async () => {
    const { port, sink, counters } = await open({}, { bodyIdleMs: 100 })
    const socket = connect(port, '127.0.0.1')
    socket.write(`${HEAD}content-length: 1000\r\n\r\n${GOOD}`)
    const answer = Buffer.concat(await socket.toArray()).toString()
    expect(answer).toMatch(/^HTTP\/1.1 408/)
    expect(answer).toContain('BODY_TIMEOUT')
    expect(counters.total('ingest_failed_bodies_total', { code: 'BODY_TIMEOUT' })).toBe(1)
    expect(sink.rows).toBe(0)
    expect(sink.holders).toBe(0)
  })

  test('a body that is announced and awaited: 100-continue', async () => {
    const { port, sink } = await open()
    const sending = request({
      port,
      method: 'POST',
      path: '/api/v1/ingest',
      headers: { ...JSON_LINES, expect: '100-continue', 'content-length': GOOD.length },
    })
    sending.flushHeaders()
    await once(sending, 'continue')
    const answered = once(sending, 'response')
    sending.end(GOOD)
    const [response] = (await answered) as [{ statusCode: number; resume(): void }]
    response.resume()
    expect(response.statusCode).toBe(200)
    expect(sink.rows).toBe(1)
  })
})
