import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testPrincipal, wordAccess, type TestPrincipal } from '../../api/testing/word-access.ts'
import { parseContentRange } from './content-range.ts'
import { chunk, LAST_CHUNK, openStreams, putHead, type TestStreams } from './testing/open-streams.ts'

let server: TestStreams
let number = 0
const newName = (): string => `s/${++number}`
const writer: TestPrincipal = testPrincipal({ role: 'write', keyId: 'writer', stamps: new Map([['team', 'a']]) })
const other: TestPrincipal = testPrincipal({ role: 'write', keyId: 'other' })
const KEYS = { writer, other, reader: testPrincipal(), admin: testPrincipal({ role: 'admin', keyId: 'admin' }) }

beforeAll(async () => {
  server = await openStreams({ access: wordAccess(KEYS), limits: { resumeWaitMs: 60_000 } })
})
afterAll(() => server.close())

const put = (name: string, body: string | Buffer, headers: Record<string, string> = {}, key = 'writer') =>
  server.ask('PUT', `/streams/${name}`, { key, body, headers })
const get = (name: string) => server.ask('GET', `/streams/${name}`, { key: 'reader' })
const KEY = 'Authorization: Bearer writer\r\n'

test('what was put is got, whatever bytes it has', async () => {
  const name = newName()
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7 + (n >> 8)) & 255))
  const { status, headers, json } = await put(name, bytes)
  expect([status, headers.get('location'), headers.get('upload-offset')]).toEqual([201, `/streams/${name}`, '100000'])
  expect(json()).toEqual({ name, state: 'finished', size: 100_000 })
  const response = await fetch(`${server.url}/streams/${name}`, { headers: { authorization: 'Bearer reader' } })
  expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
})

test('an empty stream is one, too', async () => {
  const name = newName()
  expect((await put(name, '')).status).toBe(201)
  const { status, headers, text } = await get(name)
  expect([status, headers.get('content-length'), text]).toEqual([200, '0', ''])
})

test('a name that is taken is refused, and what is there stays', async () => {
  const name = newName()
  await put(name, 'first')
  expect((await put(name, 'second')).json()).toMatchObject({ status: 409, code: 'STREAM_EXISTS' })
  expect((await get(name)).text).toBe('first')
})

describe('names', () => {
  test.each([
    ['..', 400],
    ['a/../b', 400],
    ['%2e%2e/b', 400],
    ['a%2f..%2fb', 400],
    ['a%00b', 400],
    ['a%0ab', 400],
    ['a%5cb', 400],
    ['a//b', 400],
    ['a/', 400],
    ['%zz', 400],
    ['%c3', 400],
    ['x'.repeat(4096), 400],
    ['%41'.repeat(513), 400],
    ['ok/%C3%9Cber-1 (neu)'.replaceAll(' ', '%20'), 201],
    ['ok/a%2Fb', 201],
  ])('%s', async (name, expected) => {
    // As it is: fetch would tidy it up.
    const connection = await server.raw(
      putHead(`/streams/${name}`, `Connection: close\r\n${KEY}`) + chunk('x') + LAST_CHUNK,
    )
    await connection.ended
    expect(connection.got).toMatch(new RegExp(`^HTTP/1.1 ${expected} `))
    expect(connection.got).not.toContain('INTERNAL')
  })

  test('an encoded slash is a slash', async () => expect((await get('ok/a/b')).text).toBe('x'))
})

test('who reads while it is written gets it as it comes', async () => {
  const name = newName()
  const writing = await server.raw(putHead(`/streams/${name}`, KEY) + chunk('one '))
  await expect.poll(() => server.catalog.get(name)?.sizeBytes).toBe(4)
  const reading = await server.raw(
    `GET /streams/${name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer reader\r\n\r\n`,
  )
  await expect.poll(() => reading.got).toContain('one ')
  expect(reading.got).toContain('Transfer-Encoding: chunked')
  writing.write(chunk('two '))
  await expect.poll(() => reading.got).toContain('two ')
  expect(server.catalog.get(name)).toMatchObject({ state: 'live', readers: 1 })
  writing.write(chunk('three') + LAST_CHUNK)
  await expect.poll(() => reading.got).toMatch(/three\r\n0\r\n\r\n$/)
  await expect.poll(() => writing.got).toContain('201 Created')
  expect((await get(name)).text).toBe('one two three')
  expect(server.catalog.get(name)?.readers).toBe(0)
  for (const { socket } of [writing, reading]) socket.destroy()
})

test('a sender that asks first is told to go on, or refused without its body', async () => {
  const name = newName()
  const expecting = (more: string) => server.raw(putHead(`/streams/${name}`, `Expect: 100-continue\r\n${more}`))
  const connection = await expecting(KEY)
  await expect.poll(() => connection.got).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  connection.write(chunk('x') + LAST_CHUNK)
  await expect.poll(() => connection.got).toContain('HTTP/1.1 201 Created')
  const refused = await expecting('Authorization: Bearer reader\r\n')
  await refused.ended
  expect(refused.got).toMatch(/^HTTP\/1.1 403 /)
  connection.socket.destroy()
})

async function interrupted(text: string): Promise<string> {
  const name = newName()
  const connection = await server.raw(putHead(`/streams/${name}`, KEY) + chunk(text))
  await expect.poll(() => server.catalog.get(name)?.sizeBytes).toBe(text.length)
  connection.socket.destroy()
  await expect.poll(() => server.catalog.get(name)?.state).toBe('interrupted')
  return name
}
const place = (range: string) => ({ 'content-range': range })
const lengthHead = (name: string, headers: string, body: string): string =>
  `PUT /streams/${name} HTTP/1.1\r\nHost: localhost\r\n${KEY}${headers}Content-Length: ${body.length}\r\n\r\n${body}`

describe('a stream that was cut off', () => {
  test('tells how far it has come, and goes on there, and its readers see no gap', async () => {
    const name = await interrupted('0123456789')
    const reading = get(name)
    const question = await put(name, '', place('bytes */*'))
    expect([question.status, question.headers.get('upload-offset')]).toEqual([204, '10'])
    expect(question.headers.get('tailrace-stream-state')).toBe('interrupted')
    expect((await put(name, 'abc', place('bytes 10-12/*'))).json()).toMatchObject({ state: 'finished', size: 13 })
    expect((await reading).text).toBe('0123456789abc')
  })

  test.each([
    ['bytes 10-*/*', 'abc', 201, '0123456789abc'],
    ['bytes 10-/*', 'abc', 201, '0123456789abc'],
    ['bytes 8-12/13', '89abc', 201, '0123456789abc'],
    ['bytes 0-*/*', '0123456789abc', 201, '0123456789abc'],
    ['bytes 0-4/*', '01234', 201, '0123456789'],
  ])('goes on with %s %s', async (range, body, status, text) => {
    const name = await interrupted('0123456789')
    expect((await put(name, body, place(range))).status).toBe(status)
    expect((await get(name)).text).toBe(text)
  })

  test('comes in parts where its length is said', async () => {
    const name = newName()
    const first = await put(name, '0123', place('bytes 0-3/10'))
    expect([first.status, first.headers.get('upload-offset')]).toEqual([202, '4'])
    expect((await put(name, '4567', place('bytes 4-7/10'))).status).toBe(202)
    expect((await put(name, '89', place('bytes 8-9/10'))).status).toBe(201)
    expect((await get(name)).text).toBe('0123456789')
  })

  test.each<[range: string, body: string, isChunked: boolean, kept: string]>([
    ['bytes 4-6/*', 'too long', false, ''],
    ['bytes 4-6/*', 'too long', true, ''],
    ['bytes 4-9/20', 'short', false, ''],
    ['bytes 4-9/20', 'short', true, 'short'],
    ['bytes 4-*/6', 'too long', true, ''],
  ])('takes no body of another length than is said: %s %s, in chunks %s', async (range, body, isChunked, kept) => {
    const name = await interrupted('0123')
    const rangeHeader = `Content-Range: ${range}\r\n`
    const head = putHead(`/streams/${name}`, KEY + rangeHeader)
    const sender = await server.raw(isChunked ? head + chunk(body) + LAST_CHUNK : lengthHead(name, rangeHeader, body))
    await expect.poll(() => sender.got).toContain('is not as long as Content-Range says')
    expect(sender.got).toMatch(/^HTTP\/1.1 400 /)
    sender.socket.destroy()
    await expect
      .poll(() => server.catalog.get(name))
      .toMatchObject({ state: 'interrupted', sizeBytes: 4 + kept.length })
  })

  test('has no gap, and is nobody else’s', async () => {
    const name = await interrupted('0123456789')
    const gap = await put(name, 'x', place('bytes 11-11/*'))
    expect([gap.status, gap.headers.get('upload-offset')]).toEqual([416, '10'])
    expect((await put(name, 'x', place('bytes 10-10/*'), 'other')).json()).toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await put(name, 'x')).json()).toMatchObject({ code: 'STREAM_EXISTS' })
    expect((await put(newName(), 'x', place('bytes 1-1/*'))).json()).toMatchObject({ code: 'STREAM_OFFSET_WRONG' })
    expect((await put(newName(), '', place('bytes */*'))).json()).toMatchObject({ code: 'STREAM_NOT_FOUND' })
    expect((await put(name, 'x', place('bytes ten'))).json()).toMatchObject({ code: 'REQUEST_INVALID' })
    await put(name, '', place('bytes 10-*/*'))
    expect((await put(name, 'x', place('bytes 10-10/*'))).json()).toMatchObject({ code: 'STREAM_FINISHED' })
    expect((await get(name)).text).toBe('0123456789')
  })

  test('is gone on with while the server has not noticed yet', async () => {
    const name = newName()
    const stuck = await server.raw(putHead(`/streams/${name}`, KEY) + chunk('one '))
    await expect.poll(() => server.catalog.get(name)?.sizeBytes).toBe(4)
    expect((await put(name, 'two', place('bytes 4-6/*'))).status).toBe(201)
    await expect.poll(() => stuck.got).toContain('STREAM_TAKEN_OVER')
    stuck.socket.destroy()
    expect((await get(name)).text).toBe('one two')
  })
})

test('a key that ends is not read any further, and what it wrote stays', async () => {
  const ending = testPrincipal({ role: 'write', keyId: 'ending' })
  Object.assign(KEYS, { ending })
  const own = await openStreams({ access: wordAccess(KEYS) })
  const connection = await own.raw(putHead('/streams/a', 'Authorization: Bearer ending\r\n') + chunk('one '))
  await expect.poll(() => own.catalog.get('a')?.sizeBytes).toBe(4)
  ending.end()
  await expect.poll(() => connection.got).toContain('KEY_REFUSED')
  await expect.poll(() => own.catalog.get('a')).toMatchObject({ state: 'interrupted', sizeBytes: 4 })
  connection.socket.destroy()
  await own.close()
})

test('only its own key or an admin removes a stream', async () => {
  const name = newName()
  await put(name, 'x')
  const remove = (key: string) => server.ask('DELETE', `/streams/${name}`, { key })
  expect((await remove('reader')).status).toBe(403)
  expect((await remove('other')).json()).toMatchObject({ code: 'STREAM_NOT_FOUND' })
  expect((await remove('writer')).status).toBe(204)
  expect((await get(name)).json()).toMatchObject({ code: 'STREAM_NOT_FOUND' })
  await put(name, 'again')
  expect((await remove('admin')).status).toBe(204)
  expect(server.audited.filter(({ action }) => action === 'stream.deleted')).toHaveLength(2)
})

test('a token that stamps more than its key goes on with, and removes, what bears its stamps alone', async () => {
  const narrow = testPrincipal({ by: 'token', role: 'write', keyId: 'writer', stamps: new Map([['service', 'shop']]) })
  Object.assign(KEYS, { narrow })
  const [wide, own] = [newName(), newName()]
  await put(wide, 'x')
  await server.ask('PUT', `/streams/${own}`, { key: 'narrow', body: 'x' })
  const ask = (method: string, name: string, headers = {}) =>
    server.ask(method, `/streams/${name}`, { key: 'narrow', headers })
  for (const [name, going, gone] of [
    [wide, 403, 404],
    [own, 204, 204],
  ] as const) {
    expect((await ask('PUT', name, { 'content-range': 'bytes */*' })).status).toBe(going)
    expect((await ask('DELETE', name)).status).toBe(gone)
  }
})

test('without room nothing more is taken, and what was taken stays', async () => {
  const own = await openStreams({ limits: { bytesMax: 1000 } })
  const { status, json } = await own.ask('PUT', '/streams/a', { body: 'x'.repeat(5_000_000) })
  expect([status, json()['code']]).toEqual([507, 'STREAMS_FULL'])
  expect(own.catalog.get('a')?.sizeBytes).toBeGreaterThan(1000)
  expect((await own.ask('PUT', '/streams/b', { body: 'x' })).status).toBe(201)
  expect([...own.catalog.all()].map(({ name }) => name)).toEqual(['b'])
  await own.close()
})

test('a server that closes interrupts what is written and cuts off who reads', async () => {
  const own = await openStreams()
  const writing = await own.raw(putHead('/streams/a') + chunk('one '))
  await expect.poll(() => own.catalog.get('a')?.sizeBytes).toBe(4)
  const reading = await own.raw('GET /streams/a HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await expect.poll(() => reading.got).toContain('one ')
  await own.close()
  await Promise.all([writing.ended, reading.ended])
  expect(own.catalog.get('a')?.state).toBe('interrupted')
  expect(reading.got).not.toContain('\r\n0\r\n')
})

test.each([
  ['bytes */*', { kind: 'question' }],
  ['bytes 5-9/*', { kind: 'place', first: 5, last: 9, total: undefined }],
  ['bytes 5-9/10', { kind: 'place', first: 5, last: 9, total: 10 }],
  ['BYTES 5-*/*', { kind: 'place', first: 5, last: undefined, total: undefined }],
  ['bytes 5-/10', { kind: 'place', first: 5, last: undefined, total: 10 }],
  ['bytes */10', { kind: 'question' }],
  ['bytes 9-5/*', undefined],
  ['bytes 5-10/10', undefined],
  ['bytes 11-*/10', undefined],
  ['bytes=5-9/*', undefined],
  ['bytes 5-9', undefined],
  ['lines 5-9/*', undefined],
  ['', undefined],
])('Content-Range: %s', (header, expected) => expect(parseContentRange(header)).toEqual(expected))
