import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testPrincipal, wordAccess } from '../../api/testing/word-access.ts'
import { chunk, openStreams, putHead, type TestStreams } from './testing/open-streams.ts'

const KEYS = {
  writer: testPrincipal({ role: 'write', keyId: 'writer' }),
  other: testPrincipal({ role: 'write', keyId: 'other' }),
  reader: testPrincipal({ keyId: 'reader' }),
  blind: testPrincipal({ keyId: 'blind', filter: 'service:nothing' }),
  session: testPrincipal({ by: 'session', keyId: 'reader' }),
  token: testPrincipal({ by: 'token', keyId: 'reader' }),
  signer: testPrincipal({ by: 'signature', role: 'write', keyId: 'writer' }),
}
let server: TestStreams
/** Key → those who want to know when it ends. */
let watchers: Map<string, (() => void)[]>
let ended: Set<string>
beforeEach(async () => {
  watchers = new Map()
  ended = new Set()
  server = await openStreams({
    access: wordAccess(KEYS),
    changes: {
      mayRead: ({ filter }) => filter === '',
      onKeyEnded(keyId, listener) {
        if (ended.has(keyId)) return undefined
        watchers.set(keyId, [...(watchers.get(keyId) ?? []), listener])
        return () => undefined
      },
    },
  })
  await server.ask('PUT', '/streams/ci/build?index=false', { key: 'writer', body: 'hello' })
})
afterEach(() => server.close())

const share = (key: string, body = '') => server.ask('POST', '/streams/ci/build/share', { key, body })

async function link(key = 'writer', body = ''): Promise<string> {
  const { url } = (await share(key, body)).json()
  return String(url).replace(server.url, '')
}

test('a link shows the stream to whoever has it', async () => {
  const path = await link()
  expect(path).toMatch(/^\/shared\/ci\/build\?token=[\w-]{43}$/)
  expect((await server.ask('GET', path)).text).toBe('hello')
  expect((await server.ask('GET', path, { headers: { range: 'bytes=1-2' } })).text).toBe('el')
  expect((await server.ask('GET', `${path}&follow=sse`)).text).toContain('{"line":1,"text":"hello"}')
  expect((await server.ask('GET', path, { headers: { accept: 'text/html' } })).text).toContain('<!doctype html>')
  expect((await server.ask('GET', '/streams/ci/build')).status).toBe(401)
})

test('whatever is wrong with it looks the same', async () => {
  const path = await link()
  const wrong = [
    path.slice(0, -1),
    `${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`,
    path.replace('ci/build', 'ci/other'),
    '/shared/ci/build?token=',
    `/shared/${'x'.repeat(2000)}?token=x`,
  ]
  for (const address of wrong) {
    expect((await server.ask('GET', address)).json()).toMatchObject({ status: 404, code: 'SHARE_NOT_FOUND' })
  }
  expect((await server.ask('GET', '/shared/ci/build')).status).toBe(400)
})

test('who may make one: the writer, and who may read it', async () => {
  expect((await share('reader')).status).toBe(201)
  expect((await share('writer')).status).toBe(201)
  for (const key of ['other', 'blind']) expect((await share(key)).json()).toMatchObject({ code: 'STREAM_NOT_FOUND' })
  expect((await server.ask('POST', '/streams/ci/build', { key: 'writer' })).status).toBe(404)
  expect(server.audited).toMatchObject([{ action: 'stream.shared' }, { action: 'stream.shared' }])
  expect(JSON.stringify(server.audited)).not.toContain('token')
})

test.each([
  ['session', 201],
  ['token', 403],
  ['signer', 403],
])('it outlives neither a token nor a signature: %s → %i', async (key, status) =>
  expect((await share(key)).status).toBe(status),
)

test.each([
  ['{"expires":"2h"}', 7_200_000],
  ['', 7 * 86_400_000],
  ['{}', 7 * 86_400_000],
])('it lasts as long as is asked for: %s', async (body, lifeMs) => {
  const { expires } = (await share('writer', body)).json()
  expect(Date.parse(String(expires))).toBe(server.folder.clock.nowMs + lifeMs)
  const path = await link('writer', body)
  server.folder.clock.nowMs += lifeMs - 60_000
  expect((await server.ask('GET', path)).status).toBe(200)
  server.folder.clock.nowMs += 60_000
  expect((await server.ask('GET', path)).status).toBe(404)
})

test.each([
  '{"expires":"31d"}',
  '{"expires":"0s"}',
  '{"expires":"soon"}',
  '{"expires":5}',
  '[]',
  '"2h"',
  'null',
  '{"expires":"-1h"}',
  'no json',
  '[1',
])('not as long as nobody can say: %s', async (body) =>
  expect((await share('writer', body)).json()).toMatchObject({ code: 'REQUEST_INVALID' }),
)

test('it survives a restart, and ends with the stream', async () => {
  const path = await link()
  const again = await openStreams({ folder: server.folder, access: wordAccess(KEYS) })
  expect((await again.ask('GET', path)).text).toBe('hello')
  await again.ask('DELETE', '/streams/ci/build', { key: 'writer' })
  expect((await again.ask('GET', path)).status).toBe(404)
  await again.close()
})

test('it ends with the key that made it, and so does who reads through it', async () => {
  const writing = await server.raw(putHead('/streams/live', 'Authorization: Bearer writer\r\n') + chunk('one '))
  await expect.poll(() => server.catalog.get('live')?.sizeBytes).toBe(4)
  const { url } = (await server.ask('POST', '/streams/live/share', { key: 'reader' })).json()
  const path = String(url).replace(server.url, '')
  const reading = await server.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await expect.poll(() => reading.got).toContain('one ')
  ended.add('reader')
  for (const listener of watchers.get('reader') ?? []) listener()
  await reading.ended
  expect(reading.got).not.toContain('\r\n0\r\n')
  expect((await server.ask('GET', path)).status).toBe(404)
  await expect.poll(() => server.catalog.get('live')?.readers).toBe(0)
  writing.socket.destroy()
})

test('there are not more than a hundred to one stream', async () => {
  for (let n = 0; n < 100; n++) await share('writer')
  expect((await share('writer')).json()).toMatchObject({ code: 'STREAM_SHARES_FULL' })
  server.folder.clock.nowMs += 8 * 86_400_000
  expect((await share('writer')).status).toBe(201)
})

async function shares(key: string, query = '') {
  const answer = (await server.ask('GET', `/api/v1/streams/shares${query}`, { key })).json()
  return answer as { shares: { id: string; stream: string; key: string; isRemovable: boolean }[]; isComplete: boolean }
}

const remove = (key: string, id: string) => server.ask('DELETE', `/api/v1/streams/shares/${id}`, { key })

describe('links that were made', () => {
  test('are listed without what they show the stream with', async () => {
    const made = (await share('writer', '{"expires":"2h"}')).json()
    const longer = (await share('reader', '{"expires":"3h"}')).json()
    expect(await shares('reader')).toEqual({
      shares: [
        { id: longer['id'], stream: 'ci/build', expires: longer['expires'], key: 'reader', isRemovable: true },
        { id: made['id'], stream: 'ci/build', expires: made['expires'], key: 'writer', isRemovable: false },
      ],
      isComplete: true,
    })
    const secret = String(made['url']).slice(-43)
    expect(JSON.stringify(await shares('writer'))).not.toContain(secret)
    expect((await shares('writer')).shares.map(({ isRemovable }) => isRemovable)).toEqual([true, true])
    for (const key of ['other', 'blind']) expect((await shares(key)).shares).toEqual([])
    expect(await shares('reader', '?limit=1')).toMatchObject({ shares: [{ id: longer['id'] }], isComplete: false })
    expect((await shares('reader', '?stream=ci/other')).shares).toEqual([])
    server.folder.clock.nowMs += 2 * 3_600_000
    expect((await shares('reader', '?stream=ci/build')).shares).toMatchObject([{ id: longer['id'] }])
  })

  test('are taken back one by one, by who made them, who wrote the stream, and nobody else', async () => {
    const [first, second, third] = [await link('reader'), await link('reader'), await link('writer')]
    const ids = new Map((await shares('writer')).shares.map(({ id, key }) => [key, id]))
    const [ofReader = '', ofWriter = ''] = [ids.get('reader'), ids.get('writer')]
    expect((await remove('reader', ofWriter)).json()).toMatchObject({ status: 403, code: 'ACCESS_DENIED' })
    for (const key of ['other', 'blind']) {
      expect((await remove(key, ofReader)).json()).toMatchObject({ code: 'SHARE_NOT_FOUND' })
    }
    expect((await remove('reader', ofReader)).status).toBe(204)
    expect((await remove('reader', ofReader)).json()).toMatchObject({ code: 'SHARE_NOT_FOUND' })
    expect((await remove('writer', ofWriter)).status).toBe(204)
    const statuses = [first, second, third].map(async (path) => (await server.ask('GET', path)).status)
    expect((await Promise.all(statuses)).sort((a, b) => a - b)).toEqual([200, 404, 404])
    const [, , , ...unshared] = server.audited
    expect(unshared).toMatchObject(
      [ofReader, ofWriter].map((id) => ({
        action: 'stream.unshared',
        details: { 'stream.name': 'ci/build', 'share.id': id },
      })),
    )
  })

  test('that are taken back show nothing any more to who reads through them, also after a restart', async () => {
    const writing = await server.raw(putHead('/streams/live', 'Authorization: Bearer writer\r\n') + chunk('one '))
    await expect.poll(() => server.catalog.get('live')?.sizeBytes).toBe(4)
    const { url, id } = (await server.ask('POST', '/streams/live/share', { key: 'reader' })).json()
    const path = String(url).replace(server.url, '')
    const reading = await server.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await expect.poll(() => reading.got).toContain('one ')
    expect((await remove('reader', String(id))).status).toBe(204)
    await reading.ended
    expect(reading.got).not.toContain('\r\n0\r\n')
    await expect.poll(() => server.catalog.get('live')?.readers).toBe(0)
    const again = await openStreams({ folder: server.folder, access: wordAccess(KEYS) })
    expect((await again.ask('GET', path)).status).toBe(404)
    await again.close()
    writing.socket.destroy()
  })
})
