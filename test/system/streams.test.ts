import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { peakResidentBytes } from './harness/processes.ts'
import { startServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const MiB = 1024 * 1024
const MEGABYTES = process.env['TAILRACE_TEST_EXTENT'] === 'long' ? 5000 : 200
const FLAGS = { 'livestream-put': 'off', 'livestream-get': 'off', logd: 'off', forward: 'off' }

interface Listed {
  streams: { name: string; state: string; size: number; lines: number | null }[]
}

const list = async (url: string): Promise<Listed> => (await fetch(`${url}/streams/`)).json() as Promise<Listed>

test('a long stream is written and read at the same time, in little memory', { timeout: 600_000 }, async () => {
  const server = await startServer({ flags: { ...FLAGS, storage: 'memory', 'streams-bytes-max': '20GiB' } })
  const before = peakResidentBytes(server.pid)
  const put = request(`${server.url}/streams/long?index=false`, { method: 'PUT' })
  const answered = new Promise<number>((resolve, reject) => {
    put.once('response', (response) => resolve(response.resume().statusCode ?? 0))
    put.once('error', reject)
  })
  const piece = Buffer.alloc(MiB, 'all work and no play\n')
  const written = createHash('sha256')
  put.write(Buffer.from(piece))
  written.update(piece)
  await until('it is there', async () => (await list(server.url)).streams[0]?.size === MiB)
  const reading = readHash(`${server.url}/streams/long`)
  for (let n = 1; n < MEGABYTES; n++) {
    piece.writeUInt32BE(n)
    written.update(piece)
    if (!put.write(Buffer.from(piece))) await new Promise<void>((resolve) => void put.once('drain', resolve))
  }
  put.end()
  expect(await answered).toBe(201)
  const digest = written.digest('hex')
  expect(await reading).toBe(digest)
  expect(await readHash(`${server.url}/streams/long`)).toBe(digest)
  expect((peakResidentBytes(server.pid) - before) / MiB).toBeLessThan(150)
  await server.stop()
})

async function readHash(url: string): Promise<string> {
  const hash = createHash('sha256')
  const { body } = await fetch(url)
  for await (const bytes of body ?? []) hash.update(bytes)
  return hash.digest('hex')
}

test('kill -9 in the middle keeps what readers have seen; the writer goes on, and each line is an event once', async () => {
  const first = await startServer({ flags: FLAGS })
  const put = request(`${first.url}/streams/ci/build`, { method: 'PUT' })
  put.on('error', () => undefined)
  put.write(Array.from({ length: 1000 }, (_, n) => `line ${n + 1}\n`).join(''))
  const seen = await until('some are events', async () => {
    const { streams } = await list(first.url)
    return (streams[0]?.lines ?? 0) === 1000 && streams[0]
  })
  put.write('line 1001\nline 10')
  await until('all is there', async () => {
    const { streams } = await list(first.url)
    return streams[0]?.size === seen.size + 17 && streams[0].lines === 1001
  })
  // Others may call their source by the same name.
  const other = JSON.stringify({ message: 'other', source: 'ci/build', service: 'other' })
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(`${first.url}/api/v1/ingest`, { method: 'POST', headers, body: other })).status).toBe(200)
  await first.kill9()
  const second = await startServer({ dataDir: first.dataDir, flags: FLAGS })
  const [found] = (await list(second.url)).streams
  expect(found).toMatchObject({ name: 'ci/build', state: 'interrupted', size: seen.size + 17 })
  const resumed = await fetch(`${second.url}/streams/ci/build`, {
    method: 'PUT',
    headers: { 'content-range': `bytes ${seen.size + 17}-*/*` },
    body: '02\nthe end\n',
  })
  expect(resumed.status).toBe(201)
  const text = await (await fetch(`${second.url}/streams/ci/build`)).text()
  expect(text.endsWith('line 1001\nline 1002\nthe end\n')).toBe(true)
  const query = encodeURIComponent('service:"ci/build" | stats count() n, uniq(message) u')
  await until('each line is an event', async () => {
    const answer = await fetch(`${second.url}/api/v1/query?query=${query}`)
    const { rows } = (await answer.json()) as { rows: [number, number][] }
    const [events = 0, messages = 0] = rows[0]?.map(Number) ?? []
    expect(events).toBeLessThanOrEqual(1003)
    return events === 1003 && messages === 1003
  })
  await second.stop()
})
