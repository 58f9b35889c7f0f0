/** livelog's two listeners as `serve` has them: beside the streams of the server, with its keys. */
import { Agent, get as httpGet, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { testPrincipal, wordAccess } from '../../api/testing/word-access.ts'
import { Counters } from '../../core/counters.ts'
import { createRates } from '../../net/http-rates.ts'
import type { SourceListener } from '../source.ts'
import { LatestLog, listenLog, type LogDoorSettings } from './log-door.ts'
import { chunk, openStreams, putHead, rawConnection, type TestStreams } from './testing/open-streams.ts'

const TOKEN = '7_3HoMEbQau1Qlzwx-JZgg'
const KEYS = {
  writer: testPrincipal({ role: 'write', keyId: 'writer', stamps: new Map([['service', 'builds']]) }),
  signer: testPrincipal({ by: 'signature', role: 'write', keyId: 'writer' }),
  reader: testPrincipal({ keyId: 'reader' }),
  blind: testPrincipal({ keyId: 'blind', filter: 'service:nothing' }),
}
const access = wordAccess(KEYS)

let server: TestStreams
const doors: SourceListener[] = []
let putUrl: string
let getUrl: string
let tokenUrl: string

/** So many that only the tests of limits meet them. */
const LIMITS = {
  requestsPerSecondPerAddressMax: 10_000,
  requestsPerSecondPerKeyMax: 10_000,
  failuresPerMinuteMax: 10_000,
  rateNamesMax: 100,
}
/** With a clock that stands. */
const ratesOf = (limits: Partial<typeof LIMITS>) => createRates({ ...LIMITS, ...limits }, new Counters(), () => 0)
let rates = ratesOf({})

beforeAll(async () => {
  server = await openStreams({ access, changes: { mayRead: ({ filter }) => filter === '' } })
  const latest = new LatestLog()
  const open = async (door: LogDoorSettings['door'], token = ''): Promise<string> => {
    const listener = await listenLog({
      door,
      host: '127.0.0.1',
      port: 0,
      token,
      tls: undefined,
      attachTls: () => undefined,
      latest,
      streams: {
        context: server.context,
        indexer: server.parts.indexer,
        isIndexed: false,
        limits: { readerIdleMs: 60_000, lagBytesMax: Infinity },
        isOpen: () => false,
        hosts: [],
        identify: ({ method = '', url = '', headers, rawHeaders }) =>
          access.identify({ method, url, headers, rawHeaders, address: '127.0.0.1' }).principal,
        get rates() {
          return rates
        },
      },
    })
    doors.push(listener)
    return `http://${listener.address}`
  }
  putUrl = `${await open('put')}/log`
  getUrl = `${await open('get')}/log/`
  tokenUrl = `${await open('get', TOKEN)}/log/`
})
afterAll(async () => {
  for (const door of doors) await door.close()
  await server.close()
})

const portOf = (url: string): number => Number(new URL(url).port)
const headersOf = (key: string | undefined) => (key === undefined ? {} : { authorization: `Bearer ${key}` })
const put = (key?: string, body = 'hello') => fetch(putUrl, { method: 'PUT', body, headers: headersOf(key) })
const get = (url: string, key?: string) => fetch(url, { headers: headersOf(key) })

/** Of three, one after the other. */
async function statuses(ask: () => Promise<Response>): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < 3; n++) found.push((await ask()).status)
  return found
}

test.each([
  [undefined, 401],
  ['nonsense', 401],
  ['reader', 401],
  // The body that it speaks for is not compared with the one that comes.
  ['signer', 401],
  ['writer', 201],
])('PUT with %s → %i', async (key, status) => expect((await put(key)).status).toBe(status))

test('what is put is a stream like any other, with the stamps of its key', async () => {
  await put('writer', 'stamped')
  const [stream] = [...server.catalog.all()].slice(-1)
  expect(stream).toMatchObject({ keyId: 'writer', stamps: [['service', 'builds']], sizeBytes: 7 })
})

describe('GET', () => {
  test.each([
    [undefined, 401],
    ['writer', 401],
    ['blind', 401],
    ['reader', 200],
  ])('with %s → %i', async (key, status) => {
    await put('writer')
    const answer = await get(getUrl, key)
    expect(answer.status).toBe(status)
    expect((await answer.text()) === 'hello').toBe(status === 200)
  })

  test('where there is a token takes that, and no key', async () => {
    await put('writer')
    expect(await (await get(tokenUrl + TOKEN)).text()).toBe('hello')
    expect((await get(tokenUrl, 'reader')).status).toBe(401)
    expect((await get(tokenUrl + TOKEN.slice(1))).status).toBe(401)
  })

  test('one connection asks many times, and nobody is remembered for it', async () => {
    await put('writer')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const before = KEYS.reader.listeners
    for (let n = 0; n < 3; n++) {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        httpGet(getUrl, { agent, headers: headersOf('reader') }, resolve).on('error', reject)
      })
      expect(await text(answer)).toBe('hello')
    }
    await expect.poll(() => KEYS.reader.listeners).toBe(before)
    agent.destroy()
  })
})

test('keys that end cut off who writes and who reads with them', async () => {
  const [writer, reader] = [testPrincipal({ role: 'write', keyId: 'late' }), testPrincipal({ keyId: 'later' })]
  Object.assign(KEYS, { lateWriter: writer, lateReader: reader })
  const writing = await rawConnection(
    portOf(putUrl),
    putHead('/log', 'Authorization: Bearer lateWriter\r\n') + chunk('one '),
  )
  await expect.poll(() => [...server.catalog.all()].find(({ keyId }) => keyId === 'late')?.sizeBytes).toBe(4)
  const reading = await rawConnection(
    portOf(getUrl),
    'GET /log/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer lateReader\r\n\r\n',
  )
  await expect.poll(() => reading.got).toContain('one ')
  reader.end()
  await reading.ended
  expect(reading.got).not.toContain('\r\n0\r\n')
  writer.end()
  await expect.poll(() => writing.got).toContain(' 401 ')
  writing.socket.destroy()
})

describe('limits', () => {
  afterEach(() => (rates = ratesOf({})))

  test.each([
    ['requests of an address', { requestsPerSecondPerAddressMax: 2 }, [201, 201, 429], [429, 429, 429]],
    ['requests with a key', { requestsPerSecondPerKeyMax: 2 }, [201, 201, 429], [200, 200, 429]],
  ])('of %s hold at both doors', async (_what, limits, writing, reading) => {
    rates = ratesOf(limits)
    expect(await statuses(() => put('writer'))).toEqual(writing)
    expect(await statuses(() => get(getUrl, 'reader'))).toEqual(reading)
    const refused = await put('writer')
    expect([refused.headers.get('retry-after'), await refused.text()]).toEqual([
      '1',
      expect.stringContaining('a second'),
    ])
  })

  test.each([
    ['keys', () => put('nonsense')],
    ['tokens', () => get(`${tokenUrl}nonsense`)],
  ])('of %s that are not valid: those that are stay welcome', async (_what, ask) => {
    rates = ratesOf({ failuresPerMinuteMax: 2 })
    expect(await statuses(ask)).toEqual([401, 401, 429])
    expect((await put('writer')).status).toBe(201)
    expect((await get(tokenUrl + TOKEN)).status).toBe(200)
  })
})
