import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { count, ingest, query, settled } from './harness/http.ts'
import { signal } from './harness/processes.ts'
import { startServer, temporaryFolder } from './harness/server.ts'

const BODIES = 5

function filesIn(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => pattern.test(path) && statSync(path).isFile())
}

test('a spool file with flipped bits goes to quarantine, the rest loads', async () => {
  const dataDir = temporaryFolder()
  const first = await startServer({ dataDir })
  const engine = await first.engine()
  signal(engine, 'SIGSTOP')
  for (let body = 0; body < BODIES; body++) {
    const { status } = await ingest(first.url, [{ service: 'rot', message: `body ${body}` }])
    expect(status).toBe(200)
  }
  await first.kill9()
  signal(engine, 'SIGKILL')

  const damaged = filesIn(dataDir, /\.rows$/).find((path) => readFileSync(path).includes('body 2'))
  expect(damaged).toBeDefined()
  if (damaged === undefined) return
  const bytes = readFileSync(damaged)
  const at = bytes.indexOf('body 2')
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  writeFileSync(damaged, bytes)

  const second = await startServer({ dataDir })
  const figures = await settled(second.url)
  expect(figures.quarantinedFiles).toBe(1)
  // What is in the store is removed a moment later.
  await expect.poll(() => filesIn(dataDir, /\.rows$/)).toEqual([])
  const [kept = '', ...others] = filesIn(dataDir, /quarantine/)
  expect(others).toEqual([])
  expect(readFileSync(kept)).toEqual(bytes)
  const { events } = await query(second.url, 'service:rot')
  expect(events.map((event) => String(event['message'])).sort()).toEqual(['body 0', 'body 1', 'body 3', 'body 4'])

  await ingest(second.url, [{ service: 'rot', message: 'afterwards' }])
  await settled(second.url)
  expect(await count(second.url, 'service:rot')).toBe(BODIES)
  await second.stop()
})
