import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { NS_PER_SECOND } from '../../src/core/time.ts'
import {
  openTemporaryStore,
  stampedBatch,
  writeRowsFile,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'
import { until } from '../../src/store/testing/watch.ts'
import { byExtent } from './harness/random.ts'

const LOADS = byExtent({ short: 6, normal: 20, long: 60 })
const ROWS = 20_000
const DAY_NS = 86_400n * NS_PER_SECOND

let opened: TemporaryStore
beforeAll(async () => {
  opened = await openTemporaryStore()
})
afterAll(async () => await opened.remove())

/** Loads until it succeeds, as the spool does. Returns how often it was tried. */
async function loadUntilDone(files: string[], token: string): Promise<number> {
  const { store } = opened
  for (let attempt = 1; ; attempt++) {
    await until('the store is ready', () => store.isReady)
    try {
      await store.load({ files, token, node: 'n1' })
      return attempt
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
      expect((error as AppError).code).not.toBe('STORE_DATA_REFUSED')
    }
  }
}

test('every row is stored once when the engine is killed in the middle of loads', async () => {
  const { store, folder } = opened
  const now = BigInt(Date.now()) * 1_000_000n
  let attempts = 0
  for (let load = 0; load < LOADS; load++) {
    // Spread over many partitions, so that a kill can fall between two of them.
    const events = Array.from({ length: ROWS }, (_, row) => ({
      message: `load ${load} row ${row}`,
      service: `load-${load}`,
      timestampNs: now - BigInt(row % 40) * (row % 2 === 0 ? DAY_NS / 10n : 20n * DAY_NS),
      attributes: new Map([['load', String(load)]]),
    }))
    const path = writeRowsFile(folder, stampedBatch(events, now + BigInt(load * ROWS)))
    const done = loadUntilDone([path], randomUUID())
    await delay((load * 7) % 120)
    const pid = store.engine?.pid
    if (store.isReady && pid !== undefined) process.kill(pid, 'SIGKILL')
    attempts += await done
    rmSync(path)
  }
  expect(attempts).toBeGreaterThan(LOADS)
  await until('the store is ready', () => store.isReady)
  const perLoad = await store.select({
    sql: 'SELECT service, count() AS n, uniqExact(message) AS u FROM events GROUP BY service HAVING n != {n:UInt32} OR u != {n:UInt32}',
    params: { n: ROWS },
  })
  expect(perLoad.rows).toEqual([])
  const total = await store.select({ sql: 'SELECT count() FROM events', params: {} })
  expect(total.rows).toEqual([[String(LOADS * ROWS)]])
  const rollup = await store.select({
    sql: "SELECT field, sum(count) FROM fields WHERE kind = 0 AND field IN ('load', 'message') GROUP BY field ORDER BY field",
    params: {},
  })
  expect(rollup.rows).toEqual([
    ['load', String(LOADS * ROWS)],
    ['message', String(LOADS * ROWS)],
  ])
})

test('ten thousand days in one load', async () => {
  const { store, folder } = opened
  const now = BigInt(Date.now()) * 1_000_000n
  const batch = stampedBatch(
    Array.from({ length: 10_000 }, (_, i) => ({
      message: `m ${i}`,
      service: 'decades',
      timestampNs: now - BigInt(i) * 86_400n * NS_PER_SECOND,
    })),
  )
  const files = [writeRowsFile(folder, batch)]
  const token = randomUUID()
  await store.load({ files, token, node: 'n1' })
  await store.load({ files, token, node: 'n1' })
  const days = await store.select({
    sql: "SELECT count(), uniqExact(toDate(timestamp)) FROM events WHERE service = 'decades'",
    params: {},
  })
  expect(days.rows).toEqual([['10000', '10000']])
}, 60_000)
