/** The built program, its commands over UDP and the example, as somebody meets them who reads the documentation. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createLogger } from '../../src/client/logd/logger.ts'
import { startCli } from './harness/cli.ts'
import { query } from './harness/http.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const example = fileURLToPath(new URL('../../examples/logd.mjs', import.meta.url))
const env = { LOGD_WRITE_SECRET: 'gold', LOGD_READ_SECRET: 'bitcoin' }

async function startLogd(): Promise<{ server: TestServer; address: string; port: number }> {
  const server = await startServer({ flags: { logd: 'udp://127.0.0.1:0' }, env })
  const address = (await server.ready).listeners['logd'] ?? ''
  return { server, address, port: Number(address.split(':').at(-1)) }
}

function secretFile(): string {
  const file = join(temporaryFolder(), 'read-secret')
  writeFileSync(file, `${env.LOGD_READ_SECRET}\n`)
  return file
}

test('the example does what it says', async () => {
  const { server, port } = await startLogd()
  const child = spawn(process.execPath, [example], { env: { ...process.env, LOGD_PORT: String(port) } })
  const [shown, complaints] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'exit')])
  expect(complaints).toBe('')
  expect(child.exitCode).toBe(0)
  const lines = shown.split('\n')
  expect(lines).toContain('· watching')
  expect(lines).toContain('· saw warn: slow {"elapsedMs":1830}')
  expect(lines.filter((line) => line.endsWith(' info /example/shop started with 4 workers'))).toHaveLength(1)
  expect(shown).toContain('messages: 3,')
  // Like any other event it is in the store as well.
  const found = await until('the events are stored', async () => {
    const { events } = await query(server.url, 'service:/example/*')
    return events.length === 3 && events
  })
  expect(found.map(({ attributes }) => (attributes as Record<string, string>)['url.full'])).toContain('/cart?id=7')
})

test('tail --udp and query --udp', async () => {
  const { address, port } = await startLogd()
  const file = secretFile()
  const udp = ['--udp', address, '--secret-file', file]
  const tail = startCli(['tail', 'level:>=warn', '--format', 'json', ...udp])
  const log = createLogger({ port, secret: env.LOGD_WRITE_SECRET, key: '/shop/web' })
  await until('the tail shows something', () => {
    log.info('not this')
    log.warn('but this')
    return tail.stdout.includes('but this')
  })
  tail.child.kill('SIGINT')
  const ended = await tail.ended
  expect(ended.code).toBe(0)
  expect(ended.stdout).not.toContain('not this')
  expect(ended.stderr).toBe('')
  const found = await startCli([
    'query',
    'service:/shop/* level:warn "but this"',
    '-n',
    '1',
    '--format',
    'ndjson',
    ...udp,
  ]).ended
  expect(found).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(found.stdout)).toMatchObject({ level: 'warn', service: '/shop/web', message: 'but this' })
  const refused = await startCli(['query', 'a OR b', ...udp]).ended
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  writeFileSync(file, 'wrong')
  const silent = await startCli(['query', ...udp]).ended
  expect(silent.code).toBe(1)
  expect(silent.stderr).toMatch(/No answer from 127\.0\.0\.1:\d+: not a word within 2000 ms/)
  await log.close()
})
