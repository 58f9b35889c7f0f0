import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventInput } from '../core/batch.ts'
import { fileGlob } from './load.ts'
import { fieldNamesStatement, fieldValuesStatement } from './rollup.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  writeRowsFile,
  type TemporaryStore,
} from './testing/temporary-store.ts'

let opened: TemporaryStore
beforeAll(async () => {
  opened = await openTemporaryStore()
})
afterAll(async () => await opened.remove())

function events(count: number, of: (index: number) => Partial<EventInput>): EventInput[] {
  return Array.from({ length: count }, (_, index) => ({ message: `m ${index}`, ...of(index) }))
}

async function count(where: string): Promise<number> {
  const result = await opened.store.select({ sql: `SELECT count() FROM events WHERE ${where}`, params: {} })
  return Number(result.rows[0]?.[0])
}

async function values(field: string): Promise<unknown[][]> {
  return (await opened.store.select(fieldValuesStatement({ field, limit: 10 }))).rows
}

test('a load that is repeated with its token is stored once, in the rollup too', async () => {
  const { store, folder } = opened
  const files = [
    writeRowsFile(
      folder,
      stampedBatch(
        events(1000, (i) => ({ service: 'once', attributes: new Map([['color', i % 2 ? 'red' : 'blue']]) })),
      ),
    ),
    writeRowsFile(folder, stampedBatch(events(500, () => ({ service: 'once', severity: 17 })))),
  ]
  const token = randomUUID()
  for (let attempt = 0; attempt < 3; attempt++) await store.load({ files, token, node: 'n1' })
  expect(await count("service = 'once'")).toBe(1500)
  expect(await values('service')).toEqual([['once', '1500']])
  expect(await values('color')).toEqual([
    ['blue', '500'],
    ['red', '500'],
  ])
  expect(await values('level')).toEqual([
    ['unknown', '1000'],
    ['error', '500'],
  ])
  const names = (await store.select(fieldNamesStatement({ limit: 100 }))).rows
  expect(names).toContainEqual(['color', '1000'])
  expect(names).toContainEqual(['message', '1500'])
})

test('the same rows under another token are other events', async () => {
  const { store, folder } = opened
  const files = [writeRowsFile(folder, stampedBatch(events(10, () => ({ service: 'twice' }))))]
  await store.load({ files, token: randomUUID(), node: 'n1' })
  await store.load({ files, token: randomUUID(), node: 'n1' })
  expect(await count("service = 'twice'")).toBe(20)
})

test('files under names that mean something in patterns are loaded too', async () => {
  const { store, folder } = opened
  const batch = stampedBatch(events(3, () => ({ service: 'pattern' })))
  const path = join(folder, 'odd {a,b} [*]?.rows')
  writeFileSync(path, batch.bytes.subarray(0, batch.length))
  await store.load({ files: [path, writeRowsFile(folder, batch)], token: randomUUID(), node: 'n1' })
  expect(await count("service = 'pattern'")).toBe(6)
})

test.each([
  [['/a/1.rows'], '/a/1.rows'],
  [['/a/1.rows', '/a/2.rows'], '/a/{1.rows,2.rows}'],
  [['/a/1.rows', '/b/2.rows'], undefined],
  [['/a/{x}.rows'], undefined],
  [[], undefined],
])('pattern of %j', (files, glob) => {
  expect(fileGlob(files)).toBe(glob)
})

test('rows that are cut off are the data’s fault and leave nothing behind', async () => {
  const { store, folder } = opened
  const batch = stampedBatch(events(100, () => ({ service: 'torn' })))
  const path = join(folder, 'torn.rows')
  writeFileSync(path, batch.bytes.subarray(0, batch.length - 3))
  await expect(store.load({ files: [path], token: randomUUID(), node: 'n1' })).rejects.toMatchObject({
    code: 'STORE_DATA_REFUSED',
  })
  expect(await count("service = 'torn'")).toBe(0)
})

test('a file that is missing is not the data’s fault', async () => {
  const { store, folder } = opened
  const missing = store.load({ files: [join(folder, 'missing.rows')], token: randomUUID(), node: 'n1' })
  await expect(missing).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('any text comes back as it was', async () => {
  const message = 'tab\t nul\0 quote\' back\\slash "double" ünïcödé 🎉\nline'
  await loadBatch(
    opened.store,
    stampedBatch([{ message, service: message, attributes: new Map([[message, message]]) }]),
  )
  const result = await opened.store.select({
    sql: 'SELECT message, service, attributes[{m:String}] FROM events WHERE message = {m:String}',
    params: { m: message },
  })
  expect(result.rows).toEqual([[message, message, message]])
})
