import { afterEach, expect, test } from 'vitest'
import { NS_PER_MS } from '../core/time.ts'
import type { RetentionRules } from './retention.ts'
import { fieldValuesStatement } from './rollup.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from './testing/temporary-store.ts'

const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 5, 15, 12)

let opened: TemporaryStore | undefined
let nowMs = START_MS
afterEach(async () => {
  await opened?.remove()
  opened = undefined
})

async function open(retention: Partial<RetentionRules>): Promise<TemporaryStore> {
  nowMs = START_MS
  opened = await openTemporaryStore({ retention, now: () => nowMs })
  return opened
}

/** Loads `rows` events named after their day; received now, having happened `agoDays` before. */
async function load(agoDays: number, rows: number): Promise<void> {
  const receivedNs = BigInt(nowMs) * NS_PER_MS
  const timestampNs = BigInt(nowMs - agoDays * DAY_MS) * NS_PER_MS
  const service = new Date(nowMs - agoDays * DAY_MS).toISOString().slice(0, 10)
  const batch = stampedBatch(
    Array.from({ length: rows }, (_, row) => ({
      message: `${service} ${row} ${Math.imul(row, 2654435761)}`,
      service,
      timestampNs,
    })),
    receivedNs,
  )
  if (opened) await loadBatch(opened.store, batch)
}

async function services(): Promise<{ events: unknown[]; rollup: unknown[] }> {
  const events = await opened?.store.select({ sql: 'SELECT DISTINCT service FROM events ORDER BY service', params: {} })
  const rollup = await opened?.store.select(fieldValuesStatement({ field: 'service', limit: 100 }))
  return { events: (events?.rows ?? []).flat(), rollup: (rollup?.rows ?? []).map((row) => String(row[0])).sort() }
}

test('age counts from when an event was received, not from when it happened', async () => {
  const { store } = await open({ ageMs: 30 * DAY_MS })
  await load(0, 10)
  await load(400, 10)
  nowMs += 29 * DAY_MS
  await load(0, 5)
  await store.enforceRetention()
  expect((await services()).events).toEqual(['2025-05-11', '2026-06-15', '2026-07-14'])
  expect((await store.status()).retention).toEqual([])
  nowMs += 2 * DAY_MS
  await store.enforceRetention()
  expect(await services()).toEqual({ events: ['2026-07-14'], rollup: ['2026-07-14'] })
  const at = new Date(nowMs).toISOString()
  expect((await store.status()).retention).toMatchObject([
    { at, rule: 'age', partition: '20260615', rows: 10 },
    { at, rule: 'age', partition: '202505', rows: 10 },
  ])
})

test('beyond the disk limit the oldest days of timestamp go first, and the newest stays', async () => {
  const { store } = await open({ ageMs: 0, diskBytes: 1 })
  for (const agoDays of [1, 3, 0, 2]) await load(agoDays, 10)
  await store.enforceRetention()
  expect(await services()).toEqual({ events: ['2026-06-15'], rollup: ['2026-06-15'] })
  expect((await store.status()).retention.map((run) => [run.rule, run.partition])).toEqual([
    ['diskBytes', '20260614'],
    ['diskBytes', '20260613'],
    ['diskBytes', '20260612'],
  ])
})

test('no more is dropped than the disk limit asks for', async () => {
  const { store } = await open({ ageMs: 0, diskBytes: 150_000 })
  for (const agoDays of [0, 1, 2]) await load(agoDays, 10_000)
  const before = (await store.status()).bytesOnDisk
  expect(before).toBeGreaterThan(150_000)
  await store.enforceRetention()
  const { retention, bytesOnDisk } = await store.status()
  expect(bytesOnDisk).toBeLessThanOrEqual(150_000)
  expect(bytesOnDisk + (retention[0]?.bytes ?? 0)).toBeGreaterThan(150_000)
  expect((await services()).events.at(-1)).toBe('2026-06-15')
})

test('without limits nothing is dropped', async () => {
  const { store } = await open({ ageMs: 0, diskBytes: 0 })
  await load(0, 10)
  nowMs += 10_000 * DAY_MS
  await store.enforceRetention()
  expect((await services()).events).toEqual(['2026-06-15'])
})
