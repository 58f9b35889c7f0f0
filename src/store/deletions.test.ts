import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { SILENT_LOGGER } from '../core/logger.ts'
import { Counters } from '../core/counters.ts'
import { NS_PER_MS } from '../core/time.ts'
import { eventCountsStatement, eventTextsStatement } from './eventlog-stats.ts'
import { Connection } from './connection.ts'
import { beginDeletion, completeDeletion } from './delete.ts'
import { Deletions } from './deletions.ts'
import { DATABASE } from './engine/engine-config.ts'
import { SINGLE_SERVER } from './schema/migration.ts'
import { openEmbeddedStore } from './embedded.ts'
import type { RetentionRules } from './retention.ts'
import type { DeletionRequest } from './store.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  writeRowsFile,
  type TemporaryStore,
} from './testing/temporary-store.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 5, 15, 12)

let opened: TemporaryStore
let nowMs = START_MS
afterEach(async () => {
  await opened.remove()
})

async function open(retention: Partial<RetentionRules> = { ageMs: 0 }): Promise<TemporaryStore['store']> {
  nowMs = START_MS
  opened = await openTemporaryStore({ retention, now: () => nowMs })
  return opened.store
}

/** Each one minute after the other, all received as the first happens. */
async function load(service: string, count: number, severity = 9): Promise<void> {
  const events = Array.from({ length: count }, (_, index) => ({
    service,
    source: 'eventlog',
    severity,
    message: `text of ${service}`,
    timestampNs: BigInt(nowMs + index * 60_000) * NS_PER_MS,
  }))
  await loadBatch(opened.store, stampedBatch(events, BigInt(nowMs) * NS_PER_MS))
}

const at = (minutes: number): bigint => BigInt(nowMs + minutes * 60_000) * NS_PER_MS

const request = (sql: string, params: DeletionRequest['condition']['params'] = {}): DeletionRequest => ({
  condition: { sql, params },
  facility: undefined,
  severities: undefined,
  by: 'test',
  what: '{}',
  isDryRun: false,
  timeoutMs: 60_000,
})

const range = { fromSeconds: 0, toSeconds: 4_294_967_280, limit: 1000 }

async function counted(): Promise<{ events: unknown; counts: unknown; texts: unknown }> {
  const { store } = opened
  const events = await store.select({
    sql: 'SELECT service, count() FROM events GROUP BY service ORDER BY service',
    params: {},
  })
  const counts = await store.select(eventCountsStatement(['facility'], range))
  const texts = await store.select(eventTextsStatement(range))
  return {
    events: Object.fromEntries(events.rows as [string, string][]),
    counts: Object.fromEntries(counts.rows.map(([count, service]) => [service, count])),
    texts: Object.fromEntries(texts.rows.map((row) => [row[1], row[3]])),
  }
}

const all = (counts: Record<string, string>) => ({ events: counts, counts, texts: counts })

test('deletes what the condition selects, and no longer counts it', async () => {
  const store = await open()
  await load('a', 3)
  await load('b', 2)
  const condition = 'service = {it:String} AND message != {hostile:String}'
  const params = { it: 'a', hostile: "'; DROP TABLE events -- {it:String} \\" }
  expect(await store.delete({ ...request(condition, params), isDryRun: true })).toEqual({ events: 3, state: 'counted' })
  expect(await counted()).toEqual(all({ a: '3', b: '2' }))
  expect(await store.delete(request(condition, params))).toEqual({ events: 3, state: 'done' })
  expect(await counted()).toEqual(all({ b: '2' }))
  expect(await store.delete(request(condition, params))).toEqual({ events: 0, state: 'done' })
  await load('a', 1)
  expect(await counted()).toEqual(all({ a: '1', b: '2' }))
})

test('which times and facilities a deletion can have touched', async () => {
  const store = await open()
  await load('a', 3)
  await store.delete({ ...request("service = 'a'"), facility: 'a', severities: [9] })
  const any = { facility: undefined, severities: undefined }
  const touches = (from: number, to: number, scope = {}): boolean =>
    store.deletions.touching({ fromNs: at(from), toNs: at(to) }, { ...any, ...scope }).ids.length > 0
  expect([touches(0, 1), touches(2, 3), touches(-1, 0), touches(3, 4)]).toEqual([true, true, false, false])
  expect([touches(0, 1, { facility: 'a' }), touches(0, 1, { facility: 'b' })]).toEqual([true, false])
  expect([touches(0, 1, { severities: [9, 10] }), touches(0, 1, { severities: [17] })]).toEqual([true, false])
})

test('a deletion that was interrupted is completed at the next start, and counted once', async () => {
  const store = await open()
  await load('a', 3)
  await load('b', 2)
  const running = await store.delete({
    ...request('service = {it:String} AND sleepEachRow(0.2) = 0', { it: 'a' }),
    timeoutMs: 0,
  })
  expect(running).toEqual({ events: 3, state: 'running' })
  await store.close()
  const again = await openEmbeddedStore({
    dataDir: opened.folder,
    logger: SILENT_LOGGER,
    counters: new Counters(),
    memoryBytesMax: 2 ** 30,
    retention: { ageMs: 0 },
    now: () => nowMs,
  })
  const { remove } = opened
  opened = { ...opened, store: again, remove: async () => (await again.close(), await remove()) }
  const touched = () =>
    again.deletions.touching({ fromNs: at(0), toNs: at(1) }, { facility: undefined, severities: undefined })
  expect(touched()).toMatchObject({ ids: [expect.any(String)], isUnderWay: true })
  while (touched().isUnderWay) await new Promise((resolve) => setImmediate(resolve))
  expect(await counted()).toEqual(all({ b: '2' }))
  await load('a', 4)
  expect(await counted()).toEqual(all({ a: '4', b: '2' }))
})

test('one that ended between counting away and deleting counts away once', async () => {
  const { engine } = await open()
  await load('a', 3)
  if (!engine?.endpoint) throw new Error('the engine runs')
  const { url, headers, reader } = engine.endpoint
  const connection = new Connection({
    url,
    headers,
    database: DATABASE,
    owner: { username: 'default', password: '' },
    reader,
  })
  const context = {
    connection,
    target: SINGLE_SERVER,
    deletions: new Deletions(),
    signal: new AbortController().signal,
  }
  const begun = await beginDeletion(context, request('service = {it:String}', { it: 'a' }), { id: 'x', atMs: nowMs })
  if (!begun) throw new Error('there are events')
  // The engine was never asked to delete.
  await completeDeletion({ ...context, target: { ...SINGLE_SERVER, deleteFrom: () => 'SELECT 1' } }, begun)
  await completeDeletion(context, begun)
  await connection.close()
  await load('a', 4)
  expect(await counted()).toEqual(all({ a: '4' }))
})

test('a load that is repeated is counted once', async () => {
  const store = await open()
  const timestampNs = BigInt(nowMs) * NS_PER_MS
  const batch = stampedBatch(
    [{ service: 'a', source: 'eventlog', severity: 9, message: 'x', timestampNs }],
    timestampNs,
  )
  const load = { files: [writeRowsFile(opened.folder, batch)], token: randomUUID(), node: 'test' }
  await store.load(load)
  await store.load(load)
  expect(await counted()).toEqual(all({ a: '1' }))
})

test('texts by hour, with the first and last time', async () => {
  const store = await open()
  await load('a', 90)
  const { rows } = await store.select(eventTextsStatement({ ...range, limit: 10 }))
  expect(rows).toEqual([['text of a', 'a', 9, '90', String(at(0)), String(at(89))]])
  const hours = await store.select(eventCountsStatement(['level', 'hour'], range))
  expect(hours.rows).toEqual([
    ['60', 9, nowMs / 1000],
    ['30', 9, nowMs / 1000 + 3600],
  ])
})

test('the first rule that selects an event decides how long it is kept', async () => {
  const keep = [
    {
      filter: 'service:audit',
      ageMs: 365 * DAY_MS,
      condition: { sql: 'service = {p0:String}', params: { p0: 'audit' } },
    },
    { filter: 'level:debug', ageMs: 2 * DAY_MS, condition: { sql: 'severity = {p0:UInt8}', params: { p0: 5 } } },
  ]
  const store = await open({ ageMs: 30 * DAY_MS, keep: () => keep })
  await load('audit', 2, 5)
  await load('noise', 3, 5)
  await load('plain', 4, 9)
  await store.enforceRetention()
  expect((await store.status()).retention).toEqual([])
  nowMs += 2 * DAY_MS + 2 * HOUR_MS
  // The preview says what is then done.
  const nothing = { events: 0, bytes: 0, oldest: null, newest: null }
  const [audit, debug, rest] = await store.previewRetention(keep)
  expect([audit, rest]).toMatchObject([
    { filter: 'service:audit', ...nothing },
    { filter: '*', ageMs: 30 * DAY_MS, ...nothing },
  ])
  expect(debug).toEqual({
    filter: 'level:debug',
    ageMs: 2 * DAY_MS,
    events: 3,
    bytes: expect.any(Number) as number,
    oldest: '2026-06-15T12:00:00.000Z',
    newest: '2026-06-15T12:02:00.000Z',
  })
  const { bytesOnDisk } = await store.status()
  expect(debug?.bytes).toBeCloseTo((bytesOnDisk * 3) / 9, -1)
  expect((await store.previewRetention(keep.slice(1)))[0]).toMatchObject({ events: 5 })
  await expect(store.previewRetention(keep, { timeoutMs: 1, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'QUERY_CANCELLED',
  })
  await store.enforceRetention()
  expect(await counted()).toEqual(all({ audit: '2', plain: '4' }))
  expect((await store.status()).retention).toMatchObject([{ rule: 'filter', filter: 'level:debug', rows: 3 }])
  nowMs += 29 * DAY_MS
  await store.enforceRetention()
  expect(await counted()).toEqual(all({ audit: '2' }))
  expect((await store.status()).retention[0]).toMatchObject({ rule: 'filter', filter: '*', rows: 4 })
  nowMs += 335 * DAY_MS
  await store.enforceRetention()
  expect(await counted()).toEqual(all({}))
})
