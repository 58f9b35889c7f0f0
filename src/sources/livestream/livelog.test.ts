/** `tailrace livelog` against what its callers know of the original. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLivelog, type Livelog } from '../../app/livelog.ts'
import { makeSelfSigned } from '../../net/tls-self-signed.ts'
import { chunk, LAST_CHUNK, putHead, rawConnection, type RawConnection } from './testing/open-streams.ts'

const TOKEN = '7_3HoMEbQau1Qlzwx-JZgg'
let dir: string
let livelog: Livelog
let said: string[]
const opened: Livelog[] = []
const connections: RawConnection[] = []

async function open(env: Record<string, string> = {}): Promise<Livelog> {
  said = []
  const ports = { LIVELOG_PUT_PORT: '0', LIVELOG_GET_PORT: '0' }
  const log = await openLivelog({ ACCESS_TOKEN: TOKEN, LIVELOG_TEMP_DIR: dir, ...ports, ...env }, (text) =>
    said.push(text),
  )
  opened.push(log)
  return log
}
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-livelog-test-'))
  livelog = await open({ LIVELOG_GET_WAIT: '1m' })
})
afterEach(async () => {
  for (const { socket } of connections.splice(0)) socket.destroy()
  for (const log of opened.splice(0)) await log.close()
  rmSync(dir, { recursive: true, force: true })
})

const portOf = (address: string): number => Number(/:(\d+)$/.exec(address)?.[1])
const putUrl = (): string => `http://127.0.0.1:${portOf(livelog.putAddress)}/log`
const getUrl = (path = `/log/${TOKEN}`): string => `http://127.0.0.1:${portOf(livelog.getAddress)}${path}`
const put = (body: string | Buffer) =>
  fetch(putUrl(), { method: 'PUT', body: typeof body === 'string' ? body : new Uint8Array(body) })

const range = (value: string) => fetch(getUrl(), { headers: { range: value } })
const moved = async (path: string) => (await fetch(getUrl(path), { redirect: 'manual' })).headers.get('location')
const curl = (...args: string[]): Promise<string> =>
  text(spawn('curl', ['-sS', ...args], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout)

async function raw(port: number, head: string): Promise<RawConnection> {
  const connection = await rawConnection(port, head)
  connections.push(connection)
  return connection
}
const startPut = (more = '') => raw(portOf(livelog.putAddress), putHead('/log', more))
const startGet = (more = '', version = '1.1') =>
  raw(portOf(livelog.getAddress), `GET /log/${TOKEN} HTTP/${version}\r\nHost: x\r\n${more}\r\n`)

describe('PUT', () => {
  test('is answered 201 without a body, and the log is there', async () => {
    const answer = await put('hello\n')
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([201, '0', ''])
    const log = await fetch(getUrl())
    expect([log.status, await log.text()]).toEqual([200, 'hello\n'])
    expect(log.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(log.headers.get('access-control-allow-origin')).toBe('*')
    expect(log.headers.get('access-control-expose-headers')).toContain('Transfer-Encoding')
  })

  test('happens once in the life of the process, also after its end', async () => {
    const first = await startPut()
    first.write(chunk('one'))
    const again = await fetch(putUrl(), { method: 'PUT', body: 'x'.repeat(3_000_000) })
    expect([again.status, await again.text()]).toEqual([400, 'This endpoint can only process one http PUT at a time'])
    first.write(LAST_CHUNK)
    await expect.poll(() => first.got).toContain('201 Created')
    expect((await put('two')).status).toBe(400)
    expect(await (await fetch(getUrl())).text()).toBe('one')
  })

  test.each([
    ['GET', '/log', 400, 'This endpoint can only handle PUT requests'],
    ['POST', '/log', 400, 'This endpoint can only handle PUT requests'],
    ['PUT', '/log/', 404, '404 page not found\n'],
    ['PUT', '/', 404, '404 page not found\n'],
    ['PUT', '/other', 404, '404 page not found\n'],
    ['PUT', '/log?x=1', 201, ''],
  ])('%s %s', async (method, path, status, body) => {
    const answer = await fetch(putUrl().replace('/log', path), { method })
    expect([answer.status, await answer.text()]).toEqual([status, body])
    if (status === 404) expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('may be empty', async () => {
    const reading = await startPut()
    reading.write(LAST_CHUNK)
    await expect.poll(() => reading.got).toContain('201 Created')
    const log = await fetch(getUrl())
    expect([log.status, log.headers.get('content-length'), await log.text()]).toEqual([200, '0', ''])
  })

  test('that asks first is told to go on', async () => {
    const asking = await startPut('Expect: 100-continue\r\n')
    await expect.poll(() => asking.got).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    asking.write(chunk('x') + LAST_CHUNK)
    await expect.poll(() => asking.got).toContain('201 Created')
    const second = await startPut('Expect: 100-continue\r\n')
    await expect.poll(() => second.got).toMatch(/^HTTP\/1.1 400 /)
  })

  test('finds no room: the next one may', async () => {
    rmSync(dir, { recursive: true })
    const refused = await put('x')
    expect([refused.status, await refused.text()]).toEqual([500, 'Could not open stream for body'])
    dir = mkdtempSync(join(tmpdir(), 'tailrace-livelog-test-'))
    livelog = await open()
    expect((await put('x')).status).toBe(201)
  })
})

describe('GET', () => {
  test.each([
    ['/log/wrong', 401, 'Access denied'],
    ['/log/', 401, 'Access denied'],
    [`/log/${TOKEN}x`, 401, 'Access denied'],
    [`/log/${TOKEN}?x=1`, 401, 'Access denied'],
    [`/log/${TOKEN}/`, 401, 'Access denied'],
    [`/log/${TOKEN.toLowerCase()}`, 401, 'Access denied'],
    [`/log/%37${TOKEN.slice(1)}`, 401, 'Access denied'],
    ['/', 404, '404 page not found\n'],
    ['/logs', 404, '404 page not found\n'],
  ])('%s is answered %i', async (path, status, body) => {
    await put('secret')
    const answer = await fetch(getUrl(path))
    expect([answer.status, await answer.text()]).toEqual([status, body])
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  })

  test('is led to the log', async () => {
    expect([await moved('/log'), await moved(`/log//${TOKEN}`)]).toEqual(['/log/', `/log/${TOKEN}`])
  })

  test('before the first PUT is answered 404 at once, or waits for it', async () => {
    livelog = await open({ LIVELOG_GET_WAIT: '0' })
    const early = await fetch(getUrl())
    expect([early.status, early.headers.get('retry-after')]).toEqual([404, '1'])
    expect((await fetch(getUrl('/log/wrong'))).status).toBe(401)
    livelog = await open({ LIVELOG_GET_WAIT: '1m' })
    const waiting = fetch(getUrl())
    expect((await fetch(getUrl(), { method: 'HEAD' })).status).toBe(404)
    await put('there it is')
    expect(await (await waiting).text()).toBe('there it is')
  })

  test('reads while it is written: from the start, late, and in HTTP/1.0', async () => {
    const writing = await startPut()
    writing.write(chunk('one '))
    const reading = await startGet()
    await expect.poll(() => reading.got).toContain('one ')
    writing.write(chunk('two '))
    await expect.poll(() => reading.got).toContain('two ')
    const late = await startGet()
    const old = await startGet('', '1.0')
    await expect.poll(() => late.got).toMatch(/one [\s\S]*two /)
    await expect.poll(() => old.got).toContain('\r\n\r\none two ')
    writing.write(chunk('three') + LAST_CHUNK)
    for (const { got } of [reading, late]) expect(got).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    await expect.poll(() => reading.got).toMatch(/three\r\n0\r\n\r\n$/)
    await expect.poll(() => late.got).toMatch(/three\r\n0\r\n\r\n$/)
    await old.ended
    expect(old.got).toMatch(/\r\n\r\none two three$/)
  })

  test('ends without the last chunk when the PUT is cut off, for who comes later, too', async () => {
    const writing = await startPut()
    writing.write(chunk('half'))
    const reading = await startGet()
    await expect.poll(() => reading.got).toContain('half')
    writing.socket.destroy()
    await reading.ended
    expect(reading.got).toMatch(/half\r\n$/)
    const late = await startGet()
    await late.ended
    expect(late.got).toMatch(/half\r\n$/)
    await expect(fetch(getUrl()).then((answer) => answer.text())).rejects.toThrow('terminated')
  })

  test('drops a reader that takes nothing where that is wanted', async () => {
    livelog = await open({ LIVELOG_SLOW_READERS: 'drop' })
    const writing = await startPut()
    writing.write(chunk('first'))
    const reading = await startGet()
    await expect.poll(() => reading.got).toContain('first')
    reading.socket.pause()
    const bytes = await writing.writeUntil('y'.repeat(100_000), () => said.join().includes('too far behind'))
    writing.write(LAST_CHUNK)
    await expect.poll(() => writing.got).toContain('201 Created')
    reading.socket.resume()
    await reading.ended
    expect(reading.got).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(reading.got.split('y').length).toBeLessThan(bytes)
    expect((await (await fetch(getUrl())).text()).length).toBe('first'.length + bytes)
  })

  test('takes ranges, while it grows and afterwards', async () => {
    const writing = await startPut()
    writing.write(chunk('hello\n'))
    const whole = await startGet()
    await expect.poll(() => whole.got).toContain('hello')
    const growing = await startGet('Range: bytes=2-3\r\n')
    await expect.poll(() => growing.got).toMatch(/content-range: bytes 2-3\/\*[\s\S]*\r\n\r\nll$/)
    const following = await startGet('Range: bytes=6-\r\n')
    await expect.poll(() => following.got).toContain('206 Partial Content')
    writing.write(chunk('world') + LAST_CHUNK)
    await expect.poll(() => following.got).toMatch(/world\r\n0\r\n\r\n$/)
    const part = await range('bytes=-5')
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 6-10/11', 'world'])
    const beyond = await range('bytes=11-')
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */11'])
    expect((await range('bytes=0-1,3-4')).status).toBe(200)
  })

  test('HEAD, OPTIONS and other methods', async () => {
    const writing = await startPut()
    writing.write(chunk('x'))
    await expect.poll(async () => (await fetch(getUrl(), { method: 'HEAD' })).status).toBe(200)
    const options = await fetch(getUrl(), { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS'])
    expect(options.headers.get('access-control-allow-headers')).toContain('Range')
    for (const method of ['POST', 'DELETE', 'PUT']) {
      const refused = await fetch(getUrl(), { method })
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
    }
  })

  test('without a token everybody who knows the address reads it', async () => {
    livelog = await open({ ACCESS_TOKEN: '' })
    await put('open')
    expect(await (await fetch(getUrl('/log/'))).text()).toBe('open')
    expect((await fetch(getUrl())).status).toBe(401)
  })
})

test('DEBUG is taken, and opens nothing', async () => {
  livelog = await open({ DEBUG: '*' })
  expect((await put('hello\n')).status).toBe(201)
  expect(await (await fetch(getUrl())).text()).toBe('hello\n')
  for (const url of [putUrl(), getUrl('/log')]) {
    expect((await fetch(url.replace(/log$/, 'debug/pprof/'))).status).toBe(404)
  }
  expect(said).toEqual([])
})

test('10,000 lines arrive in order', async () => {
  const reading = fetch(getUrl())
  const writing = await startPut()
  const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n} ${'x'.repeat(860)}\n`)
  for (const line of lines) writing.write(chunk(line))
  writing.write(LAST_CHUNK)
  const isSame = (await (await reading).text()) === lines.join('')
  expect(isSame).toBe(true)
})

test('nothing is left in the folder, not even while it runs', async () => {
  await put('x'.repeat(100_000))
  expect(readdirSync(dir)).toEqual([])
  expect((await (await fetch(getUrl())).text()).length).toBe(100_000)
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

test.skipIf(!hasCurl)('curl writes, reads, and goes on where it was cut off', async () => {
  const file = join(dir, 'log')
  writeFileSync(file, 'hello curl\n'.repeat(50_000))
  expect(await curl('-w', '%{http_code}', '-T', file, putUrl())).toBe('201')
  expect((await curl(getUrl())).length).toBe(550_000)
  expect(await curl('-r', '549995-', getUrl())).toBe('curl\n')
})

describe('TLS', () => {
  test('is for GET alone', async () => {
    const { cert, key } = await makeSelfSigned(['localhost'], Date.now())
    writeFileSync(join(dir, 'crt'), cert)
    writeFileSync(join(dir, 'key'), key)
    livelog = await open({ SERVER_CRT_FILE: join(dir, 'crt'), SERVER_KEY_FILE: join(dir, 'key') })
    expect((await put('secret')).status).toBe(201)
    const request = httpsGet(getUrl().replace('http:', 'https:'), { rejectUnauthorized: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const got = await text(response)
    expect(got).toBe('secret')
    await expect(fetch(getUrl())).rejects.toThrow('fetch failed')
  })

  test('with a wrong certificate it does not start, with one half it is left out', async () => {
    writeFileSync(join(dir, 'crt'), 'no certificate')
    const files = { SERVER_CRT_FILE: join(dir, 'crt'), SERVER_KEY_FILE: join(dir, 'crt') }
    await expect(open(files)).rejects.toMatchObject({ exitCode: 1 })
    await expect(open({ ...files, SERVER_KEY_FILE: join(dir, 'absent') })).rejects.toMatchObject({ exitCode: 1 })
    livelog = await open({ SERVER_CRT_FILE: join(dir, 'crt') })
    expect(said.join()).toContain('without TLS')
    expect((await put('x')).status).toBe(201)
  })
})

test.each([
  ['LIVELOG_PUT_PORT', 'x', 64, 'env var LIVELOG_PUT_PORT is not a number (x)'],
  ['LIVELOG_PUT_PORT', '65536', 65, 'env var LIVELOG_PUT_PORT is not between [0, 65535] (65536)'],
  ['LIVELOG_GET_PORT', '1.5', 66, 'env var LIVELOG_GET_PORT is not a number (1.5)'],
  ['LIVELOG_GET_PORT', '-1', 67, 'env var LIVELOG_GET_PORT is not between [0, 65535] (-1)'],
  ['LIVELOG_GET_WAIT', 'long', 2, 'LIVELOG_GET_WAIT'],
  ['LIVELOG_SLOW_READERS', 'tape', 2, 'LIVELOG_SLOW_READERS'],
])('%s=%s ends it with %i', async (name, value, exitCode, message) => {
  await expect(open({ [name]: value })).rejects.toMatchObject({
    exitCode,
    message: expect.stringContaining(message) as string,
  })
})

test('a port that is taken ends it with 1', async () => {
  const taken = String(portOf(livelog.getAddress))
  await expect(open({ LIVELOG_GET_PORT: taken })).rejects.toMatchObject({ exitCode: 1 })
})

test('PUT is for this machine, GET for all', () => {
  expect(livelog.putAddress).toMatch(/^127\.0\.0\.1:/)
  expect(livelog.getAddress).toMatch(/^(?:\[::\]|0\.0\.0\.0):/)
})
