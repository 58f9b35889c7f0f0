/** A stream is shown whole, to those who may read everything that could be in it, or is not there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAccess } from '../../access/open.ts'
import type { Access } from '../../access/access.ts'
import { streamFilter } from '../../app/streams.ts'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { checkFilter } from '../../query/query.ts'
import { chunk, openStreams, putHead, type TestStreams } from './testing/open-streams.ts'

/** Name of a stream → the stamp of the key that has written it. */
const STREAMS = { 'svc/kestrel': '', 'svc/osprey': '', 'other/merlin': '', 'claims/svc/kestrel': 'service=stamped' }
type Name = keyof typeof STREAMS
const ALL = Object.keys(STREAMS) as Name[]

const FILTERS: readonly [filter: string, visible: readonly Name[]][] = [
  ['', ALL],
  ['*', ALL],
  ['service:svc/*', ['svc/kestrel', 'svc/osprey']],
  ['service:"svc/kestrel"', ['svc/kestrel']],
  ['service:/^svc/ NOT service:*osprey', ['svc/kestrel']],
  ['source:*kestrel', ['svc/kestrel', 'claims/svc/kestrel']],
  ['service:stamped', ['claims/svc/kestrel']],
  ['NOT service:svc/*', ['other/merlin', 'claims/svc/kestrel']],
  ['service:svc/* level:error', []],
  ['service:svc/* time:-1h..', []],
  ['tenant:a', []],
]

let dir: string
let access: Access
let server: TestStreams
const keys = new Map<string, string>()

const checkAtZero = (filter: string): string | undefined => checkFilter(filter, 0n)

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-visible-'))
  access = await openAccess({
    dir,
    clock: Date.now,
    counters: new Counters(),
    logger: SILENT_LOGGER,
    checkFilter: checkAtZero,
  })
  const admin = (await access.keys.create({ role: 'admin' }, 'test')).key
  server = await openStreams({
    access,
    changes: { mayRead: streamFilter(), onKeyEnded: (id, listener) => access.onKeyEnded(id, listener) },
  })
  keys.set('admin', admin)
  for (const [name, stamp] of Object.entries(STREAMS)) {
    const [field = '', value = ''] = stamp.split('=')
    const { key } = await access.keys.create({ role: 'write', stamps: stamp === '' ? {} : { [field]: value } }, 'test')
    await server.ask('PUT', `/streams/${name}`, { key, body: `bytes of ${name}` })
  }
  for (const [filter] of FILTERS) keys.set(filter, (await access.keys.create({ role: 'read', filter }, 'test')).key)
})
afterAll(async () => {
  await server.close()
  await access.close()
  rmSync(dir, { recursive: true, force: true })
})

describe.each(FILTERS)('a key with the filter %s', (filter, visible) => {
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    server.ask(method, path, { key: keys.get(filter) ?? '', headers })

  test('lists what it may read', async () => {
    for (const path of ['/streams/', '/streams', '/streams/?prefix=svc', '/streams/?state=finished']) {
      const { text } = await ask('GET', path)
      for (const name of ALL) {
        if (path.includes('prefix') && !name.startsWith('svc')) continue
        expect({ path, name, isShown: text.includes(`"${name}"`) }).toEqual({
          path,
          name,
          isShown: visible.includes(name),
        })
      }
    }
    const { text: page } = await ask('GET', '/streams/', { accept: 'text/html' })
    for (const name of ALL) expect(page.includes(`>${name}<`)).toBe(visible.includes(name))
  })

  test('reads it, and what it may not is not there', async () => {
    const absent = await ask('GET', '/streams/none')
    for (const name of ALL) {
      const forms: [string, string, Record<string, string>][] = [
        ['GET', `/streams/${name}`, {}],
        ['GET', `/streams/${name}`, { range: 'bytes=-3' }],
        ['GET', `/streams/${name}?follow=sse`, {}],
        ['GET', `/streams/${name}?download=true`, {}],
        ['GET', `/streams/${name}`, { accept: 'text/html' }],
        ['HEAD', `/streams/${name}`, {}],
        ['POST', `/streams/${name}/share`, {}],
      ]
      for (const [method, path, headers] of forms) {
        const answer = await ask(method, path, headers)
        if (visible.includes(name)) expect([200, 201, 206]).toContain(answer.status)
        else {
          expect({ method, path, status: answer.status }).toEqual({ method, path, status: 404 })
          expect(answer.text.replaceAll(name, 'none')).toBe(method === 'HEAD' ? '' : absent.text)
        }
      }
    }
  })
})

test('what writes and removes is refused to who reads, and what reads to who writes', async () => {
  const reader = keys.get('') ?? ''
  const { key: writer } = await access.keys.create({ role: 'write' }, 'test')
  expect((await server.ask('PUT', '/streams/x', { key: reader, body: 'x' })).status).toBe(403)
  expect((await server.ask('DELETE', '/streams/svc/kestrel', { key: reader })).status).toBe(403)
  expect((await server.ask('GET', '/streams/svc/kestrel', { key: writer })).status).toBe(403)
  expect((await server.ask('GET', '/streams/', { key: writer })).status).toBe(403)
  for (const [method, path] of [
    ['PUT', '/streams/x'],
    ['GET', '/streams/svc/kestrel'],
    ['GET', '/streams/'],
    ['DELETE', '/streams/svc/kestrel'],
    ['POST', '/streams/svc/kestrel/share'],
  ]) {
    expect((await server.ask(method ?? '', path ?? '')).status).toBe(401)
  }
  const browser = await server.ask('GET', '/streams/svc/kestrel', { headers: { accept: 'text/html' } })
  expect([browser.status, browser.headers.get('location')]).toEqual([303, '/'])
})

test('revoking a key ends what it reads and writes, and its links', async () => {
  const writing = await access.keys.create({ role: 'write' }, 'test')
  const reading = await access.keys.create({ role: 'read' }, 'test')
  const put = await server.raw(putHead('/streams/live', `Authorization: Bearer ${writing.key}\r\n`) + chunk('one '))
  await expect.poll(() => server.catalog.get('live')?.sizeBytes).toBe(4)
  const { url } = (await server.ask('POST', '/streams/live/share', { key: reading.key })).json()
  const path = String(url).replace(server.url, '')
  const get = (path: string, more = '') => server.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`)
  const bearer = `Authorization: Bearer ${reading.key}\r\n`
  const readers = [await get('/streams/live', bearer), await get('/streams/live?follow=sse', bearer), await get(path)]
  await expect.poll(() => server.catalog.get('live')?.readers).toBe(3)
  await access.keys.revoke(reading.info.id)
  for (const reader of readers) await reader.ended
  expect((await server.ask('GET', path)).status).toBe(404)
  await access.keys.revoke(writing.info.id)
  await expect.poll(() => put.got).toContain('KEY_REFUSED')
  await expect.poll(() => server.catalog.get('live')?.state).toBe('interrupted')
  put.socket.destroy()
})
