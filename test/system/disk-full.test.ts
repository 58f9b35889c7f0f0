import { spawnSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { count, getJson, ingest, settled, type Answer } from './harness/http.ts'
import { FAULTLESS, Ledger, Target } from './harness/ledger.ts'
import { signal } from './harness/processes.ts'
import { SEED } from './harness/random.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const EVENT = { service: 'disk', message: 'one more' }

async function refusal(server: TestServer, prepare: () => void = () => undefined): Promise<Answer> {
  return until('an event is refused', async () => {
    prepare()
    const answer = await ingest(server.url, [EVENT])
    return answer.status !== 200 && answer
  })
}

async function recovery(server: TestServer): Promise<void> {
  await until('events are taken again', async () => (await ingest(server.url, [EVENT])).status === 200)
}

function expectRefused({ status, headers, json }: Answer, codes: readonly string[]): void {
  expect(status).toBe(503)
  expect(codes).toContain(json['code'])
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
}

async function underLoad(server: TestServer, padBytes: number): Promise<Ledger> {
  const target = new Target()
  target.up(server.url)
  const ledger = new Ledger({ target, seed: SEED, padBytes }).start()
  await ledger.progress(200)
  return ledger
}

async function checkAll(server: TestServer, ledger: Ledger): Promise<void> {
  await ledger.stop()
  expect((await settled(server.url)).quarantinedFiles).toBe(0)
  expect(await ledger.check(server.url)).toEqual(FAULTLESS)
}

test('the spool reaches its limit: refused before anything is acknowledged, taken again when the store is back', async () => {
  const server = await startServer({ flags: { 'spool-bytes-max': '1MiB', 'spool-flush-bytes': '64KiB' } })
  const ledger = await underLoad(server, 500)
  await settledOnce(server)
  const engine = await server.engine()
  signal(engine, 'SIGSTOP')
  expectRefused(await refusal(server), ['SPOOL_FULL'])
  const { status, json } = await getJson(server.url, '/readyz')
  expect([status, JSON.stringify(json)]).toEqual([503, expect.stringContaining('spool')])
  signal(engine, 'SIGCONT')
  await recovery(server)
  await ledger.progress(200)
  expect([...ledger.refused.keys()]).toEqual(['SPOOL_FULL'])
  await checkAll(server, ledger)
  await server.stop()
})

/** So that something is in the store before the fault begins. */
async function settledOnce(server: TestServer): Promise<void> {
  await until('something is stored', async () => (await count(server.url, 'service:ledger-*')) > 0)
}

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

test.skipIf(!hasPrlimit)('writes fail (file-size limit): refused, reading goes on, recovers by itself', async () => {
  const server = await startServer()
  const limit = (bytes: string): void => {
    expect(spawnSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:`]).status).toBe(0)
  }
  const ledger = await underLoad(server, 100)
  await settledOnce(server)
  limit('16')
  expectRefused(await refusal(server), ['SPOOL_WRITE_FAILED', 'SPOOL_FULL'])
  expect(await count(server.url, 'service:ledger-*')).toBeGreaterThan(0)
  limit('unlimited')
  await recovery(server)
  await ledger.progress(200)
  await checkAll(server, ledger)
  await server.stop()
})

const hasNamespaces = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

test.skipIf(!hasNamespaces)('the disk is full: refused, reading goes on, recovers by itself', async () => {
  const dataDir = temporaryFolder()
  // The mount lives in a namespace of the server's own and goes with it.
  const wrapper = ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=128m tmpfs "$0" && exec "$@"', dataDir]
  const server = await startServer({ dataDir, wrapper, flags: { 'spool-disk-free-bytes-min': '0' } })
  const ballast = join(`/proc/${server.pid}/root`, dataDir, 'ballast')
  const ledger = await underLoad(server, 100)
  await settledOnce(server)
  expectRefused(await refusal(server, () => fill(ballast)), ['SPOOL_WRITE_FAILED', 'SPOOL_FULL'])
  expect(await count(server.url, 'service:ledger-*')).toBeGreaterThan(0)
  rmSync(ballast)
  await recovery(server)
  await ledger.progress(200)
  await checkAll(server, ledger)
  await server.stop()
})

/** Makes the file larger until nothing more fits on its disk. */
function fill(path: string): void {
  for (let bytes = 2 ** 22; bytes >= 1;) {
    try {
      appendFileSync(path, Buffer.alloc(bytes, 1))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
      bytes = Math.floor(bytes / 4)
    }
  }
}
