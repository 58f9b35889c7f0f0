import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'
import type { IdleClientsOrder, IdleClientsReport } from './testing/idle-clients.ts'

const CONNECTIONS = 10_000
/** Fewer than this prove nothing. */
const CONNECTIONS_MIN = 2000
/** Files that this process has open for other things. */
const OTHER_FILES = 500
/** More than the server may keep. */
const TOO_MANY = 50
const BYTES_PER_CONNECTION_MAX = 40 * 1024

let server: GuardedServer
let clients: ChildProcess
afterEach(async () => {
  clients.kill()
  await server.http.close()
})

/** Node makes use of all that the system allows. */
function openFilesMax(): number {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout)
}

async function tell(order: IdleClientsOrder | 'ask'): Promise<IdleClientsReport> {
  const reported = once(clients, 'message') as Promise<[IdleClientsReport]>
  clients.send(order)
  return (await reported)[0]
}

test('thousands of idle connections cost little memory, further ones are refused, and they go on being served', async () => {
  const count = Math.min(CONNECTIONS, openFilesMax() - OTHER_FILES)
  expect(count, 'more open files have to be allowed for this test').toBeGreaterThanOrEqual(CONNECTIONS_MIN)
  const limits = { connectionsMax: count, requestsPerSecondPerAddressMax: 1_000_000 }
  server = await openGuardedServer({ access: undefined as never, limits })
  const { port, counters } = server
  clients = fork(new URL('testing/idle-clients.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  // What is needed once, whatever the number.
  expect(await tell({ port, count: 500 })).toEqual({ answered: 500, refused: 0 })

  const before = process.memoryUsage.rss()
  expect(await tell({ port, count: count - 500 })).toEqual({ answered: count - 500, refused: 0 })
  const bytes = (process.memoryUsage.rss() - before) / (count - 500)
  expect(bytes).toBeLessThan(BYTES_PER_CONNECTION_MAX)

  expect(await tell({ port, count: TOO_MANY })).toEqual({ answered: 0, refused: TOO_MANY })
  expect(counters.total('http_connections_refused_total')).toBe(TOO_MANY)
  expect(await tell('ask')).toEqual({ answered: 10, refused: 0 })

  clients.kill()
  await once(clients, 'exit')
  const one = 'GET /public HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'
  await expect.poll(() => server.connect(one).closed(), { timeout: 10_000 }).toMatch(/^HTTP\/1.1 200 /)
})
