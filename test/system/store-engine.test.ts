import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { Counters } from '../../src/core/counters.ts'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { openEmbeddedStore } from '../../src/store/embedded.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'
import { until } from '../../src/store/testing/watch.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function temporary(): Promise<TemporaryStore> {
  const opened = await openTemporaryStore()
  cleanups.push(opened.remove)
  return opened
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-engine-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const open = { logger: SILENT_LOGGER, counters: new Counters(), memoryBytesMax: 2 ** 30 }

/** Whether a process of this id runs (a zombie does not). */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Another process that holds the store of a folder. */
async function holder(folder: string): Promise<{ child: ChildProcess; enginePid: number }> {
  const script = fileURLToPath(new URL('../../src/store/testing/hold-store.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanups.push(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, enginePid: (JSON.parse(line) as { pid: number }).pid }
}

test('a killed engine is started again, with its data, and says why meanwhile', async () => {
  const { store } = await temporary()
  await loadBatch(store, stampedBatch([{ message: 'kept' }]))
  const before = store.engine?.pid ?? 0
  process.kill(before, 'SIGKILL')
  await until('the loss is noticed', () => !store.isReady)
  await expect(store.select({ sql: 'SELECT 1', params: {} })).rejects.toMatchObject({
    code: 'STORE_UNREACHABLE',
    detail: expect.stringContaining('SIGKILL'),
    retryAfterSeconds: expect.any(Number),
  })
  expect(await store.status()).toMatchObject({ state: 'down', reason: expect.stringContaining('SIGKILL') })
  await until('it is back', () => store.isReady)
  expect((await store.select({ sql: 'SELECT message FROM events', params: {} })).rows).toEqual([['kept']])
  expect(await store.status()).toMatchObject({ state: 'ready', restarts: 1, reason: null })
  expect(store.engine?.pid).not.toBe(before)
})

test('a query that runs while the engine dies fails as unreachable', async () => {
  const { store } = await temporary()
  const answer = store.select({
    sql: 'SELECT sum(sleepEachRow(0.05)) FROM numbers(1200) SETTINGS max_block_size = 2',
    params: {},
  })
  const rejected = answer.catch((error: unknown) => error)
  process.kill(store.engine?.pid ?? 0, 'SIGKILL')
  expect(await rejected).toMatchObject({ code: 'STORE_UNREACHABLE' })
})

test('the engine ends when the server that started it is killed, and the folder can be used at once', async () => {
  const folder = temporaryFolder()
  const { child, enginePid } = await holder(folder)
  expect(isAlive(enginePid)).toBe(true)
  child.kill('SIGKILL')
  const store = await openEmbeddedStore({ ...open, dataDir: folder })
  cleanups.push(async () => await store.close())
  expect(isAlive(enginePid)).toBe(false)
  expect(readdirSync(folder).filter((name) => name.startsWith('run-'))).toHaveLength(1)
})

test('a folder that another process holds is refused, and that process is not disturbed', async () => {
  const folder = temporaryFolder()
  const { child, enginePid } = await holder(folder)
  const second = openEmbeddedStore({ ...open, dataDir: folder, lockWaitMs: 300 })
  await expect(second).rejects.toMatchObject({ code: 'ENGINE_LOCKED', detail: expect.stringContaining(folder) })
  expect(isAlive(enginePid)).toBe(true)
  expect(child.exitCode).toBe(null)
})

test('closing ends the engine and leaves no secrets behind', async () => {
  const folder = temporaryFolder()
  const store = await openEmbeddedStore({ ...open, dataDir: folder })
  const pid = store.engine?.pid ?? 0
  const run = readdirSync(folder).find((name) => name.startsWith('run-')) ?? ''
  expect(statSync(join(folder, run, 'config.xml')).mode & 0o777).toBe(0o600)
  await store.close()
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(join(folder, run))).toBe(false)
  await expect(store.select({ sql: 'SELECT 1', params: {} })).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
})

test('who does not know the header gets nothing from the listener', async () => {
  const { store, folder } = await temporary()
  const pid = store.engine?.pid ?? 0
  const run = readdirSync(folder).find((name) => name.startsWith('run-')) ?? ''
  const port = /--http_port=(\d+)/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1]
  const gate = /<X-Tailrace>(\w+)</.exec(readFileSync(join(folder, run, 'config.xml'), 'utf8'))?.[1] ?? ''
  const url = `http://127.0.0.1:${port}/?query=SELECT+1`
  expect((await fetch(url)).status).toBe(404)
  expect((await fetch(url, { headers: { 'x-tailrace': 'wrong' } })).status).toBe(404)
  expect((await fetch(url, { headers: { 'x-tailrace': gate } })).status).toBe(200)
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(gate)
})

test('a machine without the engine is told what is missing', async () => {
  const { locateEngine } = await import('../../src/store/engine/locate.ts')
  const missing = (): string => locateEngine({ CHDB_LIBCHDB_PATH: '/nowhere/libchdb.so' })
  expect(missing).toThrowError(
    expect.objectContaining({ code: 'ENGINE_UNAVAILABLE', detail: expect.stringContaining('/nowhere') }),
  )
})
