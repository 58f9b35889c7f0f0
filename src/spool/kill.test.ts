import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { openSpool } from './spool.ts'
import { FolderTarget } from './testing/folder-target.ts'
import { temporaryFolder, TEST_LIMITS } from './testing/temporary-spool.ts'

const LIVES = 20

test('kill -9 loses no acknowledged row and doubles none', { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder()
  const dir = join(folder, 'spool')
  const ledger = join(folder, 'ledger')
  const storeDir = join(folder, 'store')
  for (let life = 0; life < LIVES; life++) {
    const lifeMs = Math.round(Math.random() * 80)
    const program = join(import.meta.dirname, 'testing/appender.ts')
    const args = ['--import', 'tsx', program, dir, storeDir, ledger, String(life), String(lifeMs)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
  }
  const store = new FolderTarget(storeDir)
  const spool = await openSpool({
    dir,
    node: 'test',
    store,
    counters: new Counters(),
    logger: SILENT_LOGGER,
    limits: TEST_LIMITS,
  })
  await spool.waitStored(spool.durableThroughNs)
  await spool.close()

  const stored = await store.rows()
  const acknowledged = (await readFile(ledger, 'utf8')).trim().split('\n')
  expect(acknowledged.length).toBeGreaterThan(LIVES)
  expect(new Set(stored).size).toBe(stored.length)
  const inStore = new Set(stored)
  expect(acknowledged.filter((row) => !inStore.has(row))).toEqual([])
  expect(spool.status().quarantinedFiles).toBe(0)
})
