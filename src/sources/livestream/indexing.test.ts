import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { testCatalog, type TestCatalog } from '../../streams/testing/open-catalog.ts'
import type { LivestreamContext } from './settings.ts'
import { chunk, LAST_CHUNK, openStreams, putHead, type TestStreams } from './testing/open-streams.ts'

let folder: TestCatalog
let server: TestStreams
beforeEach(async () => {
  folder = testCatalog()
  server = await openStreams({ folder })
})
afterEach(async () => {
  await server.close()
  folder.remove()
})

const messages = (): string[] => server.sink.events().map(({ message }) => message)

test('lines become events of a service with the name of the stream', async () => {
  const body = [
    '2026-11-28T09:00:00Z INFO started',
    '',
    '\u001b[31mERROR\u001b[0m it broke',
    '10%\r50%\r100%',
    '   ',
    'the end',
  ].join('\n')
  expect((await server.ask('PUT', '/streams/ci/build-1?host=runner-7', { body })).status).toBe(201)
  const id = server.catalog.get('ci/build-1')?.id ?? ''
  const common = { service: 'ci/build-1', source: 'ci/build-1', host: 'runner-7' }
  const attributes = (line: number) =>
    new Map([
      ['stream.line', String(line)],
      ['stream.id', id],
    ])
  expect(server.sink.events()).toMatchObject([
    {
      ...common,
      message: '2026-11-28T09:00:00Z INFO started',
      severity: 9,
      timestampNs: 1_795_856_400_000_000_000n,
      attributes: attributes(1),
    },
    { ...common, message: 'ERROR it broke', severity: 17, attributes: attributes(3) },
    { ...common, message: '100%', severity: 0, attributes: attributes(4) },
    { ...common, message: 'the end', attributes: attributes(6) },
  ])
  // The bytes stay as they are.
  expect((await server.ask('GET', '/streams/ci/build-1')).text).toBe(body)
  expect(server.catalog.get('ci/build-1')?.indexed).toEqual({ bytes: body.length, lines: 6 })
  expect(folder.counters.total('ingest_events_total', { source: 'livestream' })).toBe(4)
})

test('they do while it is written, whole', async () => {
  const writing = await server.raw(putHead('/streams/a') + chunk('one\ntw'))
  await expect.poll(messages).toEqual(['one'])
  writing.write(chunk('o\nthree'))
  await expect.poll(messages).toEqual(['one', 'two'])
  writing.write(LAST_CHUNK)
  await expect.poll(messages).toEqual(['one', 'two', 'three'])
  writing.socket.destroy()
})

test('not with index=false, and what is no text is left out', async () => {
  await server.ask('PUT', '/streams/quiet?index=false', { body: 'one\n' })
  await server.ask('PUT', '/streams/binary', { body: Buffer.from('text\nno \0 text\nm\xfcll\n', 'latin1') })
  expect(messages()).toEqual(['text', 'm\ufffdll'])
  expect(folder.counters.total('ingest_rejected_total', { source: 'livestream', reason: 'binary' })).toBe(1)
  expect(folder.counters.examples('ingest_rejected_total')[0]?.newest).toMatchObject([{ text: 'line 2 of binary' }])
})

test('a sink that refuses holds up no writer, and loses and repeats no line', async () => {
  let refusals = 1
  server.sink.onWrite = () => {
    if (refusals-- > 0) throw new AppError('SPOOL_FULL')
  }
  const body = Array.from({ length: 500 }, (_, n) => `line ${n}\n`).join('')
  const asked = server.ask('PUT', '/streams/a', { body })
  await expect.poll(() => server.catalog.get('a')?.state).toBe('finished')
  await asked
  await expect.poll(() => server.sink.rows, { timeout: 20_000 }).toBe(500)
  expect(messages().join('\n')).toBe(body.trimEnd())
  expect(folder.counters.total('livestream_index_failures_total')).toBe(1)
})

test('the answer waits for the last lines to become events, but not where that would take long', async () => {
  const held = new AbortController()
  server.sink.onWrite = async () => {
    if (!held.signal.aborted) await once(held.signal, 'abort')
  }
  const writing = await server.raw(putHead('/streams/a') + chunk('one\ntwo\nthree\n') + LAST_CHUNK)
  await expect.poll(() => server.catalog.get('a')?.state).toBe('finished')
  const stream = server.catalog.get('a') ?? expect.unreachable()
  const { indexer } = server.parts
  const forever = { waitMsMax: 2 ** 31 - 1 }
  let isSettled = false
  const settled = indexer.settled(stream, { ...forever, bytesMax: 14 }).then(() => (isSettled = true))
  // More is left than may be waited for.
  await indexer.settled(stream, { ...forever, bytesMax: 13 })
  expect(isSettled).toBe(false)
  held.abort()
  await settled
  expect(messages()).toEqual(['one', 'two', 'three'])
  writing.socket.destroy()
})

test('many lines come in order, each once, however they are cut', async () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n} ${'x'.repeat(n % 200)}`)
  const text = `${lines.join('\n')}\n`
  const writing = await server.raw(putHead('/streams/a'))
  for (let at = 0, size = 1; at < text.length; at += size, size = (size * 7) % 4001) {
    writing.write(chunk(text.slice(at, at + size)))
  }
  writing.write(LAST_CHUNK)
  await expect.poll(() => writing.got).toContain('201')
  await expect.poll(() => server.sink.rows).toBe(10_000)
  expect(messages()).toEqual(lines)
  const numbers = server.sink.events().map(({ attributes }) => Number(attributes.get('stream.line')))
  expect(numbers).toEqual(lines.map((_, n) => n + 1))
  writing.socket.destroy()
})

/** As after a crash: the events are stored, and the record says less. */
test('after a crash lines that are stored already are not repeated', async () => {
  const writing = await server.raw(putHead('/streams/a') + chunk('one\ntwo\nthree\n'))
  await expect.poll(messages).toEqual(['one', 'two', 'three'])
  const { id, record } = server.catalog.get('a') ?? expect.unreachable()
  const before = server
  // Kept from the disk: what follows is the state in which the process would have died.
  await before.parts.indexer.close()
  await before.catalog.noteIndexed(before.catalog.get('a') ?? expect.unreachable(), { bytes: 4, lines: 1 }, true)
  expect(record.state).toBe('live')
  const recentValues: LivestreamContext['recentValues'] = (question) => {
    const where = { attribute: 'stream.id', value: id }
    expect(question).toMatchObject({ attribute: 'stream.line', source: 'a', where, valuesMax: 1 })
    return Promise.resolve(['2'])
  }
  server = await openStreams({ folder, changes: { recentValues } })
  await expect.poll(messages).toEqual(['three'])
  expect(
    (await server.ask('PUT', '/streams/a', { body: 'four\n', headers: { 'content-range': 'bytes 14-*/*' } })).status,
  ).toBe(201)
  await expect.poll(messages).toEqual(['three', 'four'])
  expect(server.sink.events().map(({ attributes }) => attributes.get('stream.line'))).toEqual(['3', '4'])
  writing.socket.destroy()
  await before.close()
})

test('a stream that is removed before its lines were events says how much was lost', async () => {
  let release: (() => void) | undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  server.sink.onWrite = () => held
  const writing = await server.raw(putHead('/streams/a') + chunk('one\n'))
  await expect.poll(() => server.catalog.get('a')?.sizeBytes).toBe(4)
  // More than is read ahead.
  writing.write(chunk('two\n'.repeat(500_000)))
  await expect.poll(() => server.catalog.get('a')?.sizeBytes).toBe(2_000_004)
  await server.ask('DELETE', '/streams/a')
  release?.()
  await expect.poll(() => folder.counters.total('livestream_unindexed_bytes_total')).toBeGreaterThan(0)
  writing.socket.destroy()
})
