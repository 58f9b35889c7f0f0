import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import { makeAuthority } from '../../net/testing/certificates.ts'
import { makeSelfSigned } from '../../net/tls-self-signed.ts'
import { openIngestServer, type IngestServer } from '../../sources/testing/ingest-server.ts'
import { EVENT_LIMITS } from '../../wire/transcode/limits.ts'
import { answerJson, readBody, startTinyServer } from '../testing/tiny-server.ts'
import { FAILOVER_MS, openUplink, rowsOf } from './testing/uplink.ts'

async function openServer(...options: Parameters<typeof openIngestServer>): Promise<IngestServer> {
  const server = await openIngestServer(...options)
  onTestFinished(() => server.http.close())
  return server
}

function messagesOf({ sink }: IngestServer): string[] {
  return sink.events().map(({ message }) => message)
}

/** A server that answers the first deliveries with what `answers` says, and takes the next one. */
async function answering(...answers: RequestListener[]): Promise<{ url: string; taken: string[] }> {
  const taken: string[] = []
  const server = await startTinyServer(async (request, response) => {
    const body = await readBody(request)
    if (request.url?.endsWith('/start')) return answerJson(response, { taken: false })
    const answer = answers.shift()
    if (answer) return answer(request, response)
    taken.push(body)
    answerJson(response, { accepted: 1, repeated: false })
  })
  onTestFinished(() => server.close())
  return { url: server.url, taken }
}

/** A problem document, or the page of something that stands before the server. */
function problem(status: number, code: string, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => answerJson(response, { code, status, title: code }, status, headers)
}
function page(status: number, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) =>
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<html>proxy</html>')
}

test('pauses grow, and are as long as the server asks', async () => {
  const inAWhile = new Date(Date.now() + 30_000).toUTCString()
  const { url, taken } = await answering(
    ...Array.from({ length: 9 }, () => problem(503, 'SPOOL_FULL')),
    problem(503, 'SPOOL_FULL', { 'retry-after': '40' }),
    problem(429, 'TOO_MANY_REQUESTS', { 'retry-after': '86400' }),
    page(503, { 'retry-after': inAWhile }),
    page(502, { 'retry-after': 'soon' }),
  )
  const { uplink, pauses } = openUplink([url])
  await uplink.deliver('d1', [rowsOf('one')])
  expect(taken).toHaveLength(1)
  expect(pauses.slice(0, 11)).toEqual([125, 250, 500, 1000, 2000, 4000, 7500, 7500, 7500, 40_000, 300_000])
  expect(pauses[11]).toBeGreaterThan(20_000)
  expect(pauses[11]).toBeLessThanOrEqual(30_000)
  expect(pauses.slice(12)).toEqual([7500])
})

test('what is no matter of the rows is tried until it is mended, and told', async () => {
  const { url, taken } = await answering(
    problem(401, 'KEY_REQUIRED'),
    problem(401, 'KEY_REFUSED'),
    problem(403, 'ACCESS_DENIED'),
    problem(404, 'NOT_FOUND'),
    problem(400, 'REQUEST_INVALID'),
    page(200),
    (_request, response) => answerJson(response, { ok: true }),
    page(301, { location: 'https://logs.example/' }),
    page(400),
    page(404),
    page(502),
  )
  const { uplink, told, refused } = openUplink([url])
  await uplink.deliver('d1', [rowsOf('one')])
  expect(told).toEqual([
    ...['KEY_REQUIRED', 'KEY_REFUSED', 'ACCESS_DENIED', 'NOT_FOUND', 'REQUEST_INVALID'].map(
      (code) => `failing ${url}: ${code}`,
    ),
    ...Array.from({ length: 6 }, () => `failing ${url}: ANSWER_UNEXPECTED`),
    `over ${url}`,
  ])
  expect([taken.length, refused.length]).toEqual([1, 0])
})

test.each([
  [true, 'gzip'],
  [false, undefined],
])('compressed where it should be: %s', async (isWanted, expected) => {
  const encodings: unknown[] = []
  const server = await openServer({}, {}, undefined, {
    isOpen: true,
    identify({ url, headers }) {
      if (url.includes('/events')) encodings.push(headers['content-encoding'])
      return { principal: OPEN_PRINCIPAL }
    },
  })
  const { uplink } = openUplink([server.url], { compresses: () => isWanted })
  await uplink.deliver('d1', [rowsOf('one'), rowsOf('two')])
  expect(encodings).toEqual([expected])
  expect(messagesOf(server)).toEqual(['one', 'two'])
})

test('what a proxy finds too large is delivered in parts, and aimed at no more', async () => {
  const server = await openServer()
  const sizes: number[] = []
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBuffer(request)
    if (request.url?.includes('/events')) sizes.push(body.length)
    if (body.length > 200_000) return page(413)(request, response)
    const answer = await fetch(server.url + (request.url ?? ''), {
      method: 'POST',
      headers: { 'content-type': String(request.headers['content-type']) },
      body: new Uint8Array(body),
    })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  }
  const proxy = createServer((request, response) => void pass(request, response))
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const lines = Array.from({ length: 600 }, (_, number) => `${number} ${'x'.repeat(1000)}`)
  const { uplink, told } = openUplink([`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`])
  expect(uplink.deliveryBytesMax).toBe(Infinity)
  await uplink.deliver('d1', [rowsOf(...lines)])
  await uplink.deliver('d1', [rowsOf(...lines)], true)
  expect(messagesOf(server)).toEqual(lines)
  expect(uplink.deliveryBytesMax).toBeLessThan(200_000)
  expect(sizes.filter((size) => size > 200_000)).toHaveLength(3)
  expect(told).toEqual([])
})

async function readBuffer(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('rows that a server never takes are told, all others are delivered', async () => {
  const event = { ...EVENT_LIMITS, lineBytesMax: 100 }
  const server = await openServer({ event })
  const { uplink, told, refused } = openUplink([server.url])
  const lines = Array.from({ length: 20 }, (_, number) => (number % 8 === 3 ? 'long '.repeat(100) : `line ${number}`))
  await uplink.deliver('d1', [rowsOf(...lines)])
  expect(messagesOf(server)).toEqual(lines.filter((line) => line.startsWith('line')))
  expect(refused.map((rows) => Buffer.from(rows).includes('long long'))).toEqual([true, true, true])
  expect(told).toHaveLength(3)
  expect(told[0]).toMatch(/^refused d1\.\d+: row 1: too_long$/)
})

test('a reason to stop ends it', async () => {
  const { url } = await answering(problem(503, 'SPOOL_FULL'))
  const one = openUplink([url])
  one.onPause = () => one.abort(new Error('the agent stops'))
  await expect(one.uplink.deliver('d1', [rowsOf('one')])).rejects.toThrow('the agent stops')
  const server = await openServer()
  const old = openUplink([server.url])
  await old.uplink.deliver('d1', [rowsOf('one')])
  const next = openUplink([server.url], { run: 'r2' })
  expect(await next.uplink.wasTaken('d1')).toBe(true)
  expect(await next.uplink.wasTaken('d2')).toBe(false)
  await expect(old.uplink.deliver('d2', [rowsOf('two')])).rejects.toThrow('Another process delivers as agent a1')
  expect(old.told).toEqual(['replaced'])
  expect(messagesOf(server)).toEqual(['one'])
})

/** A server with TLS that takes everything, and what was asked of it. */
async function openSecure(pair: { cert: string; key: string }): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = createSecureServer(pair, (request, response) => {
    seen.push(request.url ?? '')
    answerJson(response, { taken: false, accepted: 1, repeated: false })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

test('a server with TLS is known by its authority, or by its own certificate; else nothing leaves', async () => {
  const authority = await makeAuthority()
  const pairs = { known: await authority.issue(['127.0.0.1']), self: await makeSelfSigned(['127.0.0.1'], Date.now()) }
  const known = await openSecure(pairs.known)
  const self = await openSecure(pairs.self)
  const other = (await makeAuthority('other')).cert
  for (const [{ url, seen }, ca, reason] of [
    [known, authority.cert, ''],
    [self, pairs.self.cert, ''],
    [known, other, 'its certificate is from an authority that is not known here'],
    [self, other, 'its certificate is self-signed'],
  ] as const) {
    seen.length = 0
    const trial = openUplink([{ url, tls: { ca } }])
    trial.onPause = () => trial.abort(new Error('enough'))
    const delivered = trial.uplink.deliver('d1', [rowsOf('one')])
    if (reason === '') await delivered
    else await expect(delivered).rejects.toThrow('enough')
    expect(trial.told).toEqual(reason === '' ? [] : [`failing ${url}: ${reason}`])
    expect(seen.length).toBe(reason === '' ? 2 : 0)
  }
})

test('reports tell of trouble while nothing is delivered, and of its end', async () => {
  let isRevoked = true
  const server = await openServer({}, {}, undefined, {
    isOpen: false,
    identify() {
      if (isRevoked) throw new AppError('KEY_REFUSED')
      return { principal: OPEN_PRINCIPAL }
    },
  })
  const { uplink, told } = openUplink([server.url])
  const figures = { host: 'h', version: '1', files: 1, behindBytes: 0, behindSeconds: 0, problems: 0 }
  await uplink.report(figures)
  expect(uplink.servers).toMatchObject([{ url: server.url, isCurrent: true, trouble: { code: 'KEY_REFUSED' } }])
  isRevoked = false
  await uplink.report(figures)
  expect(told).toEqual([`failing ${server.url}: KEY_REFUSED`, `over ${server.url}`])
  expect(uplink.servers).toMatchObject([{ trouble: undefined }])
})

test('a server that says nothing at all is left after the time for that, in the handshake as well', async () => {
  const silent = createTcpServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const server = await openServer()
  const { port } = silent.address() as AddressInfo
  const tls = { ca: (await makeAuthority()).cert }
  const trial = openUplink([{ url: `https://127.0.0.1:${port}`, tls }, server.url], { silenceMs: 250 })
  trial.onPause = () => trial.pass(FAILOVER_MS / 2)
  await trial.uplink.deliver('d1', [rowsOf('one')])
  expect(trial.told).toContain(`moved https://127.0.0.1:${port} ${server.url}`)
  expect(messagesOf(server)).toEqual(['one'])
})
