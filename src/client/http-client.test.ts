import { afterEach, expect, test } from 'vitest'
import { createHttpClient, type HttpClient } from './http-client.ts'
import { ServerAway, ServerProblem } from './failures.ts'
import { answerJson, readBody, startTinyServer, type TinyServer } from './testing/tiny-server.ts'

let server: TinyServer | undefined
let client: HttpClient | undefined
afterEach(async () => {
  client?.close()
  await server?.close()
})

async function connect(handle: Parameters<typeof startTinyServer>[0], path = '') {
  server = await startTinyServer(handle)
  client = createHttpClient({ url: server.url + path, key: 'secret' })
  return client
}

test('a request carries key, type, parameters and body, on one connection', async () => {
  const seen: unknown[] = []
  const ports = new Set<number | undefined>()
  const { ingest } = await connect(async (request, response) => {
    const { url, method, headers } = request
    ports.add(request.socket.remotePort)
    const body = await readBody(request)
    seen.push({
      url,
      method,
      body,
      key: headers.authorization,
      type: headers['content-type'],
      size: headers['content-length'],
    })
    answerJson(response, { accepted: 2, rejected: [], rejectedTotal: 0 })
  }, '/logs/')
  const options = { service: 'a b', level: undefined, contentType: 'text/plain' }
  for (const body of [Buffer.from('x\ny\n'), [Buffer.from('x\n'), Buffer.from('y\n')]]) {
    expect(await ingest(body, options)).toMatchObject({ accepted: 2 })
  }
  const same = {
    url: '/logs/api/v1/ingest?service=a+b',
    method: 'POST',
    body: 'x\ny\n',
    key: 'Bearer secret',
    type: 'text/plain',
    size: '4',
  }
  expect(seen).toEqual([same, same])
  expect(ports.size).toBe(1)
})

test('a stream is sent no faster than the server takes it', async () => {
  const PIECE = Buffer.alloc(1024 * 1024, 'x')
  let produced = 0
  let aheadMax = 0
  const { ingest } = await connect(async (request, response) => {
    let received = 0
    for await (const chunk of request) {
      received += (chunk as Buffer).length
      aheadMax = Math.max(aheadMax, produced * PIECE.length - received)
    }
    answerJson(response, { accepted: received, rejected: [] })
  })
  async function* pieces() {
    for (; produced < 64; produced++) yield PIECE
  }
  expect(await ingest(pieces())).toEqual({ accepted: 64 * PIECE.length, rejected: [] })
  expect(aheadMax).toBeLessThan(32 * PIECE.length)
})

test('problem documents become errors with everything in them', async () => {
  const problems = [{ line: 1, reason: 'not JSON' }]
  const document = { code: 'SPOOL_FULL', title: 'Full', detail: 'The spool is full.', hint: 'Wait.', problems }
  const { status } = await connect((_request, response) => answerJson(response, document, 503, { 'retry-after': '5' }))
  const error: unknown = await status().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ServerProblem)
  expect(error).toMatchObject({
    code: 'SPOOL_FULL',
    status: 503,
    message: 'The spool is full.',
    hint: 'Wait.',
    problems,
    retryAfterMs: 5000,
    isTemporary: true,
  })
})

test.each<[string, number, string, string]>([
  ['a page of another server', 404, 'text/html', '<h1>hello</h1>'],
  ['a page that is fine', 200, 'text/html', '<h1>hello</h1>'],
  ['JSON that is none', 500, 'application/problem+json', '{"code":'],
])('%s is named as foreign', async (_name, status, type, body) => {
  const client = await connect(
    (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body),
  )
  await expect(client.status()).rejects.toMatchObject({
    code: 'ANSWER_UNEXPECTED',
    status,
    message: expect.stringContaining(`${client.url} answered ${status} with ${type}`) as string,
  })
})

test('an answer that breaks off, and none at all', async () => {
  const client = await connect((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
    response.write('{"a"', () => response.destroy())
  })
  await expect(client.status()).rejects.toMatchObject({ name: 'ServerAway', reason: 'the connection was cut' })
  await server?.close()
  await expect(client.status()).rejects.toBeInstanceOf(ServerAway)
  await expect(client.status()).rejects.toMatchObject({ reason: 'connection refused', url: client.url })
})

test('not being ready is an answer', async () => {
  const reasons = [{ part: 'store', reason: 'starting', effect: 'queries wait' }]
  const client = await connect((_request, response) => answerJson(response, { status: 'not ready', reasons }, 503))
  expect(await client.ready()).toEqual({ status: 'not ready', reasons })
})

test('an abort is the error it was aborted with', async () => {
  const stop = new AbortController()
  const client = await connect(() => stop.abort(new Error('enough')))
  await expect(client.status(stop.signal)).rejects.toThrow('enough')
})
