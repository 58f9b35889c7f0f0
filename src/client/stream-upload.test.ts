import { createServer, connect, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStreams, type TestStreams } from '../sources/livestream/testing/open-streams.ts'
import { openConnection, type Connection } from './connection.ts'
import { StreamUpload, type StreamUploadOptions } from './stream-upload.ts'

let server: TestStreams
let way: Way
let connection: Connection

/** A way to the server that can be cut. */
interface Way {
  port: number
  cut(): void
  close(): Promise<void>
}

async function openWay(port: number): Promise<Way> {
  const sockets = new Set<Socket>()
  const proxy: Server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (proxy.address() as AddressInfo).port,
    cut,
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve())
        cut()
      }),
  }
}

beforeEach(async () => {
  server = await openStreams({ settings: { isIndexed: false } })
  way = await openWay(server.port)
  connection = openConnection({ url: `http://127.0.0.1:${way.port}` })
})
afterEach(async () => {
  connection.close()
  await way.close()
  await server.close()
})

const patience = { wait: () => Promise.resolve(), random: () => 0 }
const upload = (name: string, options: Partial<StreamUploadOptions> = {}): StreamUpload =>
  new StreamUpload({ connection, name, retryMsMax: 60_000, patience, ...options })

const stored = async (name: string): Promise<string> => (await server.ask('GET', `/streams/${name}`)).text

test('writes a stream', async () => {
  const one = upload('ci/Größe 1', { host: 'runner', isIndexed: true })
  expect(await one.ask()).toBeUndefined()
  const running = one.run()
  await one.write(Buffer.from('one '))
  await one.write(Buffer.from('two'))
  await expect.poll(() => server.catalog.get('ci/Größe 1')?.sizeBytes).toBe(7)
  expect(await one.ask()).toEqual({ offset: 7, state: 'live' })
  one.end()
  expect(await running).toMatchObject({ size: 7, state: 'finished' })
  expect(server.catalog.get('ci/Größe 1')).toMatchObject({ host: 'runner', indexed: { bytes: 7 } })
})

test('goes on after each cut, and no byte is lost or comes twice', async () => {
  const told: string[] = []
  const one = upload('cut', { onOutage: () => told.push('away'), onRecovery: () => told.push('back') })
  const running = one.run()
  let text = ''
  for (let n = 0; n < 60; n++) {
    const line = `line ${n} ${'x'.repeat((n * 997) % 40_000)}\n`
    text += line
    await one.write(Buffer.from(line))
    if (n % 20 === 10) {
      await expect.poll(() => server.catalog.get('cut')?.state).toBe('live')
      way.cut()
    }
  }
  one.end()
  expect(await running).toMatchObject({ size: text.length, state: 'finished' })
  expect((await stored('cut')) === text).toBe(true)
  expect(told.slice(0, 2)).toEqual(['away', 'back'])
})

test('keeps no more than it has to', async () => {
  const one = upload('long')
  const running = one.run()
  const piece = Buffer.alloc(1024 * 1024, 'x')
  for (let n = 0; n < 80; n++) await one.write(piece)
  one.end()
  expect(await running).toMatchObject({ size: 80 * 1024 * 1024 })
})

test('a connection that leads nowhere is given up', async () => {
  const one = upload('stuck', { askMs: 100 })
  const running = one.run()
  await one.write(Buffer.from('one '))
  await expect.poll(() => server.catalog.get('stuck')?.sizeBytes).toBe(4)
  // The server has closed, as far as it knows, and our side has not noticed.
  await server.catalog.get('stuck')?.writer?.cut()
  await one.write(Buffer.from('two'))
  await expect.poll(() => server.catalog.get('stuck')?.sizeBytes).toBe(7)
  one.end()
  expect(await running).toMatchObject({ size: 7 })
  expect(await stored('stuck')).toBe('one two')
})

test('what cannot be helped ends it', async () => {
  await server.ask('PUT', '/streams/taken', { body: 'x' })
  const one = upload('taken')
  await expect(one.run()).rejects.toMatchObject({ code: 'STREAM_EXISTS' })
  await expect(one.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'STREAM_EXISTS' })
  const away = new StreamUpload({
    connection: openConnection({ url: 'http://127.0.0.1:1' }),
    name: 'x',
    retryMsMax: 0,
    patience,
  })
  await expect(away.run()).rejects.toMatchObject({ name: 'ServerAway' })
})
