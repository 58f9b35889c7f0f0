/** The API over hosts and files, against its documented examples, with the rollup and with the filter of a key. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventInput } from '../../core/batch.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../store/testing/temporary-store.ts'
import { openKeyedApi, type KeyedApi } from '../testing/keyed-api.ts'

const T0 = 1_639_596_366_000_000_000n
const SECOND = 1_000_000_000n
/** Hosts in one load: more than the rollup of fields keeps values. */
const MANY = 250

let temporary: TemporaryStore
let api: KeyedApi
let read: string
let filtered: string

const line = (host: string, source: string, message: string, seconds: number, ns = 0n): EventInput => ({
  timestampNs: T0 + BigInt(seconds) * SECOND + ns,
  host,
  source,
  message,
})

beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 } })
  const events = [
    line('cda', 'syslog', 'first Error', 0),
    line('cda', 'syslog', 'second error', 1, 621_498_000n),
    line('cda', 'auth.log', 'third Error', 2),
    line('cda', '', 'without a file, Error', 3),
    line('ü b/c?d#e%', '/var/log/a b&c.log', 'odd names', 4),
    line('', 'syslog', 'without a host', 5),
  ]
  await loadBatch(temporary.store, stampedBatch(events, T0), 'n1')
  const many = Array.from({ length: MANY }, (_, i) =>
    line(`many-${String(i).padStart(3, '0')}`, 'm.log', 'm', -1000 - i),
  )
  // Months earlier, so that lines are looked for through several windows.
  const old = line('cda', 'syslog', 'oldest Error', -90 * 86_400)
  await loadBatch(temporary.store, stampedBatch([...many, old], T0 + SECOND), 'n1')
  api = await openKeyedApi({ store: temporary.store })
  read = await api.key({ name: 'reader', role: 'read' })
  filtered = await api.key({ name: 'filtered', role: 'read', filter: 'source:auth.log' })
})
afterAll(async () => {
  await api.close()
  await temporary.remove()
})

async function ask(path: string, key = read, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await api.ask('GET', path, { key, headers })
  return answer.status === 200 ? answer.json() : answer.status
}

const data = async (path: string, key = read): Promise<Record<string, string>[]> =>
  ((await ask(path, key)) as { data: Record<string, string>[] }).data
const logs = async (path: string, key = read): Promise<string[]> =>
  (await data(path, key)).map(({ logline = '' }) => logline)

describe('hosts', () => {
  test('all of them, however many came at once, in order, with addresses that can be followed', async () => {
    const found = await data('/hosts/')
    expect(found).toHaveLength(MANY + 2)
    expect(found[0]).toEqual({ host: 'cda', url: `${api.url}/hosts/cda/` })
    expect(found.at(-1)).toEqual({ host: 'ü b/c?d#e%', url: `${api.url}/hosts/%C3%BC%20b%2Fc%3Fd%23e%25/` })
    const odd = new URL(found.at(-1)?.['url'] ?? '').pathname
    const [file] = await data(odd)
    expect(file?.['filename']).toBe('/var/log/a b&c.log')
    const { pathname, search } = new URL(file?.['url'] ?? '')
    expect(await logs(pathname + search)).toEqual(['odd names'])
  })

  test('addresses are those by which whoever asks has reached the server', async () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'logs.example.com' }
    expect(await ask('/hosts/cda/', read, headers)).toEqual({
      data: ['auth.log', 'syslog'].map((filename) => ({
        filename,
        host: 'cda',
        url: `https://logs.example.com/hosts/cda/logs?file=${filename}`,
      })),
    })
  })

  test('a key with a filter sees those of the events that it may see', async () => {
    expect(await data('/hosts/', filtered)).toEqual([{ host: 'cda', url: `${api.url}/hosts/cda/` }])
    expect(await ask('/hosts/many-000/', filtered)).toBe(404)
  })
})

describe('files', () => {
  test('the same at both addresses', async () => {
    const files = await ask('/hosts/cda/files/')
    expect(files).toEqual({
      data: [
        { filename: 'auth.log', host: 'cda', url: `${api.url}/hosts/cda/logs?file=auth.log` },
        { filename: 'syslog', host: 'cda', url: `${api.url}/hosts/cda/logs?file=syslog` },
      ],
    })
    expect(await ask('/hosts/cda/')).toEqual(files)
  })

  test('with a filter', async () => {
    expect((await data('/hosts/cda/', filtered)).map(({ filename }) => filename)).toEqual(['auth.log'])
  })
})

describe('lines', () => {
  test('newest first, from as far back as there are any', async () => {
    expect(await data('/hosts/cda/logs?file=syslog')).toEqual([
      { filename: 'syslog', last_modified: '1639596367.621498', logline: 'second error', host: 'cda' },
      { filename: 'syslog', last_modified: '1639596366', logline: 'first Error', host: 'cda' },
      { filename: 'syslog', last_modified: '1631820366', logline: 'oldest Error', host: 'cda' },
    ])
  })

  test.each<[string, string[]]>([
    ['', ['without a file, Error', 'third Error', 'second error', 'first Error', 'oldest Error']],
    ['?count=2', ['without a file, Error', 'third Error']],
    ['?count=0', []],
    ['?filter=Error', ['without a file, Error', 'third Error', 'first Error', 'oldest Error']],
    ['?filter=Error&count=1', ['without a file, Error']],
    ['?filter=Error&file=syslog', ['first Error', 'oldest Error']],
    ['?filter=Error&file=syslog&count=1', ['first Error']],
    ['?filter=nothing', []],
    ['?file=nothing', []],
    ['?filter=%25', []],
    ['?filter=', ['without a file, Error', 'third Error', 'second error', 'first Error', 'oldest Error']],
  ])('%s', async (parameters, expected) => {
    expect(await logs(`/hosts/cda/logs${parameters}`)).toEqual(expected)
  })

  test('with a filter of the key', async () => {
    expect(await logs('/hosts/cda/logs', filtered)).toEqual(['third Error'])
    expect(await ask('/hosts/cda/logs?file=syslog', filtered)).toEqual({ data: [] })
  })
})

/** Status and where it leads. */
const follow = async (path: string): Promise<unknown> => {
  const { status, headers } = await fetch(api.url + path, { redirect: 'manual' })
  return [status, headers.get('location')]
}

describe('refusals', () => {
  test.each<[string, number]>([
    ['/hosts/nobody/', 404],
    ['/hosts/nobody/files/', 404],
    ['/hosts/nobody/logs', 404],
    ['/hosts/CDA/logs', 404],
    ['/hosts/cda/logs?count=two', 400],
    ['/hosts/cda/logs?count=-1', 400],
    ['/hosts/cda/logs?count=1.5', 400],
    ['/hosts/cda/logs?count=10001', 400],
    ['/hosts/cda/logs?count=', 400],
    ['/hosts/cda/logs?count=1&count=2', 400],
    ['/hosts/cda/logs?filter=a&filter=b', 400],
    ['/hosts/cda/logs?lines=5', 400],
    ['/hosts/cda/logs/', 404],
    ['/hosts/%00/', 404],
    ['/hosts/%ff/', 400],
    ['/hosts/cda/nothing/', 404],
  ])('%s → %i', async (path, status) => expect(await ask(path)).toBe(status))

  test('without a key, with one that is none, and with one that may not read', async () => {
    const write = await api.key({ name: 'writer', role: 'write' })
    for (const path of ['/hosts/', '/hosts/cda/', '/hosts/cda/files/', '/hosts/cda/logs']) {
      expect((await api.ask('GET', path)).status).toBe(401)
      expect(await ask(path, 'SECRETCODE')).toBe(401)
      expect(await ask(path, write)).toBe(403)
    }
  })

  test('an address with a slash too few leads to the one with it', async () => {
    expect(await follow('/hosts')).toEqual([308, '/hosts/'])
    expect(await follow('/hosts/cda?')).toEqual([308, '/hosts/cda/'])
    expect(await follow('/hosts/c%2Fa/files')).toEqual([308, '/hosts/c%2Fa/files/'])
  })
})
