import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StreamCatalog } from './catalog.ts'
import { STREAM_NAME_BYTES_MAX, streamNameProblem, streamPath } from './stream-name.ts'
import type { Stream } from './stream.ts'
import { newStream, testCatalog, type TestCatalog } from './testing/open-catalog.ts'

let folder: TestCatalog
let catalog: StreamCatalog
beforeEach(async () => {
  folder = testCatalog()
  catalog = await folder.open()
})
afterEach(async () => {
  await catalog.close()
  folder.remove()
})

async function write(name: string, text: string): Promise<Stream> {
  const writer = await catalog.create(newStream(name))
  void writer.append(Buffer.from(text))
  await writer.finish()
  return writer.stream
}

/** All of it; what comes after an exclamation mark says why there is no more. */
async function read(stream: Stream): Promise<string> {
  const got: Buffer[] = []
  const end = await new Promise<string>((resolve, reject) => {
    const pump = catalog.read(stream, { from: 0, to: Infinity, write: (bytes) => got.push(bytes) > 0, onEnd: resolve })
    pump.then((started) => started.resume(), reject)
  })
  return Buffer.concat(got).toString() + (end === 'complete' ? '' : `!${end}`)
}

test('a finished stream survives a restart, with its links and its bytes', async () => {
  const stream = await write('ci/build-1', 'hello\n')
  await catalog.setShares(stream, [{ digest: 'd', expiresMs: 5, keyId: 'k' }])
  catalog = await folder.open()
  const found = catalog.get('ci/build-1') ?? expect.unreachable()
  expect(found).toMatchObject({ state: 'finished', sizeBytes: 6, etag: stream.etag, shares: [{ digest: 'd' }] })
  expect(await read(found)).toBe('hello\n')
})

test('a stream that was live is interrupted by a crash, keeps its bytes and may be gone on with', async () => {
  const writer = await catalog.create(newStream('live'))
  void writer.append(Buffer.from('one '))
  await writer.settled()
  catalog = await folder.open()
  const found = catalog.get('live') ?? expect.unreachable()
  expect(found).toMatchObject({ state: 'interrupted', sizeBytes: 4, isGrowing: true, etag: undefined })
  const reading = read(found)
  const resumed = await catalog.resume(found)
  void resumed.append(Buffer.from('two'))
  await resumed.finish()
  expect(await reading).toBe('one two')
  await expect(catalog.resume(found)).rejects.toMatchObject({ code: 'STREAM_FINISHED' })
})

test('nobody waits for ever for a writer that does not come back', async () => {
  catalog = await folder.open({ resumeWaitMs: 1 })
  const writer = await catalog.create(newStream('a'))
  void writer.append(Buffer.from('x'))
  await writer.settled()
  const reading = read(writer.stream)
  await writer.interrupt()
  expect(await reading).toBe('x!cut')
  // It may come back all the same.
  const resumed = await catalog.resume(writer.stream)
  void resumed.append(Buffer.from('y'))
  await resumed.finish()
  expect(await read(writer.stream)).toBe('xy')
})

test('a second writer takes the place of the first', async () => {
  const first = await catalog.create(newStream('a'))
  void first.append(Buffer.from('x'))
  const second = await catalog.resume(first.stream)
  expect(first.isCut.aborted).toBe(true)
  expect(second.stream.sizeBytes).toBe(1)
  await second.finish()
  expect(catalog.status()).toMatchObject({ live: 0, interrupted: 0, finished: 1, writers: 0, bytes: 1 })
})

test('the oldest that have ended make room for bytes and for streams, and live ones never', async () => {
  catalog = await folder.open({ bytesMax: 100, streamsMax: 3 })
  const live = await catalog.create(newStream('live'))
  for (const name of ['a', 'b']) {
    folder.clock.nowMs++
    await write(name, 'x'.repeat(30))
  }
  await write('c', 'y')
  expect([...catalog.all()].map(({ name }) => name)).toEqual(['live', 'b', 'c'])
  void live.append(Buffer.alloc(80))
  await live.settled()
  expect([...catalog.all()].map(({ name }) => name)).toEqual(['live', 'c'])
  void live.append(Buffer.alloc(40))
  await live.settled()
  expect([...catalog.all()].map(({ name }) => name)).toEqual(['live'])
  expect(() => live.append(Buffer.alloc(1))).toThrow('none that has ended is left')
  await expect(catalog.create(newStream('d'))).rejects.toMatchObject({ code: 'STREAMS_FULL' })
  expect(folder.counters.total('streams_dropped_total', { reason: 'room' })).toBe(3)
  await live.interrupt()
  await catalog.close()
  expect(readdirSync(folder.dir)).toHaveLength(2)
})

test('what is too old is gone after a restart', async () => {
  await write('old', 'x')
  folder.clock.nowMs += 2000
  await write('new', 'x')
  catalog = await folder.open({ ageMs: 1000 })
  expect([...catalog.all()].map(({ name }) => name)).toEqual(['new'])
})

test('a removed stream cuts off its writer and its readers, and its name is free', async () => {
  const writer = await catalog.create(newStream('a'))
  void writer.append(Buffer.from('x'))
  const reading = read(writer.stream)
  await catalog.remove(writer.stream)
  expect(await reading).toContain('!removed')
  expect(writer.isCut.aborted).toBe(true)
  await write('a', 'again')
  expect(readdirSync(folder.dir)).toHaveLength(2)
  expect(catalog.status()).toMatchObject({ bytes: 5, readers: 0, writers: 0 })
})

test('limits of writers, readers and names that are taken', async () => {
  catalog = await folder.open({ writersMax: 1, readersMax: 1 })
  const writer = await catalog.create(newStream('a'))
  await expect(catalog.create(newStream('b'))).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  const reading = read(writer.stream)
  await expect(read(writer.stream)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  await writer.finish()
  await reading
  await expect(catalog.create(newStream('a'))).rejects.toMatchObject({ code: 'STREAM_EXISTS' })
})

test('what cannot be understood in the folder harms nothing', async () => {
  await write('a', 'x')
  writeFileSync(join(folder.dir, 'ffffffffffffffffffffffff.json'), '{"version":1}')
  writeFileSync(join(folder.dir, 'eeeeeeeeeeeeeeeeeeeeeeee.bytes'), 'of no stream')
  writeFileSync(join(folder.dir, 'x.tmp'), 'half')
  catalog = await folder.open()
  expect([...catalog.all()].map(({ name }) => name)).toEqual(['a'])
  expect(readdirSync(folder.dir)).toHaveLength(3)
})

describe('names', () => {
  test.each<[string, boolean]>([
    ['build', true],
    ['ci/build-42', true],
    ['ci/Größe 4 (neu).log', true],
    ['...', true],
    ['a..b', true],
    ['', false],
    ['/', false],
    ['/a', false],
    ['a/', false],
    ['a//b', false],
    ['..', false],
    ['../etc/passwd', false],
    ['a/../b', false],
    ['a/./b', false],
    ['a\0b', false],
    ['a\nb', false],
    ['a\u202eb', false],
    ['a\\b', false],
    ['\ud800', false],
    ['x'.repeat(STREAM_NAME_BYTES_MAX), true],
    ['ü'.repeat(STREAM_NAME_BYTES_MAX / 2 + 1), false],
    ['x'.repeat(4096), false],
  ])('%j', (name, isGood) => {
    expect(streamNameProblem(name) === undefined).toBe(isGood)
    if (isGood) expect(decodeURIComponent(streamPath(name))).toBe(name)
  })
})
