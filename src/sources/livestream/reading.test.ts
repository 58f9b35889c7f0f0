import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPEN_LAST } from '../../streams/range.ts'
import {
  chunk,
  LAST_CHUNK,
  openStreams,
  putHead,
  type RawConnection,
  type TestStreams,
} from './testing/open-streams.ts'

let server: TestStreams
beforeAll(async () => {
  server = await openStreams({ settings: { isIndexed: false }, limits: { resumeWaitMs: 20 } })
  await server.ask('PUT', '/streams/done', { body: '0123456789' })
  await server.ask('PUT', '/streams/empty', { body: '' })
})
afterAll(() => server.close())

/** A stream that is being written, with these bytes in it. */
async function live(name: string, text: string): Promise<RawConnection> {
  const writing = await server.raw(putHead(`/streams/${name}`) + chunk(text))
  await expect.poll(() => server.catalog.get(name)?.sizeBytes).toBe(text.length)
  return writing
}

const get = (name: string, headers: Record<string, string> = {}, method = 'GET') =>
  server.ask(method, `/streams/${name}`, { headers })

describe('ranges of a finished stream', () => {
  test.each<[range: string, status: number, contentRange: string | null, text: string | undefined]>([
    ['bytes=2-5', 206, 'bytes 2-5/10', '2345'],
    ['bytes=0-', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=4-', 206, 'bytes 4-9/10', '456789'],
    ['bytes=9-9', 206, 'bytes 9-9/10', '9'],
    ['bytes=8-99', 206, 'bytes 8-9/10', '89'],
    ['bytes=-3', 206, 'bytes 7-9/10', '789'],
    ['bytes=-99', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=10-', 416, 'bytes */10', undefined],
    ['bytes=-0', 416, 'bytes */10', undefined],
    ['bytes=5-2', 200, null, '0123456789'],
    ['bytes=1-2,4-5', 200, null, '0123456789'],
    ['lines=1-2', 200, null, '0123456789'],
    ['rubbish', 200, null, '0123456789'],
  ])('%s', async (range, status, contentRange, text) => {
    const answer = await get('done', { range })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([status, contentRange])
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
    if (text === undefined) expect(answer.json()).toMatchObject({ code: 'STREAM_RANGE_WRONG' })
    else expect([answer.text, answer.headers.get('content-length')]).toEqual([text, String(text.length)])
  })

  test('of an empty one there are none', async () => {
    expect((await get('empty', { range: 'bytes=0-' })).headers.get('content-range')).toBe('bytes */0')
  })

  test('are what slicing gives', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(12), fc.nat(14), async (first, last) => {
        const { status, text } = await get('done', { range: `bytes=${first}-${last}` })
        const slice = '0123456789'.slice(first, last + 1)
        if (last < first) expect([status, text]).toEqual([200, '0123456789'])
        else if (slice === '') expect(status).toBe(416)
        else expect([status, text]).toEqual([206, slice])
      }),
      { numRuns: 40 },
    ))
})

test('a strong ETag answers If-None-Match and If-Range', async () => {
  const { headers } = await get('done')
  const etag = headers.get('etag') ?? ''
  expect(etag).toMatch(/^"[^"]+"$/)
  for (const value of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const answer = await get('done', { 'if-none-match': value })
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([304, '', etag])
  }
  expect((await get('done', { 'if-none-match': '"x"' })).status).toBe(200)
  const range = 'bytes=2-3'
  expect((await get('done', { range, 'if-range': etag })).text).toBe('23')
  for (const value of ['"x"', `W/${etag}`, new Date().toUTCString()]) {
    expect((await get('done', { range, 'if-range': value })).text).toBe('0123456789')
  }
})

test('HEAD tells what GET would, at once also while it grows', async () => {
  const done = await get('done', {}, 'HEAD')
  expect([done.status, done.headers.get('content-length'), done.text]).toEqual([200, '10', ''])
  const writing = await live('head', 'abc')
  const growing = await get('head', {}, 'HEAD')
  expect([growing.status, growing.headers.get('content-length')]).toEqual([200, null])
  expect(growing.headers.get('tailrace-stream-state')).toBe('live')
  expect(growing.headers.get('etag')).toBeNull()
  writing.socket.destroy()
})

describe('ranges of a stream that grows', () => {
  test('an open one follows it from any byte, also from the next one', async () => {
    const writing = await live('open', '0123456789')
    const readers = await Promise.all([4, 10].map((n) => server.raw(getHead('open', `Range: bytes=${n}-\r\n`))))
    for (const [at, { got }] of readers.entries()) {
      await expect.poll(() => readers[at]?.got).toContain(`content-range: bytes ${[4, 10][at]}-${OPEN_LAST}/*`)
      expect(got).not.toContain('content-length')
    }
    writing.write(chunk('abc') + LAST_CHUNK)
    await expect.poll(() => body(readers[0])).toBe('456789abc')
    await expect.poll(() => body(readers[1])).toBe('abc')
    for (const { socket } of [writing, ...readers]) socket.destroy()
  })

  test.each([
    ['bytes=2-5', 206, 'bytes 2-5/*', '2345'],
    ['bytes=8-20', 206, 'bytes 8-9/*', '89'],
    ['bytes=-4', 206, 'bytes 6-9/*', '6789'],
    ['bytes=11-', 416, 'bytes */10', undefined],
    ['bytes=10-12', 416, 'bytes */10', undefined],
  ])('%s is answered at once', async (range, status, contentRange, text) => {
    const name = `closed/${range.replaceAll('=', '')}`
    const writing = await live(name, '0123456789')
    const answer = await get(name, { range })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([status, contentRange])
    if (text !== undefined) expect(answer.text).toBe(text)
    writing.socket.destroy()
  })

  test('with If-Range it is whole, as nothing vouches for it yet', async () => {
    const writing = await live('if-range', 'abc')
    const reading = await server.raw(getHead('if-range', 'Range: bytes=1-\r\nIf-Range: "x"\r\n'))
    await expect.poll(() => reading.got).toContain('HTTP/1.1 200 OK')
    for (const { socket } of [writing, reading]) socket.destroy()
  })

  test('who is cut off again and again goes on at its byte, and misses none', async () => {
    const writing = await live('cut', 'line 0\n')
    let got = ''
    for (let n = 1; n < 20; n++) {
      const reading = await server.raw(getHead('cut', `Range: bytes=${got.length}-\r\n`))
      writing.write(chunk(`line ${n}\n`))
      await expect.poll(() => body(reading), { interval: 5 }).toMatch(/\n$/)
      reading.socket.destroy()
      got += body(reading)
    }
    writing.write(LAST_CHUNK)
    await expect.poll(() => writing.got).toContain('201')
    expect(got + (await get('cut', { range: `bytes=${got.length}-` })).text.replace(/^\{.*/, '')).toBe(
      Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join(''),
    )
    writing.socket.destroy()
  })
})

function getHead(name: string, headers = '', version = '1.1'): string {
  return `GET /streams/${name} HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n`
}

/** What came after the head, without its chunks' frames. */
function body(reading: RawConnection | undefined): string {
  const [, ...rest] = (reading?.got ?? '').split('\r\n\r\n')
  return rest
    .join('\r\n\r\n')
    .replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
    .replaceAll('\r\n', '')
}

test('HTTP/1.0 gets it until the connection ends', async () => {
  const writing = await live('old', 'one ')
  const reading = await server.raw(getHead('old', '', '1.0'))
  await expect.poll(() => reading.got).toMatch(/\r\n\r\none $/)
  writing.write(chunk('two') + LAST_CHUNK)
  await reading.ended
  expect(reading.got).toMatch(/\r\n\r\none two$/)
  expect(reading.got).not.toContain('chunked')
  writing.socket.destroy()
})

test('a writer that does not come back ends its readers without the last chunk, after all that there is', async () => {
  const writing = await live('broken', 'all there is')
  const reading = await server.raw(getHead('broken'))
  await expect.poll(() => reading.got).toContain('all there is')
  writing.socket.destroy()
  await reading.ended
  expect(reading.got).toMatch(/all there is\r\n$/)
  // Who comes later gets what there is, and is told.
  const late = await get('broken')
  expect([late.text, late.headers.get('tailrace-stream-state')]).toEqual(['all there is', 'interrupted'])
  await expect(fetch(`${server.url}/streams/broken`).then((response) => response.text())).resolves.toBe('all there is')
})

test('who goes away is let go, and who takes nothing holds nobody up', async () => {
  const writing = await live('slow', 'x')
  const stuck = await server.raw(getHead('slow'))
  const gone = await server.raw(getHead('slow'))
  await expect.poll(() => server.catalog.get('slow')?.readers).toBe(2)
  stuck.socket.pause()
  gone.socket.destroy()
  await expect.poll(() => server.catalog.get('slow')?.readers).toBe(1)
  const piece = 'y'.repeat(500_000)
  for (let n = 0; n < 40; n++) writing.write(chunk(piece))
  writing.write(LAST_CHUNK)
  await expect.poll(() => writing.got).toContain('201')
  const size = 40 * 500_000 + 1
  expect((await get('slow')).text.length).toBe(size)
  // Now it reads on, and has missed nothing.
  let bytes = 0
  stuck.socket.on('data', ({ length }) => (bytes += length)).resume()
  await expect.poll(() => bytes).toBeGreaterThan(size)
  for (const { socket } of [writing, stuck]) socket.destroy()
})

test('a reader that takes nothing for too long is cut off', async () => {
  const own = await openStreams({ settings: { readerIdleMs: 200 } })
  await own.ask('PUT', '/streams/a?index=false', { body: Buffer.alloc(20_000_000) })
  const stuck = await own.raw('GET /streams/a HTTP/1.1\r\nHost: localhost\r\n\r\n')
  stuck.socket.pause()
  await expect.poll(() => own.counters.total('livestream_readers_dropped_total', { reason: 'idle' })).toBe(1)
  await expect.poll(() => own.catalog.get('a')?.readers).toBe(0)
  stuck.socket.destroy()
  await own.close()
})

test('it is a file to be saved, or a page, if that is what is asked for', async () => {
  const download = await server.ask('GET', '/streams/done?download=true', { headers: { accept: 'text/html' } })
  expect(download.headers.get('content-disposition')).toBe('attachment; filename="done.log"')
  expect(download.text).toBe('0123456789')
  const page = await get('done', { accept: 'text/html,*/*' })
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  expect(page.text).not.toMatch(/<script>|<style|onload=|style="/)
  const plain = await server.ask('GET', '/streams/done?plain=true', { headers: { accept: 'text/html' } })
  expect(plain.text).toBe('0123456789')
})

describe('the list', () => {
  test('is newest first, and comes in pages that nothing is missing from', async () => {
    const own = await openStreams()
    for (let n = 0; n < 25; n++) {
      if (n % 3 === 0) own.folder.clock.nowMs++
      await own.ask('PUT', `/streams/${n % 2 === 0 ? 'even' : 'odd'}/${n}?index=false`, { body: 'x' })
    }
    const names: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const answer = await own.ask('GET', `/streams/?limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`)
      const page = answer.json() as unknown as { streams: { name: string }[]; cursor: string | null }
      names.push(...page.streams.map(({ name }) => name))
      cursor = page.cursor
    }
    expect(names).toHaveLength(25)
    expect(new Set(names).size).toBe(25)
    expect(names[0]).toBe('even/24')
    const odd = await own.ask('GET', '/streams?prefix=odd/&state=finished&limit=100')
    expect((odd.json() as unknown as { streams: unknown[] }).streams).toHaveLength(12)
    expect((await own.ask('GET', '/streams/?state=live')).json()).toEqual({ streams: [], cursor: null })
    expect((await own.ask('GET', '/streams/?state=dead')).status).toBe(400)
    await own.close()
  })

  test('says how each stream is', async () => {
    const writing = await live('listed', 'abc')
    const list = await server.ask('GET', '/streams/?prefix=listed')
    expect(list.json()).toEqual({
      streams: [
        {
          name: 'listed',
          state: 'live',
          size: 3,
          started: '2026-11-21T12:00:00.000Z',
          ended: null,
          readers: 0,
          host: 'testhost',
          lines: null,
          url: '/streams/listed',
        },
      ],
      cursor: null,
    })
    const page = await server.ask('GET', '/streams/', { headers: { accept: 'text/html' } })
    expect(page.text).toContain('<a href="/streams/listed">listed</a>')
    writing.socket.destroy()
  })
})

const lines = (name: string, query = '', headers: Record<string, string> = {}) =>
  server.ask('GET', `/streams/${name}?follow=sse${query}`, { headers })
const events = (text: string) =>
  [...text.matchAll(/event: (\w+)\n(?:id: (.*)\n)?data: (.*)\n\n/g)].map(
    ([, event, id, data]) => [event, id, JSON.parse(data ?? '')] as const,
  )

describe('lines', () => {
  test('have numbers, and an id to go on after', async () => {
    await server.ask('PUT', '/streams/lines', { body: 'one\n\nthr\u001b[1mee\r\nfour' })
    const all = await lines('lines')
    expect(all.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(events(all.text)).toEqual([
      ['line', '1-4', { line: 1, text: 'one' }],
      ['line', '2-5', { line: 2, text: '' }],
      ['line', '3-16', { line: 3, text: 'thr\u001b[1mee' }],
      ['line', '4-20', { line: 4, text: 'four' }],
      ['end', undefined, { state: 'finished', lines: 4, bytes: 20 }],
    ])
    const resumed = await lines('lines', '', { 'last-event-id': '2-5' })
    expect(events(resumed.text)).toEqual(events(all.text).slice(2))
    expect(events((await lines('lines', '&from=4')).text)).toEqual(events(all.text).slice(3))
    expect((await lines('lines', '', { 'last-event-id': '2-500' })).json()).toMatchObject({ code: 'CURSOR_INVALID' })
    expect((await lines('lines', '&from=0')).status).toBe(400)
  })

  test('come while it is written, also when their pieces do not', async () => {
    const writing = await live('live-lines', 'on')
    const reading = await server.raw(`GET /streams/live-lines?follow=sse HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await expect.poll(() => reading.got).toContain('retry: 2000')
    writing.write(chunk('e\ntw'))
    await expect.poll(() => reading.got).toContain('{"line":1,"text":"one"}')
    expect(reading.got).not.toContain('tw')
    writing.write(chunk('o\n') + LAST_CHUNK)
    await expect.poll(() => reading.got).toContain('{"line":2,"text":"two"}')
    await expect.poll(() => reading.got).toContain('"state":"finished"')
    for (const { socket } of [writing, reading]) socket.destroy()
  })

  test('that are too long are cut, and say so', async () => {
    await server.ask('PUT', '/streams/long', { body: `${'x'.repeat(100_000)}\nnext\n` })
    const [[, id, first], [, , second]] = events((await lines('long')).text) as [never, never] as unknown as [
      [string, string, { text: string; truncated: number }],
      [string, string, unknown],
    ]
    expect([id, first.text.length, first.truncated]).toEqual(['1-100001', 65_536, 34_464])
    expect(second).toEqual({ line: 2, text: 'next' })
  })
})

const requestOf = (name: string): string => `GET /streams/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`

describe('readers that ask again before they are answered', () => {
  test.each(['', '?follow=sse'])('are gone when their connection is%s', async (parameters) => {
    const writing = await live(`pipelined${parameters.length}`, 'abc')
    const path = `pipelined${parameters.length}`
    const reading = await server.raw(requestOf(path + parameters).repeat(20))
    await expect.poll(() => server.catalog.get(path)?.readers).toBe(20)
    reading.socket.destroy()
    await expect.poll(() => server.catalog.get(path)?.readers).toBe(0)
    writing.socket.destroy()
  })

  test('get what there is in turn, and no end of what was cut off', async () => {
    const [first, second] = [await live('turn1', 'abc'), await live('turn2', 'def')]
    const reading = await server.raw(requestOf('turn1') + requestOf('turn2'))
    await expect.poll(() => server.catalog.get('turn2')?.readers).toBe(1)
    second.socket.destroy()
    await expect.poll(() => server.catalog.get('turn2')?.readers).toBe(0)
    first.write(LAST_CHUNK)
    await reading.ended
    expect(reading.got).toContain('3\r\nabc\r\n0\r\n\r\n')
    expect(reading.got.endsWith('3\r\ndef\r\n')).toBe(true)
  })
})
