import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from './testing/temporary-store.ts'

let opened: TemporaryStore
beforeAll(async () => {
  opened = await openTemporaryStore()
})
afterAll(async () => await opened.remove())

test('what is loaded can be selected', async () => {
  const { store } = opened
  await loadBatch(
    store,
    stampedBatch([{ message: 'hello', service: 'shop', attributes: new Map([['a.b', '1']]) }, { message: 'wörld' }]),
  )
  const result = await store.select({
    sql: 'SELECT message, service, attributes, node, toUnixTimestamp64Nano(received) AS received FROM events WHERE service = {s:String}',
    params: { s: 'shop' },
  })
  expect(result.columns.map((column) => column.name)).toEqual(['message', 'service', 'attributes', 'node', 'received'])
  expect(result.rows).toEqual([['hello', 'shop', { 'a.b': '1' }, 'test', expect.stringMatching(/^\d{19}$/)]])
  expect(await store.status()).toMatchObject({ kind: 'embedded', state: 'ready', rows: 2, restarts: 0 })
})
