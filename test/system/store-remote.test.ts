import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Counters } from '../../src/core/counters.ts'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import type { ClickHouseStore } from '../../src/store/clickhouse-store.ts'
import { openStore } from '../../src/store/connect.ts'
import { openRemoteStore, type RemoteStoreOptions } from '../../src/store/remote.ts'
import { fieldValuesStatement } from '../../src/store/rollup.ts'
import {
  openTemporaryStore,
  stampedBatch,
  writeRowsFile,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'
import { until } from '../../src/store/testing/watch.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** An engine of our own plays the server that somebody else runs. */
async function server(options: Parameters<typeof openTemporaryStore>[0] = {}): Promise<TemporaryStore> {
  const opened = await openTemporaryStore(options)
  cleanups.push(opened.remove)
  return opened
}

async function remote(
  opened: TemporaryStore,
  path: string,
  options: Partial<RemoteStoreOptions> = {},
): Promise<ClickHouseStore> {
  const endpoint = opened.store.engine?.endpoint
  const store = await openRemoteStore({
    url: `${endpoint?.url.replace('//', '//default:@')}/${path}`,
    headers: endpoint?.headers ?? {},
    logger: SILENT_LOGGER,
    counters: new Counters(),
    ...options,
  })
  cleanups.push(async () => await store.close())
  return store
}

async function count(store: ClickHouseStore, table: string): Promise<number> {
  return Number((await store.select({ sql: `SELECT count() FROM ${table}`, params: {} })).rows[0]?.[0])
}

function rowsFile(opened: TemporaryStore, rows: number): string {
  return writeRowsFile(
    opened.folder,
    stampedBatch(Array.from({ length: rows }, (_, row) => ({ message: `m ${row}`, service: 'far' }))),
  )
}

test('a store behind a URL is migrated, loaded, read and limited like the embedded one', async () => {
  const opened = await server()
  await opened.store.inspect({ sql: 'CREATE DATABASE elsewhere ENGINE = Atomic', params: {} })
  const store = await remote(opened, 'elsewhere')
  const request = { files: [rowsFile(opened, 1000), rowsFile(opened, 500)], token: randomUUID(), node: 'n1' }
  await store.load(request)
  await store.load(request)
  expect(await count(store, 'events')).toBe(1500)
  expect(await count(opened.store, 'events')).toBe(0)
  expect((await store.select(fieldValuesStatement({ field: 'service', limit: 5 }))).rows).toEqual([['far', '1500']])
  expect(await store.status()).toMatchObject({ kind: 'remote', state: 'ready', rows: 1500 })
  await expect(store.select({ sql: 'DROP TABLE events', params: {} })).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await expect(store.select({ sql: 'SELECT message FROM events', params: {} }, { rowsMax: 3 })).rejects.toMatchObject({
    code: 'QUERY_TOO_COSTLY',
  })
})

test('a server that goes away is noticed, and readers are told why', async () => {
  const opened = await server()
  const store = await remote(opened, 'tailrace')
  await opened.store.close()
  await until('its absence is noticed', () => !store.isReady)
  expect(await store.status()).toMatchObject({ state: 'down', reason: expect.stringContaining('did not answer') })
  await expect(store.select({ sql: 'SELECT 1', params: {} })).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
})

test('what is no store address is told so', async () => {
  const config = { dataDir: '/nowhere', logger: SILENT_LOGGER, counters: new Counters() }
  const opening = openStore({ ...config, url: 'postgres://me:secret@host/db' })
  await expect(opening).rejects.toMatchObject({ code: 'CONFIG_INVALID', detail: expect.not.stringContaining('secret') })
})

test('on a cluster events are spread over the servers and found from each of them', async () => {
  const ports = [await freePort(), await freePort()]
  const shards = ports
    .map((port) => `<shard><replica><host>127.0.0.1</host><port>${port}</port></replica></shard>`)
    .join('')
  const extraXml = `<remote_servers><pair>${shards}</pair></remote_servers>`
  const servers: TemporaryStore[] = []
  const stores: ClickHouseStore[] = []
  for (const port of ports) {
    const opened = await server({ extraXml, extraArguments: [`--tcp_port=${port}`] })
    await opened.store.inspect({ sql: 'CREATE DATABASE spread ENGINE = Atomic', params: {} })
    servers.push(opened)
  }
  for (const opened of servers) stores.push(await remote(opened, 'spread?cluster=pair', { isReplicated: false }))
  const [first, second] = stores
  const [opened] = servers
  if (!first || !second || !opened) throw new Error('two servers were started')
  const request = { files: [rowsFile(opened, 2000)], token: randomUUID(), node: 'n1' }
  await first.load(request)
  await first.load(request)
  expect(await count(second, 'events')).toBe(2000)
  const local = [await count(first, 'events_local'), await count(second, 'events_local')]
  expect(local[0]).toBeGreaterThan(0)
  expect(local[1]).toBeGreaterThan(0)
  expect((await second.select(fieldValuesStatement({ field: 'service', limit: 5 }))).rows).toEqual([['far', '2000']])
  expect(await second.status()).toMatchObject({ rows: 2000 })
  const condition = { sql: 'message < {it:String}', params: { it: 'm 2' } }
  const scope = { facility: undefined, severities: undefined }
  const deletion = { ...scope, condition, by: 'test', what: '{}', isDryRun: false, timeoutMs: 60_000 }
  const { events, state } = await second.delete(deletion)
  expect({ events, state }).toEqual({ events: 1112, state: 'done' })
  // Without replication, and what reaches all servers with it, each deletes its own.
  expect(await count(second, "events_local WHERE message < 'm 2'")).toBe(0)
  expect(await count(first, 'deletions')).toBe(2)
})

async function freePort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  await new Promise((resolve) => listener.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
