import { appendFileSync, readdirSync } from 'node:fs'
import { appendFile, copyFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ROW_RECEIVED } from '../core/batch.ts'
import type { Spool } from './spool.ts'
import { messagesIn, RowMaker } from './testing/rows.ts'
import { testSpool } from './testing/temporary-spool.ts'

async function quarantined(dir: string): Promise<{ name: string; bytes: Buffer }[]> {
  const folder = join(dir, 'quarantine')
  const names = (await readdir(folder)).sort()
  return await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) })))
}

/** Every spool file that waits, wherever it lies. */
async function waitingFiles(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true })
  return names.filter((name) => name.endsWith('.rows')).map((name) => join(dir, name))
}

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 4
  await writeFile(path, bytes)
}

async function writeEach(spool: Spool, maker: RowMaker, messages: readonly string[]): Promise<void> {
  for (const message of messages) await spool.write(maker.batch([message]))
}

test('files go together, in order, and again under the same token after an error', async () => {
  const { spool, store, counters } = await testSpool({ limits: { loadFilesMax: 3 } })
  const outcomes = ['down', 'answer lost', 'down'] as const
  let loads = 0
  store.outcome = () => outcomes[loads++] ?? 'ok'
  const maker = new RowMaker()
  const messages = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  await writeEach(spool, maker, messages)
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(messages)
  expect(Math.max(...[...store.batches.values()].map((rows) => rows.length))).toBeLessThanOrEqual(3)
  expect(counters.total('spool_load_failures_total')).toBe(3)
  expect(spool.status().lastLoadError).toBeNull()
})

test('bytes and rows bound a load too', async () => {
  const { spool, store } = await testSpool({ limits: { loadBytesMax: 2500, loadRowsMax: 4 } })
  store.outcome = () => 'down'
  const maker = new RowMaker()
  for (const rows of [1, 3, 1, 4]) await spool.write(maker.batch(Array.from({ length: rows }, String)))
  await spool.write(maker.batch(['x'], 1200))
  await spool.write(maker.batch(['y'], 1200))
  await spool.write(maker.batch(['z'], 9000))
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  for (const rows of store.batches.values()) expect(rows.length).toBeLessThanOrEqual(4)
  expect(store.batches.get([...store.batches.keys()].at(-1) ?? '')).toEqual(['z'])
})

test('the reason why nothing is loaded is shown while it lasts', async () => {
  const { spool, store } = await testSpool()
  store.outcome = () => 'down'
  await spool.write(new RowMaker().batch(['a']))
  await vi.waitFor(() => expect(spool.status().lastLoadError).toBe('the test says so'))
  store.outcome = () => 'ok'
  await vi.waitFor(() => expect(spool.status().lastLoadError).toBeNull())
})

const harms: [string, (path: string) => Promise<void>, string][] = [
  ['a flipped bit', flipBit, 'checksum'],
  ['a missing end', (path) => truncate(path, 20), 'checksum'],
  ['more at the end', (path) => appendFile(path, 'more'), 'checksum'],
  ['no contents', (path) => truncate(path, 0), 'checksum'],
]

for (const restarts of [false, true]) {
  test.each(harms)(
    `a file with %s goes to quarantine, the rest loads (restart: ${restarts})`,
    async (_, harm, reason) => {
      const first = await testSpool({ limits: { backoffMsMax: 5 } })
      const { store, dir } = first
      store.outcome = () => 'down'
      const maker = new RowMaker()
      await writeEach(first.spool, maker, ['a', 'b', 'c', 'd'])
      if (restarts) await first.spool.close()
      const harmed = (await waitingFiles(dir)).find((path) => path.includes('000000000002-')) ?? ''
      await harm(harmed)
      store.outcome = () => 'ok'
      const { spool, counters } = restarts ? await testSpool({ dir, store }) : first
      await spool.waitStored(maker.lastNs)
      expect(store.rows).toEqual(['a', 'c', 'd'])
      expect((await quarantined(dir)).map(({ name }) => name)).toEqual([
        expect.stringMatching(/^000000000002-.*\.checksum$/),
      ])
      expect(spool.status()).toMatchObject({ quarantinedFiles: 1, pendingFiles: 0 })
      expect(counters.total('spool_quarantined_total', { reason })).toBe(1)
    },
  )
}

test('a file that somebody took away is counted and holds nothing up', async () => {
  const { spool, store, dir, counters } = await testSpool()
  store.outcome = () => 'down'
  const maker = new RowMaker()
  await writeEach(spool, maker, ['a', 'b', 'c'])
  await vi.waitFor(async () => expect((await waitingFiles(dir)).length).toBe(3))
  for (const path of await waitingFiles(dir)) if (!path.includes('000000000003-')) await rm(path)
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['c'])
  expect(counters.total('spool_quarantined_total', { reason: 'missing' })).toBe(2)
})

test('refused rows are isolated, all others get in', async () => {
  const { spool, store, dir, counters } = await testSpool()
  store.isBad = (message) => message.includes('bad')
  const maker = new RowMaker()
  const messages = Array.from({ length: 1000 }, (_, row) => (row % 301 === 7 ? `bad${row}` : `row${row}`))
  const release = spool.hold()
  const writes = [messages.slice(0, 600), ['good'], messages.slice(600)].map((part) => spool.write(maker.batch(part)))
  release()
  await Promise.all(writes)
  await spool.waitStored(maker.lastNs)
  expect(store.rows.toSorted()).toEqual(['good', ...messages.filter((message) => !message.includes('bad'))].toSorted())
  const rows = (await quarantined(dir)).flatMap(({ bytes }) => messagesIn(bytes))
  expect(rows.toSorted()).toEqual(['bad308', 'bad609', 'bad7', 'bad910'])
  expect(counters.total('spool_quarantined_total', { reason: 'refused' })).toBe(4)
  expect(spool.status()).toMatchObject({ pendingFiles: 0, pendingBytes: 0, pendingRows: 0, quarantinedFiles: 4 })
})

test('new files are loaded while rows are being isolated', async () => {
  const { spool, store } = await testSpool({ limits: { isolationRefusalsMax: 10_000 } })
  store.isBad = (message) => message.includes('bad')
  const maker = new RowMaker()
  // Thousands of loads to find them all.
  await spool.write(maker.batch(Array.from({ length: 4096 }, (_, row) => `bad${row}`)))
  const badNs = maker.lastNs
  await vi.waitFor(() => expect(store.attempts).toBeGreaterThan(1))
  await spool.write(maker.batch(['later']))
  await vi.waitFor(() => expect(store.rows).toEqual(['later']))
  expect(spool.status().pendingRows).toBeGreaterThan(0)
  expect(spool.storedThroughNs).toBeLessThan(badNs)
  store.isBad = () => false
  await spool.waitStored(maker.lastNs)
  expect(spool.storedThroughNs).toBe(maker.lastNs)
})

test('after many refusals the rest of a file goes to quarantine whole', async () => {
  const { spool, store, dir, counters } = await testSpool({ limits: { isolationRefusalsMax: 5 } })
  store.isBad = (message) => message.includes('bad')
  const maker = new RowMaker()
  await spool.write(maker.batch(Array.from({ length: 200 }, (_, row) => `bad${row}`)))
  await spool.write(maker.batch(['good']))
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['good'])
  expect(counters.total('spool_quarantined_total', { reason: 'refused' })).toBe(200)
  expect((await quarantined(dir)).length).toBeLessThan(20)
  expect(store.attempts).toBeLessThan(40)
})

test('bytes that are no rows: those before them get in, the rest of the file is set aside', async () => {
  const { spool, store, dir, counters } = await testSpool()
  const maker = new RowMaker()
  const batch = maker.batch(['a', 'b', 'c', 'd', 'e'])
  // The length of the service of row 3 reaches far beyond the end.
  batch.bytes.fill(0x7f, (batch.offsets[3] ?? 0) + 17, (batch.offsets[3] ?? 0) + 19)
  await spool.write(batch)
  await spool.write(maker.batch(['next']))
  await spool.waitStored(maker.lastNs)
  expect(store.rows.toSorted()).toEqual(['a', 'b', 'c', 'next'])
  expect((await quarantined(dir)).map(({ name }) => name)).toEqual([expect.stringMatching(/\.damaged$/)])
  expect(counters.total('spool_quarantined_total', { reason: 'damaged' })).toBe(2)
})

test('rows that a damaged one led astray are recognised by their received times', async () => {
  const { spool, store, dir } = await testSpool()
  const maker = new RowMaker()
  const messages = Array.from({ length: 40 }, (_, row) => `m${row}`)
  const batch = maker.batch(messages)
  batch.bytes.writeBigInt64LE(7n, (batch.offsets[31] ?? 0) + ROW_RECEIVED)
  store.isBad = (message) => message === 'm31'
  await spool.write(batch)
  await spool.waitStored(maker.lastNs)
  expect(store.rows.toSorted()).toEqual(messages.slice(0, 30).toSorted())
  expect((await quarantined(dir)).map(({ name }) => name)).toEqual([expect.stringMatching(/-10-.*\.damaged$/)])
})

test('a file that is harmed while its rows are isolated goes to quarantine', async () => {
  const { spool, store, dir, counters } = await testSpool()
  store.isBad = (message) => {
    const [path] = readdirSync(dir, { recursive: true }).filter((name) => String(name).endsWith('.rows'))
    if (message === 'b') appendFileSync(join(dir, String(path)), 'more')
    return message === 'b'
  }
  const maker = new RowMaker()
  await spool.write(maker.batch(['a', 'b']))
  await spool.waitStored(maker.lastNs)
  expect(store.attempts).toBe(1)
  expect(counters.total('spool_quarantined_total', { reason: 'checksum' })).toBe(2)
})

test('small loads keep their distance', async () => {
  const { spool, store } = await testSpool({ limits: { loadIntervalMs: 60 } })
  const startsMs: number[] = []
  store.outcome = () => (startsMs.push(performance.now()), 'ok')
  const maker = new RowMaker()
  for (const message of ['a', 'b', 'c']) {
    await spool.write(maker.batch([message]))
    await spool.waitStored(maker.lastNs)
  }
  // A load reads its files before it is seen here; that may take a little longer the first time.
  expect((startsMs[2] ?? 0) - (startsMs[0] ?? 0)).toBeGreaterThan(100)
})

test.each([
  ['files', { loadFilesMax: 1 }],
  ['bytes', { loadBytesMax: 40 }],
  ['rows', { loadRowsMax: 1 }],
])('a whole load by %s does not wait', async (_name, limit) => {
  const { spool, store } = await testSpool({ limits: { ...limit, loadIntervalMs: 3_600_000 } })
  const maker = new RowMaker()
  await writeEach(spool, maker, ['a', 'b', 'c', 'd'])
  while (store.attempts < 3) await new Promise((resolve) => setImmediate(resolve))
  await writeEach(spool, maker, ['e', 'f'])
  await spool.waitStored(maker.lastNs - 1n)
  expect(store.rows.slice(0, 5)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('rows are isolated while files keep coming', async () => {
  const { spool, store } = await testSpool({ limits: { loadFilesMax: 1, loadIntervalMs: 0 } })
  store.outcome = () => 'down'
  store.isBad = (message) => message === 'bad'
  const maker = new RowMaker()
  await spool.write(maker.batch(['bad', 'good']))
  await writeEach(spool, maker, Array.from({ length: 60 }, String))
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  expect(store.rows.indexOf('good')).toBeLessThan(40)
})

test('a file from quarantine is taken again when it is put back', async () => {
  const first = await testSpool()
  first.store.isBad = () => true
  const maker = new RowMaker()
  await first.spool.write(maker.batch(['a']))
  await first.spool.waitStored(maker.lastNs)
  await first.spool.close()
  const [file] = await quarantined(first.dir)
  const name = file?.name ?? ''
  await copyFile(join(first.dir, 'quarantine', name), join(first.dir, name.replace('.refused', '.rows')))
  const next = await testSpool({ dir: first.dir })
  await next.spool.waitStored(maker.lastNs)
  expect(next.store.rows).toEqual(['a'])
})
