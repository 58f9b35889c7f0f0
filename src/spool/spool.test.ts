import { readdir } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { RowMaker } from './testing/rows.ts'
import { testSpool } from './testing/temporary-spool.ts'

test('what is written is durable, loaded and removed', async () => {
  const { spool, dir, store } = await testSpool()
  const maker = new RowMaker()
  await spool.write(maker.batch(['a', 'b']))
  expect(spool.durableThroughNs).toBe(maker.lastNs)
  await spool.write(maker.batch(['c']))
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(['a', 'b', 'c'])
  expect(spool.storedThroughNs).toBe(maker.lastNs)
  await vi.waitFor(async () => expect(await readdir(dir)).toEqual(['quarantine']))
  expect(spool.status()).toMatchObject({ pendingFiles: 0, pendingBytes: 0, pendingRows: 0, refusing: null })
})
