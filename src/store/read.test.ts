import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Statement } from '../core/statement.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from './testing/temporary-store.ts'
import { untilRunning, untilStopped } from './testing/watch.ts'

let opened: TemporaryStore
beforeAll(async () => {
  opened = await openTemporaryStore({ silenceMsMax: 500 })
  await loadBatch(opened.store, stampedBatch(Array.from({ length: 1000 }, (_, index) => ({ message: `row ${index}` }))))
})
afterAll(async () => await opened.remove())

/** Runs for a minute if nobody ends it; `mark` finds it in system.processes. */
function slow(mark: string): Statement {
  return {
    sql: `SELECT sum(sleepEachRow(0.05)), '${mark}' FROM numbers(1200) SETTINGS max_block_size = 2`,
    params: {},
  }
}

test('an aborted query is gone from the engine', async () => {
  const { store } = opened
  const controller = new AbortController()
  const answer = store.select(slow('abort-me'), { signal: controller.signal })
  const rejected = answer.catch((error: unknown) => error)
  await untilRunning(store, 'abort-me')
  controller.abort()
  expect(await rejected).toMatchObject({ code: 'QUERY_CANCELLED' })
  await untilStopped(store, 'abort-me')
})

test('a stream that is left early is gone from the engine', async () => {
  const { store } = opened
  const seen: unknown[][] = []
  const statement = {
    sql: "SELECT number, sleepEachRow(0.05), 'leave-me' FROM numbers(100000) SETTINGS max_block_size = 2",
    params: {},
  }
  for await (const row of store.stream(statement)) {
    seen.push(row)
    if (seen.length === 2) {
      await untilRunning(store, 'leave-me')
      break
    }
  }
  expect(seen[1]).toEqual(['0', 0, 'leave-me'])
  await untilStopped(store, 'leave-me')
})

test('a signal that is aborted already asks nothing', async () => {
  const answer = opened.store.select({ sql: 'SELECT 1', params: {} }, { signal: AbortSignal.abort() })
  await expect(answer).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
})

test.each([
  ['time', slow('t'), { timeoutMs: 200 }, 'QUERY_TIMEOUT'],
  ['rows', { sql: 'SELECT message FROM events', params: {} }, { rowsMax: 10 }, 'QUERY_TOO_COSTLY'],
  [
    'memory',
    { sql: 'SELECT groupArray(toString(number)) FROM numbers(100000000)', params: {} },
    {},
    'QUERY_TOO_COSTLY',
  ],
  ['regex', { sql: 'SELECT match(message, {re:String}) FROM events', params: { re: '(' } }, {}, 'QUERY_INVALID'],
  ['syntax', { sql: 'SELEKT', params: {} }, {}, 'STORE_FAILED'],
])('a limit of %s has its own error', async (_, statement, options, code) => {
  await expect(opened.store.select(statement, options)).rejects.toMatchObject({ code })
})

test('what a query may read is limited, in the engine', async () => {
  const limited = await openTemporaryStore({ limits: { bytesReadMax: 100_000 } })
  try {
    const messages = Array.from({ length: 20_000 }, (_, index) => ({ message: `a row of thirty characters ${index}` }))
    await loadBatch(limited.store, stampedBatch(messages))
    const all = { sql: "SELECT count() FROM events WHERE message LIKE '%row%'", params: {} }
    await expect(limited.store.select(all)).rejects.toMatchObject({ code: 'QUERY_TOO_COSTLY' })
    await expect(limited.store.stream(all)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'QUERY_TOO_COSTLY',
    })
    const little = { sql: 'SELECT max(severity) FROM events', params: {} }
    expect((await limited.store.select(little)).rows).toEqual([[0]])
  } finally {
    await limited.remove()
  }
})

test.each([
  ['writing', "INSERT INTO events (message) VALUES ('x')"],
  ['dropping', 'DROP TABLE events'],
  ['files', "SELECT * FROM file('/etc/passwd', 'LineAsString')"],
  ['other servers', "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"],
  ['system tables', 'SELECT * FROM system.processes'],
])('the reader may not do %s', async (_, sql) => {
  await expect(opened.store.select({ sql, params: {} })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    detail: expect.stringMatching(/readonly|privileges|ACCESS|grant/i),
  })
})

test('a stream gives columns first, and nothing but them for an empty answer', async () => {
  const items: unknown[][] = []
  for await (const item of opened.store.stream({ sql: 'SELECT message, severity FROM events WHERE 0', params: {} }))
    items.push(item)
  expect(items).toEqual([
    [
      { name: 'message', type: 'String' },
      { name: 'severity', type: 'UInt8' },
    ],
  ])
})

test('figures tell what was read', async () => {
  const result = await opened.store.select({
    sql: 'SELECT count(), any(message) FROM events WHERE message LIKE {p:String}',
    params: { p: '%row 9%' },
  })
  expect(result.rows[0]?.[0]).toBe('111')
  expect(result.stats).toMatchObject({ rowsRead: 1000 })
  expect(result.stats.bytesRead).toBeGreaterThan(1000)
})

test('figures are numbers where the index left nothing to read', async () => {
  const { rows, stats } = await opened.store.select({
    sql: 'SELECT message FROM events WHERE trace_id = {p:String}',
    params: { p: 'none' },
  })
  expect(rows).toEqual([])
  expect(stats).toMatchObject({ rowsRead: 0, bytesRead: 0 })
})

test('parameters of every kind are bound', async () => {
  const result = await opened.store.select({
    sql: 'SELECT {i:Int64}, {n:Float64}, {b:Bool}, {a:Array(String)}, {k:Array(UInt32)}, fromUnixTimestamp64Nano({i:Int64})',
    params: { i: 1_700_000_000_123_456_789n, n: 1.5, b: true, a: ["it's", '\\', '\n'], k: [1, 2] },
  })
  expect(result.rows[0]?.slice(0, 5)).toEqual(['1700000000123456789', 1.5, true, ["it's", '\\', '\n'], [1, 2]])
})

test('an engine that hangs is not waited for without end', async () => {
  const { store } = opened
  const pid = store.engine?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  try {
    const answer = store.select({ sql: 'SELECT 1', params: {} }, { timeoutMs: 100 })
    // Figures that somebody waits for do not hang with it.
    const status = store.status()
    await expect(answer).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await expect.poll(() => store.isReady).toBe(false)
    await status
    expect(await store.status()).toMatchObject({ state: 'down', reason: expect.stringContaining('does not answer') })
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await expect.poll(() => store.isReady).toBe(true)
  expect(await store.status()).toMatchObject({ state: 'ready', reason: null, rows: 1000 })
  expect((await store.select({ sql: 'SELECT 1', params: {} })).rows).toEqual([[1]])
})
