import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  chunk,
  LAST_CHUNK,
  openStreams,
  putHead,
  type RawConnection,
  type TestStreams,
} from './testing/open-streams.ts'

const FIRST = 'first\n'
const PIECE = `${'y'.repeat(999)}\n`.repeat(100)
/** More than the system keeps on the way to a reader that takes nothing. */
const PIECES = 160

interface Case {
  name: string
  writing: RawConnection
  reading: RawConnection
  size: () => number | undefined
}

/** A stream that is being written, and a reader that has the first line of it and takes nothing any more. */
async function pausedReader(server: TestStreams, name: string, query = ''): Promise<Case> {
  const size = (): number | undefined => server.catalog.get(name)?.sizeBytes
  const writing = await server.raw(putHead(`/streams/${name}`) + chunk(FIRST))
  await expect.poll(size).toBe(FIRST.length)
  const reading = await server.raw(`GET /streams/${name}${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await expect.poll(() => reading.got).toContain('first')
  reading.socket.pause()
  return { name, writing, reading, size }
}

/** All that was written, without what frames its chunks. */
const written = (pieces: number): string => FIRST + PIECE.repeat(pieces)
const bodyOf = ({ got }: Pick<RawConnection, 'got'>): string =>
  got.slice(got.indexOf('\r\n\r\n')).replaceAll(/(?:^|\r\n)(?:[0-9a-f]*\r\n)+/g, '')

describe('slow readers', () => {
  let server: TestStreams
  beforeAll(async () => {
    server = await openStreams({ settings: { isIndexed: false } })
  })
  afterAll(() => server.close())

  test('one that pauses while its writer goes, comes back and ends has missed nothing', async () => {
    const { name, writing, reading, size } = await pausedReader(server, 'paused')
    for (let n = 0; n < PIECES; n++) writing.write(chunk(PIECE))
    await expect.poll(size, { timeout: 10_000 }).toBe(FIRST.length + PIECES * PIECE.length)
    writing.socket.destroy()
    await expect.poll(() => server.catalog.get(name)?.state).toBe('interrupted')
    const headers = { 'content-range': `bytes ${size()}-*/*` }
    expect((await server.ask('PUT', `/streams/${name}`, { headers, body: PIECE })).status).toBe(201)
    expect(server.catalog.get(name)?.readers).toBe(1)
    reading.socket.resume()
    await expect.poll(() => reading.got.endsWith('\r\n0\r\n\r\n'), { timeout: 10_000 }).toBe(true)
    expect(bodyOf(reading) === written(PIECES + 1)).toBe(true)
    reading.socket.destroy()
  })

  test('one that takes a thousand bytes at a time gets all, long after its writer was answered', async () => {
    const writing = await server.raw(putHead('/streams/thousand') + chunk(FIRST))
    await expect.poll(() => server.catalog.get('thousand')?.sizeBytes).toBe(FIRST.length)
    const reader = thousandsReader(server.port, '/streams/thousand')
    await expect.poll(() => server.catalog.get('thousand')?.readers).toBe(1)
    for (let n = 0; n < PIECES; n++) writing.write(chunk(PIECE))
    writing.write(LAST_CHUNK)
    await expect.poll(() => writing.got, { timeout: 10_000 }).toContain('201 Created')
    const got = await reader.takeAll()
    expect(bodyOf({ got }) === written(PIECES)).toBe(true)
    writing.socket.destroy()
  })
})

/** Takes nothing until it is told to, then so many bytes in a turn of the loop. */
function thousandsReader(port: number, path: string): { takeAll(): Promise<string> } {
  const taken: string[] = []
  let isTaking = false
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.alloc(1000),
      callback(bytes, buffer) {
        taken.push(Buffer.from(buffer).toString('latin1', 0, bytes))
        if (isTaking) setImmediate(() => socket.resume())
        return false
      },
    },
  })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  return {
    async takeAll() {
      isTaking = true
      const ended = once(socket, 'close')
      socket.resume()
      await ended
      return taken.join('')
    },
  }
}

describe('where slow readers are dropped', () => {
  let server: TestStreams
  beforeAll(async () => {
    server = await openStreams({ settings: { isIndexed: false, lagBytesMax: 500_000 } })
  })
  afterAll(() => server.close())
  const dropped = (): number => server.counters.total('livestream_readers_dropped_total', { reason: 'slow' })

  test.each(['', '?follow=sse'])('one that takes nothing gets no end: %s', async (query) => {
    const before = dropped()
    const { name, writing, reading, size } = await pausedReader(server, `drop${query.length}`, query)
    const sent = await writing.writeUntil(PIECE, () => dropped() > before)
    reading.socket.resume()
    await reading.ended
    expect(reading.got).not.toMatch(/\r\n0\r\n\r\n$|event: end/)
    expect(reading.got.split('y').length).toBeLessThan(sent)
    // What was there before it began does not count.
    await expect.poll(size).toBe(FIRST.length + sent)
    const late = server.ask('GET', `/streams/${name}`)
    writing.write(LAST_CHUNK)
    expect((await late).text.length).toBe(FIRST.length + sent)
    expect(dropped()).toBe(before + 1)
    writing.socket.destroy()
  })
})
