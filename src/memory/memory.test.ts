import { describe, expect, test } from 'vitest'
import { EventBatch, ROW_RECEIVED } from '../core/batch.ts'
import { openLive, type Live } from '../live/live.ts'
import { parseScope } from '../api/eventlog/page-question.ts'
import { createView, type VisibleQuery } from '../api/view.ts'
import { compile } from '../query/query.ts'
import { openMemory, type Memory, type MemoryOptions } from './memory.ts'

const T0 = 1_790_000_000_000_000_000n
const MIB = 2 ** 20

function open(options: Partial<MemoryOptions> & { ringBytesMax?: number } = {}): { live: Live; memory: Memory } {
  const { ringBytesMax = 4 * MIB, ...rest } = options
  const live = openLive({ startNs: T0, ringBytesMax })
  const limits = { queryBytesMax: 16 * MIB, queriesBytesMax: 32 * MIB, timeoutMsMax: 30_000, futureSkewMaxNs: 0n }
  return { live, memory: openMemory({ live, node: 'n1', ...limits, ...rest }) }
}

/** As the pipeline does: written, then published. Each event has its number. */
async function write(
  { live, memory }: { live: Live; memory: Memory },
  from: number,
  to: number,
  text?: string,
): Promise<void> {
  const batch = new EventBatch()
  for (let n = from; n <= to; n++) {
    const ns = T0 + BigInt(n)
    batch.append({
      timestampNs: ns,
      service: `s${n % 4}`,
      message: text ?? String(n),
      attributes: new Map([['n', String(n)]]),
    })
    batch.bytes.writeBigInt64LE(ns, (batch.offsets[batch.rows - 1] ?? 0) + ROW_RECEIVED)
  }
  await memory.spool.write(batch)
  live.publish(batch)
}

/** As a view would make it for somebody who may see everything. */
function query(text: string): VisibleQuery {
  const compiled = compile(text, { nowNs: T0, target: 'search' })
  if (!compiled.query) throw new Error(text)
  return compiled.query as VisibleQuery
}

describe('what is acknowledged', () => {
  test('is as far as was written, and nothing waits', async () => {
    const opened = open()
    const { spool } = opened.memory
    expect([spool.storedThroughNs, spool.durableThroughNs]).toEqual([0n, 0n])
    await write(opened, 1, 10)
    expect([spool.storedThroughNs, spool.durableThroughNs]).toEqual([T0 + 10n, T0 + 10n])
    await spool.waitStored(T0 + 99n)
    expect(spool.status()).toMatchObject({ pendingRows: 0, refusing: null })
  })

  test('is refused once it is closed', async () => {
    const opened = open()
    await opened.memory.spool.close()
    await expect(write(opened, 1, 1)).rejects.toMatchObject({ code: 'SERVER_CLOSING' })
  })
})

describe('figures', () => {
  test('of an empty memory', async () => {
    const status = await open().memory.store.status()
    expect(status).toMatchObject({ kind: 'memory', state: 'ready', rows: 0, oldest: null, newest: null })
  })

  test('tell what is held, from when to when, and what made room', async () => {
    const opened = open({ ringBytesMax: 4096 })
    await write(opened, 1, 1000)
    const { rows, droppedEvents, memoryBytes, oldest, newest } = await opened.memory.store.status()
    expect(rows).toBeGreaterThan(100)
    expect(rows).toBeLessThan(1000)
    expect(rows + (droppedEvents ?? 0)).toBe(1000)
    expect(memoryBytes).toBe(opened.live.status().ringBytes)
    const found = await opened.memory.reader.select(query('| stats min(timestamp), max(timestamp)'), { limit: 1 }, {})
    expect(found.stats).toMatchObject({ rowsRead: rows })
    const [[first, last] = []] = found.rows
    expect([oldest, newest].map((text) => text?.slice(0, 19))).toEqual(
      [first, last].map((ns) => new Date(Number(BigInt(String(ns)) / 1_000_000n)).toISOString().slice(0, 19)),
    )
    expect(last).toBe(String(T0 + 1000n))
  })
})

describe('a query', () => {
  test('that needs too much memory is refused, and leaves none behind', async () => {
    const opened = open({ queryBytesMax: 200_000, queriesBytesMax: 300_000 })
    await write(opened, 1, 5000)
    const { reader } = opened.memory
    for (let time = 0; time < 5; time++) {
      await expect(reader.select(query('| stats count() by n'), { limit: 1 }, {})).rejects.toMatchObject({
        code: 'QUERY_TOO_COSTLY',
      })
    }
    expect((await reader.select(query('*'), { limit: 500 }, {})).rows).toHaveLength(500)
  })

  test('that is a page keeps a byte for each character, and two where they are not ASCII', async () => {
    const opened = open({ queryBytesMax: 600_000, queriesBytesMax: 600_000 })
    // Of some 260 bytes each, and 128 beside them.
    await write(opened, 1, 1300)
    const view = createView({ filter: '' }, { nowNs: T0 })
    const scope = parseScope('*', {}, { view, graceNs: 0n, nowNs: T0 })
    const range = { fromNs: T0, toNs: T0 + 60_000_000_000n }
    const { eventlog } = opened.memory.reader
    const page = await eventlog.page(scope, { ...range, size: 'minute', name: '' }, {})
    expect(page.count).toBe(1300)
    page.close()
    // A tenth of what is left as bytes, and too much as twice as many characters.
    await write(opened, 1301, 1301, 'u'.repeat(50_000))
    const more = await eventlog.page(scope, { ...range, size: 'minute', name: '' }, {})
    expect(more.count).toBe(1301)
    more.close()
    await write(opened, 1302, 1302, 'ü'.repeat(50_000))
    await expect(eventlog.page(scope, { ...range, size: 'minute', name: '' }, {})).rejects.toMatchObject({
      code: 'QUERY_TOO_COSTLY',
    })
  })

  test('is refused for what others have taken, and not when they are over', async () => {
    const opened = open({ queryBytesMax: 200_000, queriesBytesMax: 200_000 })
    await write(opened, 1, 5000)
    const { reader } = opened.memory
    const others = reader.stream(query('*'), { limit: 1000 }, {})[Symbol.asyncIterator]()
    await others.next()
    await expect(reader.select(query('*'), { limit: 1000 }, {})).rejects.toMatchObject({ code: 'QUERY_TOO_COSTLY' })
    await others.return?.()
    expect((await reader.select(query('*'), { limit: 1000 }, {})).rows).toHaveLength(1000)
  })

  test('ends when its time is over, when nobody waits, and gives others turns meanwhile', async () => {
    const opened = open()
    for (let from = 1; from < 40_000; from += 1000) await write(opened, from, from + 999)
    const { reader } = opened.memory
    const slow = query('| parse logfmt | parse json from n | stats count() by n | sort by n')
    await expect(reader.select(slow, { limit: 1 }, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' })
    const reading = new AbortController()
    const answer = reader.select(slow, { limit: 1 }, { signal: reading.signal })
    setImmediate(() => reading.abort())
    await expect(answer).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
    await expect(reader.select(slow, { limit: 1 }, { signal: reading.signal })).rejects.toMatchObject({
      code: 'QUERY_CANCELLED',
    })
  })

  test('of an endless chart ends as well', async () => {
    const opened = open()
    await write(opened, 1, 10)
    const old = new EventBatch()
    old.append({ timestampNs: 0n, message: 'of 1970' })
    old.bytes.writeBigInt64LE(T0 + 11n, ROW_RECEIVED)
    await opened.memory.spool.write(old)
    opened.live.publish(old)
    const chart = query('| timechart 1ms count()')
    await expect(opened.memory.reader.select(chart, { limit: 1 }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
    })
  })
})

test('an event is found by its id while it is held', async () => {
  const opened = open({ ringBytesMax: 4096 })
  await write(opened, 1, 1000)
  const visible = { everything: query(''), filter: '' }
  const { reader } = opened.memory
  const find = (n: number, node = 'n1', from = visible): Promise<unknown> =>
    reader.find({ receivedNs: T0 + BigInt(n), node }, from, {})
  expect(await find(1000)).toMatchObject({ message: '1000', node: 'n1', receivedNs: T0 + 1000n })
  expect(await find(1)).toBeUndefined()
  expect(await find(1001)).toBeUndefined()
  expect(await find(1000, 'n2')).toBeUndefined()
  expect(await find(1000, 'n1', { everything: query('service:s1'), filter: 'service:s1' })).toBeUndefined()
  expect(await find(997, 'n1', { everything: query('service:s1'), filter: 'service:s1' })).toMatchObject({
    service: 's1',
  })
})

test('only what may be seen is counted', async () => {
  const opened = open()
  await write(opened, 1, 100)
  const visible = { everything: query('service:s1'), filter: 'service:s1' }
  const { reader } = opened.memory
  const names = await reader.fieldNames({ visible, range: {}, limit: 10 }, {})
  expect(names.counts.find(({ name }) => name === 'n')).toEqual({ name: 'n', events: 25 })
  const question = { visible, query: undefined, field: 'service', prefix: '', range: {}, limit: 10 }
  expect((await reader.fieldValues(question, {})).counts).toEqual([{ name: 's1', events: 25 }])
  const times = await reader.times(visible, new AbortController().signal, () => 1000)
  expect(times).toEqual({ oldestNs: T0 + 1n, newestNs: T0 + 97n })
})

test('the event log shows and counts only what may be seen', async () => {
  const opened = open()
  await write(opened, 1, 100)
  const everything = query('service:s1')
  const { eventlog } = opened.memory.reader
  const range = { fromNs: T0 - (T0 % 60_000_000_000n), toNs: T0 - (T0 % 60_000_000_000n) + 60_000_000_000n }
  const scope = { facility: undefined, severities: undefined, query: everything, graceNs: 0n }
  const page = await eventlog.page(scope, { ...range, size: 'minute', name: '' }, {})
  let text = ''
  for await (const some of page.texts('\n')) text += `${Buffer.from(some).toString()}\n`
  page.close()
  expect([page.count, text.match(/"service":"s1"/g)?.length, text.split('\n').length]).toEqual([25, 25, 26])
  expect(await eventlog.slots(scope, range, 60_000_000_000n, {})).toEqual([
    { slot: range.fromNs / 60_000_000_000n, count: 25 },
  ])
  const seconds = Number(T0 / 1_000_000_000n)
  const asked = { visible: { everything, filter: 'service:s1' }, fromSeconds: seconds, toSeconds: seconds, limit: 10 }
  // These came by another door.
  expect(await eventlog.counts([], asked, {})).toEqual({ rows: [], isApproximate: false })
  const logged = new EventBatch()
  for (const service of ['s1', 's2', 's1'])
    logged.append({ timestampNs: T0, service, source: 'eventlog', message: 'm' })
  for (const [row, offset] of logged.offsets.slice(0, 3).entries()) {
    logged.bytes.writeBigInt64LE(T0 + 200n + BigInt(row), offset + ROW_RECEIVED)
  }
  await opened.memory.spool.write(logged)
  opened.live.publish(logged)
  expect((await eventlog.counts(['facility'], asked, {})).rows).toMatchObject([{ events: 2, facility: 's1' }])
  expect((await eventlog.texts(asked, {})).rows).toMatchObject([{ text: 'm', facility: 's1', events: 2 }])
})
