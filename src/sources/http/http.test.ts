import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import type { SourceLimits } from '../source.ts'
import { type IngestServer, openIngestServer } from '../testing/ingest-server.ts'

let server: IngestServer
afterEach(() => server.http.close())

async function open(limits: Partial<SourceLimits> = {}): Promise<IngestServer> {
  server = await openIngestServer(limits)
  return server
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  const made = { promise: Promise.resolve(), resolve: () => {} }
  made.promise = new Promise((resolve) => {
    made.resolve = resolve
  })
  return made
}

const TWO_LINES = '{"message":"one","n":1}\n{"message":"two","n":2}\n'

describe('bodies', () => {
  const json = [
    ['application/x-ndjson', TWO_LINES],
    ['application/stream+json', TWO_LINES],
    ['application/jsonl; charset=utf-8', TWO_LINES],
    ['application/json', `[${TWO_LINES.trim().replace('\n', ',\n')}]`],
    ['application/json', '{"message":"one",\n "n":1}\n{"message":"two","n":2}'],
    ['application/x-www-form-urlencoded', TWO_LINES],
    ['application/x-www-form-urlencoded', TWO_LINES.replaceAll('\n', '')],
    ['application/octet-stream', ` [${TWO_LINES.trim().replace('\n', ',')}]`],
  ] as const
  test.each(json)('%s: %j', async (type, body) => {
    const { post, sink } = await open()
    const answer = await post(body, { 'content-type': type })
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2, rejected: [], rejectedTotal: 0 } })
    expect(sink.events().map((event) => [event.message, event.attributes.get('n')])).toEqual([
      ['one', '1'],
      ['two', '2'],
    ])
  })

  test('a line of text is an event as it is', async () => {
    const { post, sink } = await open()
    const answer = await post('one\r\n\n  {"two":2}', { 'content-type': 'text/plain' })
    expect(answer.body).toMatchObject({ accepted: 2 })
    expect(sink.events().map((event) => event.message)).toEqual(['one', '  {"two":2}'])
  })

  test('an empty body is nothing to complain about', async () => {
    const { post } = await open()
    expect(await post('')).toMatchObject({ status: 200, body: { accepted: 0, rejected: [] } })
    expect(await post('\n\n  \n')).toMatchObject({ status: 200, body: { accepted: 0, rejected: [] } })
    expect(await post(undefined, {})).toMatchObject({ status: 200, body: { accepted: 0, rejected: [] } })
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('compressed with %s', async (encoding, compress) => {
    const { post, sink } = await open()
    const answer = await post(new Uint8Array(compress(TWO_LINES)), {
      'content-type': 'application/x-ndjson',
      'content-encoding': encoding,
    })
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2 } })
    expect(sink.rows).toBe(2)
  })

  test('what is not known is refused before anything is read', async () => {
    const { post, sink } = await open()
    expect(await post('x', { 'content-type': 'image/png' })).toMatchObject({
      status: 415,
      body: { code: 'CONTENT_TYPE_UNSUPPORTED' },
    })
    expect(await post('x', { 'content-type': 'text/plain', 'content-encoding': 'rot13' })).toMatchObject({
      status: 415,
      body: { code: 'CONTENT_ENCODING_UNSUPPORTED' },
    })
    expect(sink.batches).toEqual([])
  })
})

describe('parameters', () => {
  test('fill what an event has not, and leave what it has', async () => {
    const { post, sink } = await open()
    const own = '{"message":"own","service":"s","host":"h","source":"f","level":"debug"}'
    await post(
      `${own}\n{"message":"bare"}\n`,
      { 'content-type': 'application/jsonl' },
      '?service=web&host=h7&source=web.log&level=WARN',
    )
    expect(sink.events()).toMatchObject([
      { message: 'own', service: 's', host: 'h', source: 'f', severity: 5 },
      { message: 'bare', service: 'web', host: 'h7', source: 'web.log', severity: 13 },
    ])
  })

  test('without them the source is http and the host is this machine for a sender on it', async () => {
    const { post, sink } = await open()
    await post('{"message":"x"}')
    expect(sink.events()).toMatchObject([{ service: '', host: 'testhost', source: 'http', severity: 0 }])
  })

  test('a level that is none is refused', async () => {
    const { post } = await open()
    expect(await post('x', { 'content-type': 'text/plain' }, '?level=loud')).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    })
  })
})

describe('rejects', () => {
  test('one bad line in 10,000 takes no good one with it', async () => {
    const { post, sink, counters } = await open()
    const lines = Array.from({ length: 10_000 }, (_, i) =>
      i === 7776 ? '{"message": oops}' : `{"message":"m","n":${i}}`,
    )
    const answer = await post(lines.join('\n'))
    expect(answer).toMatchObject({
      status: 200,
      body: { accepted: 9999, rejected: [{ line: 7777, reason: 'not valid JSON at byte 13' }], rejectedTotal: 1 },
    })
    expect(sink.rows).toBe(9999)
    expect(counters.total('ingest_rejected_total', { source: 'http', reason: 'not_json' })).toBe(1)
    expect(counters.total('ingest_events_total', { source: 'http' })).toBe(9999)
  })

  test('nothing but bad lines is 400, with the first of them', async () => {
    const { post, sink } = await open({ rejectsListedMax: 2 })
    const answer = await post('oops\n[1]\n"x"\n')
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'NOTHING_ACCEPTED',
        problems: [
          { line: 1, reason: 'not valid JSON at byte 1' },
          { line: 2, reason: 'a JSON event must be an object' },
        ],
      },
    })
    expect(sink.batches).toEqual([])
  })

  test('the list in the answer is bounded, the count is not', async () => {
    const { post } = await open({ rejectsListedMax: 3 })
    const answer = await post(`{"a":1}\n${'oops\n'.repeat(50)}`)
    expect(answer.body).toMatchObject({ accepted: 1, rejectedTotal: 50 })
    expect(answer.body['rejected']).toHaveLength(3)
  })
})

describe('the sink', () => {
  const LINE = `${JSON.stringify({ message: 'x'.repeat(1000) })}\n`

  test('gets batches as they fill, and is held while the body arrives', async () => {
    const { post, sink } = await open({ batchBytes: 64 * 1024 })
    const holders: number[] = []
    sink.onWrite = () => void holders.push(sink.holders)
    expect(await post(LINE.repeat(1000))).toMatchObject({ status: 200, body: { accepted: 1000 } })
    expect(sink.batches.length).toBeGreaterThan(3)
    expect(Math.max(...sink.batches.map((batch) => batch.length))).toBeLessThan(512 * 1024)
    expect(holders[0]).toBe(1)
    expect(sink.holders).toBe(0)
  })

  test('nothing is answered before it is durable', async () => {
    const { post, sink } = await open()
    const written = deferred()
    const durable = deferred()
    sink.onWrite = () => {
      written.resolve()
      return durable.promise
    }
    let isAnswered = false
    const answer = post(LINE).finally(() => {
      isAnswered = true
    })
    await written.promise
    expect(isAnswered).toBe(false)
    durable.resolve()
    expect(await answer).toMatchObject({ status: 200, body: { accepted: 1 } })
  })

  test('reading pauses while too much of a request waits for it', async () => {
    const { post, sink } = await open({ batchBytes: 64 * 1024, unacknowledgedBytesMax: 128 * 1024 })
    let waiting = 0
    let waitingMax = 0
    sink.onWrite = async (batch) => {
      waiting += batch.length
      waitingMax = Math.max(waitingMax, waiting)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      waiting -= batch.length
    }
    expect(await post(LINE.repeat(5000))).toMatchObject({ status: 200, body: { accepted: 5000 } })
    expect(waitingMax).toBeLessThan(512 * 1024)
  })

  test('refuses in the middle: 503 with Retry-After, and the answer says what was kept', async () => {
    const { post, sink } = await open({ batchBytes: 64 * 1024, unacknowledgedBytesMax: 1 })
    sink.onWrite = (_batch, number) => {
      if (number === 2) throw new AppError('SPOOL_FULL', { detail: 'the spool is full', retryAfterSeconds: 7 })
    }
    const answer = await post(LINE.repeat(3000))
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'SPOOL_FULL', problems: [{ accepted: sink.rows }] },
    })
    expect(sink.rows).toBeGreaterThan(0)
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(answer.body['detail']).toContain(`${sink.rows} events of the body were accepted`)
    expect(sink.holders).toBe(0)
  })

  test('more requests than the limit are turned away', async () => {
    const { post, sink } = await open({ requestsMax: 0 })
    const answer = await post(LINE)
    expect(answer).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } })
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(sink.batches).toEqual([])
  })
})
