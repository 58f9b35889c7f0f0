import { Readable } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import type { TlsMaterial } from './tls.ts'
import { makeSelfSigned } from './tls-self-signed.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'

const MiB = 1024 * 1024
const PUBLIC = { config: { access: 'public' } } as const
const IDLE_MS = 400
/** What a slow reader takes at once. */
const STEP_BYTES = 64 * 1024
const PATIENCE = { timeout: 10_000 }

let server: GuardedServer
/** Writes into the answer that has begun at `/feed`. */
let feed: ((text: string) => void) | undefined
/** Answers that are over, complete or not. */
let closed: number
afterEach(() => server.http.close())

async function open(answerIdleMs = IDLE_MS, tls?: TlsMaterial): Promise<void> {
  closed = 0
  feed = undefined
  server = await openGuardedServer({ limits: { answerIdleMs }, tls }, ({ app }) => {
    app.addHook('onRequest', (_request, reply, done) => {
      reply.raw.once('close', () => void closed++)
      done()
    })
    app.get('/whole', PUBLIC, () => 'x'.repeat(32 * MiB))
    app.get('/stream', PUBLIC, (_request, reply) => {
      const piece = Buffer.alloc(MiB, 'x')
      return reply.send(Readable.from(Array.from({ length: 32 }, () => piece)))
    })
    app.get('/feed', PUBLIC, (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200)
      reply.raw.write('begin ')
      feed = (text) => void reply.raw.write(text)
    })
  })
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`
const cutOff = (): number => server.counters.total('http_slow_readers_total')

describe('a reader', () => {
  const WAYS: [path: string, isTls: boolean][] = [
    ['/whole', false],
    ['/whole', true],
    ['/stream', false],
    ['/stream', true],
  ]
  test.each(WAYS)('of %s that takes nothing is cut off; TLS: %j', async (path, isTls) => {
    await open(IDLE_MS, isTls ? await makeSelfSigned(['localhost'], Date.now()) : undefined)
    const connection = server.connect(get(path))
    await connection.until(/x/)
    connection.socket.pause()
    const got = connection.text.length
    await expect.poll(cutOff, PATIENCE).toBe(1)
    await expect.poll(() => closed, PATIENCE).toBe(1)
    connection.socket.resume()
    expect((await connection.closed()).length).toBeLessThan(32 * MiB)
    expect(got).toBeLessThan(16 * MiB)
  })

  test('that asks for more meanwhile is cut off as well', async () => {
    await open()
    const { socket } = server.connect()
    socket.pause()
    socket.write(get('/whole') + get('/public').repeat(100))
    await expect.poll(cutOff, PATIENCE).toBe(1)
    socket.destroy()
  })

  test.each(WAYS)('of %s that is slow, but takes something now and then, gets it all; TLS: %j', async (path, isTls) => {
    await open(IDLE_MS, isTls ? await makeSelfSigned(['localhost'], Date.now()) : undefined)
    const startedMs = performance.now()
    const connection = server.connect(get(path))
    let bytes = 0
    let rested = 0
    connection.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes < rested + STEP_BYTES) return
      rested = bytes
      connection.socket.pause()
      setTimeout(() => connection.socket.resume(), 1)
    })
    await expect.poll(() => bytes, { timeout: 20_000 }).toBeGreaterThan(32 * MiB)
    expect(performance.now() - startedMs).toBeGreaterThan(IDLE_MS)
    expect(cutOff()).toBe(0)
    connection.socket.destroy()
  })

  test('of an answer in which nothing happens is left alone', async () => {
    await open(50)
    const connection = server.connect(get('/feed'))
    await connection.until(/begin /)
    // Longer than the limit, by the same clock.
    const another = server.connect()
    another.socket.pause()
    another.write(get('/whole'))
    await expect.poll(cutOff, PATIENCE).toBe(1)
    feed?.('and end')
    await connection.until(/and end/)
    expect(cutOff()).toBe(1)
    connection.socket.destroy()
    another.socket.destroy()
  })

  test('who fell asleep in such an answer is noticed when there is something to take', async () => {
    await open(50)
    const connection = server.connect(get('/feed'))
    await connection.until(/begin /)
    connection.socket.pause()
    feed?.('x'.repeat(32 * MiB))
    await expect.poll(cutOff, PATIENCE).toBe(1)
    connection.socket.destroy()
  })

  test('who is not slow keeps the connection', async () => {
    await open(50)
    const connection = server.connect(get('/public'))
    await connection.until(/"by"/)
    const another = server.connect()
    another.socket.pause()
    another.write(get('/whole'))
    await expect.poll(cutOff, PATIENCE).toBe(1)
    expect(connection.isClosed).toBe(false)
    connection.write(get('/public'))
    await connection.until(/"by"[^]*"by"/)
    connection.socket.destroy()
    another.socket.destroy()
  })
})
