import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { openConnection, type Connection } from './connection.ts'
import { createHttpClient } from './http-client.ts'
import { createRequestSigner } from './request-signer.ts'
import { answerJson, readBody, startTinyServer, type TinyServer } from './testing/tiny-server.ts'

const SECRET = Buffer.alloc(32, 7)
const KEY = `trk_abcdefghijkl_${SECRET.toString('base64url')}`

const NOW_MS = Date.parse('2026-01-05T10:07:00.500Z')

let server: TinyServer | undefined
let connection: Connection | undefined
afterEach(async () => {
  connection?.close()
  await server?.close()
})

/** What a server has to find in the headers, worked out as docs/access.md says. */
function expectedHeaders(method: string, target: string, body: string, timestamp: string): IncomingHttpHeaders {
  const hash = createHash('sha256').update(body).digest('hex')
  const signingKey = createHmac('sha256', SECRET).update('tailrace signing v1').digest()
  const text = ['v1', method, target, timestamp, hash].join('\n')
  return {
    'tailrace-key': 'abcdefghijkl',
    'tailrace-timestamp': timestamp,
    'tailrace-content-sha256': hash,
    'tailrace-signature': `v1=${createHmac('sha256', signingKey).update(text).digest('hex')}`,
  }
}

test('a signed request bears the signature of what is sent, and not the key', async () => {
  const seen: { headers: IncomingHttpHeaders; expected: IncomingHttpHeaders }[] = []
  server = await startTinyServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    const body = await readBody(request)
    seen.push({ headers, expected: expectedHeaders(method, url, body, String(headers['tailrace-timestamp'])) })
    answerJson(response, { accepted: 1, rejected: [] })
  })
  const client = createHttpClient({ url: `${server.url}/logs/`, key: KEY, sign: true })
  await client.ingest([Buffer.from('{"a":1}\n'), Buffer.from('{"b":"ü"}\n')], { service: 'a b', host: 'ü/&' })
  await client.ingest(Buffer.from('x'))
  await client.health()
  client.close()
  expect(seen).toHaveLength(3)
  for (const { headers, expected } of seen) {
    expect(headers).toMatchObject(expected)
    expect(headers).not.toHaveProperty('authorization')
    expect(JSON.stringify(headers)).not.toContain(SECRET.toString('base64url'))
  }
})

test('no two signatures bear the same time, even when the clock stands or goes back', () => {
  const times = [1000, 1000, 500, 1001, 2000]
  const sign = createRequestSigner(KEY, () => times.shift() ?? 0)
  const stamps = times.slice().map(() => sign('POST', '/', [])['tailrace-timestamp'])
  expect(stamps).toEqual(['1000', '1001', '1002', '1003', '2000'])
})

test('a stream cannot be signed', async () => {
  let requests = 0
  server = await startTinyServer((_request, response) => {
    requests++
    answerJson(response, {})
  })
  connection = openConnection({ url: server.url, key: KEY, sign: true })
  const body = Readable.from([Buffer.from('x')])
  await expect(connection.open('/', { method: 'POST', body })).rejects.toThrow('A stream cannot be signed')
  expect(requests).toBe(0)
})

test.each([undefined, 'trt_x.y', `${KEY}x`])('%s cannot sign', (key) => {
  expect(() => openConnection({ url: 'http://127.0.0.1', key, sign: true })).toThrow('Signing takes a whole key')
})

test('a refusal tells how far the clocks are apart', async () => {
  server = await startTinyServer((_request, response) => {
    const date = new Date('2026-01-05T10:00:00Z').toUTCString()
    answerJson(response, { code: 'SIGNATURE_REFUSED' }, 401, { date })
  })
  connection = openConnection({ url: server.url, key: KEY, sign: true, clock: () => NOW_MS })
  await expect(connection.json('/')).rejects.toMatchObject({ code: 'SIGNATURE_REFUSED', clockAheadMs: -420_000 })
})
