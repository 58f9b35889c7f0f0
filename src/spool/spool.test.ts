import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { EventBatch } from '../core/batch.ts'
import { Latch } from './testing/latch.ts'
import { RowMaker } from './testing/rows.ts'
import { temporaryFolder, testSpool } from './testing/temporary-spool.ts'

async function rowsFiles(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith('.rows')).sort()
}

test('what is written is durable, loaded and removed', async () => {
  const { spool, dir, store, counters } = await testSpool()
  const maker = new RowMaker()
  await spool.write(maker.batch(['a', 'b']))
  expect(spool.durableThroughNs).toBe(maker.lastNs)
  await spool.write(maker.batch(['c']))
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['a', 'b', 'c'])
  expect(spool.storedThroughNs).toBe(maker.lastNs)
  await vi.waitFor(async () => expect(await readdir(dir)).toEqual(['quarantine']))
  expect(spool.status()).toMatchObject({ pendingFiles: 0, pendingBytes: 0, pendingRows: 0, refusing: null })
  expect(counters.total('spool_loaded_events_total')).toBe(3)
  expect(counters.total('spool_flushes_total')).toBe(2)
})

test('batches that wait together become one file, and their promises settle in order', async () => {
  const { spool, counters, store } = await testSpool({ limits: { flushDelayMs: 60_000 } })
  const maker = new RowMaker()
  const order: number[] = []
  const release = spool.hold()
  const messages = Array.from({ length: 50 }, (_, index) => String(index))
  const writes = messages.map((message, index) =>
    // Small ones are copied together, large ones are not.
    spool.write(maker.batch([message], index % 7 === 0 ? 10_000 : 0)).then(() => order.push(index)),
  )
  release()
  await Promise.all(writes)
  expect(order).toEqual(messages.map(Number))
  expect(counters.total('spool_flushes_total')).toBe(1)
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(messages)
})

test('while somebody holds, the delay or the size ends the wait', async () => {
  const { spool, counters } = await testSpool({ limits: { flushDelayMs: 20, flushBytes: 50_000 } })
  const maker = new RowMaker()
  spool.hold()
  await spool.write(maker.batch(['alone']))
  expect(counters.total('spool_flushes_total')).toBe(1)
  const many = Array.from({ length: 10 }, (_, index) => spool.write(maker.batch([String(index)], 20_000)))
  await Promise.all(many)
  // Two of these fit into a file.
  expect(counters.total('spool_flushes_total')).toBe(6)
})

test('a batch above the size of a file is a file of its own', async () => {
  const { spool, dir, store } = await testSpool({ limits: { flushBytes: 1000 } })
  store.outcome = () => 'down'
  const maker = new RowMaker()
  const release = spool.hold()
  const writes = ['small', 'large', 'next'].map((name) => spool.write(maker.batch([name], name === 'large' ? 9000 : 0)))
  release()
  await Promise.all(writes)
  await vi.waitFor(() => expect(spool.status().pendingFiles).toBe(3))
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['small', 'large', 'next'])
  expect(await rowsFiles(dir)).toEqual([])
})

test('an empty batch is nothing, and a release counts once', async () => {
  const { spool, counters } = await testSpool({ limits: { flushDelayMs: 60_000 } })
  await spool.write(new EventBatch())
  const first = spool.hold()
  first()
  first()
  const second = spool.hold()
  const maker = new RowMaker()
  const writes = [spool.write(maker.batch(['a']))]
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  writes.push(spool.write(maker.batch(['b'])))
  second()
  await Promise.all(writes)
  expect(counters.total('spool_flushes_total')).toBe(1)
})

test('close makes durable what was accepted, ends the load under way and leaves the rest', async () => {
  const first = await testSpool({ limits: { flushDelayMs: 60_000, loadFilesMax: 1 } })
  const { spool, store, dir } = first
  const gate = new Latch()
  store.gate = gate.opened
  const maker = new RowMaker()
  await spool.write(maker.batch(['loading']))
  await vi.waitFor(() => expect(store.attempts).toBe(1))
  spool.hold()
  const accepted = spool.write(maker.batch(['accepted']))
  const waiting = spool.waitStored(maker.lastNs)
  const closed = spool.close()
  await expect(spool.write(maker.batch(['late']))).rejects.toMatchObject({ code: 'SERVER_CLOSING' })
  await accepted
  expect(await rowsFiles(dir)).toHaveLength(1)
  gate.open()
  await closed
  await expect(waiting).rejects.toMatchObject({ code: 'SERVER_CLOSING' })
  expect(store.rows).toEqual(['loading'])

  const next = await testSpool({ dir, store })
  await next.spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['loading', 'accepted'])
})

test('with leftovers nothing is known to be stored until the oldest of them is', async () => {
  const { spool, store, dir } = await testSpool()
  store.outcome = () => 'down'
  const maker = new RowMaker()
  await spool.write(maker.batch(['a']))
  const firstNs = maker.lastNs
  await spool.write(maker.batch(['b']))
  await spool.close()

  const next = await testSpool({ dir, store, limits: { loadFilesMax: 1 } })
  expect(next.spool.durableThroughNs).toBe(maker.lastNs)
  expect(next.spool.storedThroughNs).toBe(0n)
  expect(next.spool.status()).toMatchObject({ pendingRows: 2, pendingFiles: 2 })
  let loads = 0
  store.outcome = () => (loads++ === 0 ? 'ok' : 'down')
  await next.spool.waitStored(firstNs)
  expect(next.spool.storedThroughNs).toBe(firstNs)
  store.outcome = () => 'ok'
  await next.spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['a', 'b'])
})

test('waitStored: at once when nothing is on its way, until then otherwise, and the signal ends it', async () => {
  const { spool, store } = await testSpool()
  await spool.waitStored(5n)
  const maker = new RowMaker()
  store.outcome = () => 'down'
  const written = spool.write(maker.batch(['a']))
  const abort = new AbortController()
  const aborted = spool.waitStored(maker.lastNs, abort.signal)
  const stored = spool.waitStored(maker.lastNs)
  await written
  // Received before the event that waits.
  await spool.waitStored(0n)
  abort.abort(new Error('gone'))
  await expect(aborted).rejects.toThrow('gone')
  await expect(spool.waitStored(maker.lastNs, abort.signal)).rejects.toThrow('gone')
  store.outcome = () => 'ok'
  await stored
  expect(store.rows).toEqual(['a'])
})

test('what does not belong into the folder is left alone', async () => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'notes.txt'), 'mine')
  await writeFile(join(dir, '000000000007-0000000000000000-1-00000000.rows.tmp'), 'half a fi')
  const { spool } = await testSpool({ dir })
  expect((await readdir(dir)).sort()).toEqual(['notes.txt', 'quarantine'])
  expect(spool.durableThroughNs).toBe(0n)
})
