import { expect, test } from 'vitest'
import { count, getJson, ingest, settled } from './harness/http.ts'
import { FAULTLESS, Ledger, Target } from './harness/ledger.ts'
import { signal } from './harness/processes.ts'
import { byExtent, SEED } from './harness/random.ts'
import { startServer, type TestServer } from './harness/server.ts'
import { openTail } from './harness/tail.ts'
import { keepDoing, until } from './harness/wait.ts'

const DEAD_MS = byExtent({ short: 4000, normal: 15_000, long: 60_000 })
const HANGING_MS = byExtent({ short: 4000, normal: 8000, long: 60_000 })

async function underLoad(server: TestServer): Promise<Ledger> {
  const target = new Target()
  target.up(server.url)
  const ledger = new Ledger({ target, seed: SEED }).start()
  await ledger.progress(200)
  return ledger
}

test('the engine dies whenever it starts: events are taken and tailed, queries say why not, all is found later', async () => {
  const server = await startServer()
  const ledger = await underLoad(server)
  const isDown = keepDoing(DEAD_MS, () => server.enginePids().forEach((pid) => signal(pid, 'SIGKILL')))
  await until('the server knows', async () => (await getJson(server.url, '/readyz')).status === 503)

  const problem = await until('a query is refused', async () => {
    const answer = await getJson(server.url, '/api/v1/query?query=*')
    return answer.status === 503 && answer
  })
  expect(problem.json).toMatchObject({ status: 503, code: 'STORE_UNREACHABLE' })
  expect(problem.headers.get('content-type')).toContain('application/problem+json')
  expect((await getJson(server.url, '/healthz')).status).toBe(200)

  const tail = await openTail(server.url, 'service:away')
  expect((await ingest(server.url, [{ service: 'away', message: 'seen while the store is away' }])).status).toBe(200)
  expect(await tail.next()).toMatchObject({ event: 'log', data: { message: 'seen while the store is away' } })
  tail.close()
  await ledger.progress(500)
  await isDown
  await ledger.progress(500)

  await until('the server is whole again', async () => (await getJson(server.url, '/readyz')).status === 200)
  await ledger.stop()
  await settled(server.url)
  expect(await ledger.check(server.url)).toEqual(FAULTLESS)
  expect(await count(server.url, 'service:away')).toBe(1)
  expect([...ledger.refused.keys()]).toEqual([])
  await server.stop()
}, 300_000)

test('the engine hangs: events are taken meanwhile, and all is found later, once', async () => {
  const server = await startServer()
  const ledger = await underLoad(server)
  const stopped = new Set<number>()
  await keepDoing(HANGING_MS, () => {
    for (const pid of server.enginePids()) if (signal(pid, 'SIGSTOP')) stopped.add(pid)
  })
  await ledger.progress(500)
  for (const pid of stopped) signal(pid, 'SIGCONT')
  await ledger.progress(500)
  await ledger.stop()
  await settled(server.url)
  expect(await ledger.check(server.url)).toEqual(FAULTLESS)
  expect([...ledger.refused.keys()]).toEqual([])
  await server.stop()
}, 300_000)
