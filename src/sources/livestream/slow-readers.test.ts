import { once } from 'node:events'
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
const bodyOf = ({ got }: RawConnection): string =>
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
    const { writing, reading } = await pausedReader(server, 'thousand')
    for (let n = 0; n < PIECES; n++) writing.write(chunk(PIECE))
    writing.write(LAST_CHUNK)
    await expect.poll(() => writing.got, { timeout: 10_000 }).toContain('201 Created')
    const { socket } = reading
    socket.removeAllListeners('data')
    const taken: Buffer[] = [Buffer.from(reading.got, 'latin1')]
    let last = ''
    while (!last.endsWith('\r\n0\r\n\r\n')) {
      const bytes = socket.read(Math.min(1000, socket.readableLength)) as Buffer | null
      if (bytes) taken.push(bytes)
      else await once(socket, 'readable')
      last = Buffer.concat(taken.slice(-10)).toString('latin1')
    }
    expect(taken.length).toBeGreaterThan((PIECES * PIECE.length) / 1000)
    expect(bodyOf({ ...reading, got: Buffer.concat(taken).toString('latin1') }) === written(PIECES)).toBe(true)
    for (const one of [writing, reading]) one.socket.destroy()
  })
})

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
