/** The built program with `--storage memory`: everything works, nothing is written, memory is bounded. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLogger } from '../../src/client/logd/logger.ts'
import { query as queryLogd } from '../../src/client/logd/query.ts'
import { runCli, startCli } from './harness/cli.ts'
import { count, getJson, ingest, query, queryStream } from './harness/http.ts'
import { childPids, peakResidentBytes } from './harness/processes.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { openTail } from './harness/tail.ts'
import { until } from './harness/wait.ts'

const MIB = 2 ** 20

interface Store {
  kind: string
  rows: number
  droppedEvents: number
  memoryBytes: number
  oldest: string | null
  newest: string | null
}

/** In an empty folder; its data folder would be `data` in it. */
async function start(flags: Record<string, string> = {}): Promise<{ server: TestServer }> {
  const folder = temporaryFolder()
  const server = await startServer({
    dataDir: folder,
    flags: { storage: 'memory', data: join(folder, 'data'), ...flags },
  })
  return { server }
}

async function figures(url: string): Promise<{ store: Store; live: { ringBytes: number; ringBytesMax: number } }> {
  const { json } = await getJson(url, '/api/v1/status')
  return json as unknown as { store: Store; live: { ringBytes: number; ringBytesMax: number } }
}

const at = (second: number): string => new Date(Date.parse('2026-01-05T10:00:00Z') + second * 1000).toISOString()

const SECRETS = { LOGD_WRITE_SECRET: 'gold', LOGD_READ_SECRET: 'bitcoin' }

async function checkRoutes(url: string): Promise<void> {
  const tail = await openTail(url, 'level:error')
  const lines = Array.from({ length: 60 }, (_, second) => ({
    timestamp: at(second),
    service: second % 2 === 0 ? 'shop' : 'auth',
    host: 'web-1',
    source: 'app.log',
    level: second % 10 === 0 ? 'error' : 'info',
    message: `request ${second} took ${second * 3}ms`,
    ms: second * 3,
  }))
  expect(await ingest(url, lines)).toMatchObject({ status: 200, json: { accepted: 60 } })
  // An answer means that it is in memory: there is nothing to wait for.
  expect(await count(url, 'service:shop')).toBe(30)
  expect((await tail.next()).data).toMatchObject({ message: 'request 0 took 0ms', level: 'error' })
  expect((await tail.next()).data).toMatchObject({ message: 'request 10 took 30ms' })
  tail.close()

  const { events } = await query(url, 'ms:>=150 service:auth', 3)
  expect(events.map(({ message }) => message)).toEqual([59, 57, 55].map((n) => `request ${n} took ${n * 3}ms`))
  const { rows } = await query(url, '| stats count() n, max(ms), p50(ms) by service | sort by service')
  expect(rows).toEqual([
    ['auth', 30, 177, 90],
    ['shop', 30, 174, 87],
  ])
  const streamed: unknown[] = []
  for await (const event of queryStream(url, 'level:error')) streamed.push(event['message'])
  expect(streamed).toHaveLength(6)
  const csv = await (await fetch(`${url}/api/v1/query?format=csv&query=${encodeURIComponent('| top 1 level')}`)).text()
  expect(csv).toBe('level,count()\r\ninfo,54\r\n')

  const histogram = await getJson(
    url,
    '/api/v1/histogram?interval=20s&start=2026-01-05T10:00:00Z&end=2026-01-05T10:01:00Z',
  )
  expect(histogram.json['buckets']).toEqual(
    [0, 20, 40].map((second) => ({ start: at(second), total: 20, by: { error: 2, info: 18 } })),
  )
  const fields = await getJson(url, '/api/v1/fields')
  expect(fields.json).toMatchObject({ approximate: false })
  expect(fields.json['fields']).toContainEqual({ name: 'ms', count: 60, kind: 'attribute' })
  const values = await getJson(url, '/api/v1/fields/service/values?prefix=S')
  expect(values.json['values']).toEqual([{ value: 'shop', count: 30 }])
  const [, middle] = events
  const context = await getJson(url, `/api/v1/context/${String(middle?.['id'])}?before=1&after=1`)
  expect(context.json).toMatchObject({
    before: [{ message: 'request 56 took 168ms' }],
    event: { message: 'request 57 took 171ms' },
    after: [{ message: 'request 58 took 174ms' }],
  })
  const { json: retention } = await getJson(url, '/api/v1/retention')
  expect(retention).toMatchObject({ ageMs: 0, rules: [] })
  const preview = await fetch(`${url}/api/v1/retention/preview`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rules: [] }),
  })
  expect([preview.status, await preview.json()]).toMatchObject([409, { code: 'STORAGE_IN_MEMORY' }])
  expect((await getJson(url, '/readyz')).json).toEqual({ status: 'ready', reasons: [] })
  const store = await until('the figures are those of now', async () => {
    const { store } = await figures(url)
    return store.rows >= 60 && store
  })
  expect(store).toMatchObject({ kind: 'memory', droppedEvents: 0, oldest: at(0) })
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('store_dropped_events_total 0\n')
}

async function checkCommands(url: string): Promise<void> {
  const at = ['--url', url]
  const tail = startCli(['tail', 'service:sent', ...at])
  await until('the tail is open', async () => {
    const { json } = await getJson(url, '/api/v1/status')
    return (json['live'] as { subscribers: number }).subscribers === 1
  })
  expect(await runCli(['send', '--service', 'sent', ...at], 'one\ntwo\n')).toMatchObject({ code: 0 })
  await until('the tail shows both', () => tail.stdout.includes('one') && tail.stdout.includes('two'))
  const found = await runCli(['query', 'service:sent two', '--format', 'ndjson', ...at])
  expect(JSON.parse(found.stdout)).toMatchObject({ service: 'sent', message: 'two' })
  // Figures may be a second old.
  await until('the figures are those of now', async () => (await figures(url)).store.rows >= 2)
  const doctor = await runCli(['doctor', '--storage', 'memory', '--port', '0', ...at])
  expect(doctor.code).toBe(0)
  expect(doctor.stdout.replaceAll(/\s+/g, ' ')).toMatch(/memory alone: \d+ events/)
  expect(doctor.stdout).not.toContain('engine')
}

async function checkLogd({ url, ready }: TestServer): Promise<void> {
  const port = Number((await ready).listeners['logd']?.split(':').at(-1))
  const log = createLogger({ port, secret: SECRETS.LOGD_WRITE_SECRET, key: '/shop/web' })
  log.warn('over UDP')
  const [event] = await until('it is found over HTTP', async () => {
    const { events } = await query(url, 'service:/shop/* level:warn')
    return events.length > 0 && events
  })
  expect(event).toMatchObject({ message: 'over UDP', service: '/shop/web' })
  const found: string[] = []
  const options = { port, secret: SECRETS.LOGD_READ_SECRET, query: { keyPrefix: '/shop' } }
  for await (const message of queryLogd(options)) found.push(message.text)
  expect(found).toEqual(['over UDP'])
  await log.close()
}

/** What is submitted is there once, in its page and its counts. */
async function checkEventLog(url: string): Promise<void> {
  const logged = { facility: 'till', timestamp: new Date(Date.now() - 3_600_000).toISOString(), level: 'error' }
  const submit = async (events: readonly object[]): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/v1/eventlog`, { method: 'POST', headers, body: JSON.stringify(events) })
    return [response.status, await response.json()]
  }
  const first = { ...logged, event: 'declined' }
  expect(await submit([first])).toMatchObject([201, { repeated: [] }])
  expect(await submit([first, { ...logged, event: 'refunded' }])).toMatchObject([201, { repeated: [0] }])
  const { json } = await getJson(url, '/api/v1/eventstats?since=-2h&by=facility,level')
  expect(json['rows']).toEqual([{ facility: 'till', level: 'error', count: 2 }])
  expect(await count(url, 'service:till')).toBe(2)
  // Of an hour ago: on the page of the minute in which it came, which may not be over yet.
  const page = await fetch(`${url}/api/v1/eventqry/till/${logged.timestamp.slice(0, 16)}`)
  expect([page.status, page.headers.get('tailrace-incomplete')]).toEqual([200, 'true'])
  expect(await page.json()).toMatchObject({ count: 0 })
}

test('every door works, and nothing is written', async () => {
  const folder = temporaryFolder()
  const flags = { storage: 'memory', data: join(folder, 'data'), logd: 'udp://127.0.0.1:0', 'eventlog-grace': '0s' }
  const server = await startServer({ dataDir: folder, flags, env: SECRETS })
  await checkRoutes(server.url)
  await checkCommands(server.url)
  await checkLogd(server)
  await checkEventLog(server.url)
  expect(childPids(server.pid)).toEqual([])
  await server.stop()
  expect(server.stderr).toContain('Storage is memory')
  expect(existsSync(join(folder, 'data'))).toBe(false)
  expect(readdirSync(folder)).toEqual([])
})

test('memory is bounded when five times as much comes, and what made room is counted', async () => {
  const ringsBytesMax = 16 * MIB
  const { server } = await start({ 'live-rings-bytes-max': String(ringsBytesMax) })
  const { url } = server
  const padding = 'x'.repeat(900)
  let accepted = 0
  for (let batch = 0; batch < 90; batch++) {
    const lines = Array.from({ length: 1000 }, (_, n) => ({
      service: `s${n % 40}`,
      message: `${batch * 1000 + n} ${padding}`,
      batch,
    }))
    const answer = await ingest(url, lines)
    expect(answer.status).toBe(200)
    accepted += Number(answer.json['accepted'])
    if (batch % 40 === 39) expect(await count(url, `batch:${batch}`)).toBe(1000)
  }
  expect(accepted).toBe(90_000)
  const { store, live } = await until('the figures are those of now', async () => {
    const found = await figures(url)
    return found.store.rows + found.store.droppedEvents === accepted && found
  })
  expect(live.ringBytes).toBeLessThanOrEqual(ringsBytesMax)
  expect(store.memoryBytes).toBe(live.ringBytes)
  expect(store.rows).toBeGreaterThan(5000)
  expect(await count(url, '')).toBe(store.rows)
  expect(await count(url, 'batch:0')).toBe(0)
  expect(peakResidentBytes(server.pid)).toBeLessThan(400 * MIB)
  await server.stop()
})

test('a tail that resumes after what is gone is told so', async () => {
  const { server } = await start({ 'live-rings-bytes-max': '1MiB' })
  const { url } = server
  await ingest(url, [{ service: 'a', message: 'the first' }])
  const [first] = (await query(url, 'first')).events
  for (let batch = 0; batch < 5; batch++) {
    await ingest(
      url,
      Array.from({ length: 500 }, (_, n) => ({ service: 'a', message: `${batch} ${n} ${'x'.repeat(500)}` })),
    )
  }
  const tail = await openTail(url, '', { cursor: String(first?.['id']) })
  expect(await tail.next()).toMatchObject({
    event: 'incomplete',
    data: { from: expect.stringMatching(/^20.*Z$/) as string },
  })
  const messages: string[] = []
  while (!messages.at(-1)?.startsWith('4 499 ')) messages.push(String((await tail.next()).data['message']))
  expect(messages.length).toBe(await count(url, ''))
  tail.close()
  await server.stop()
})

test('a restart begins anew', async () => {
  const folder = temporaryFolder()
  const env = { TMPDIR: folder }
  const options = { dataDir: folder, env, flags: { storage: 'memory', data: join(folder, 'data') } }
  const streamFolders = (): string[] => readdirSync(folder).filter((name) => name.startsWith('tailrace-streams-'))
  const server = await startServer(options)
  await ingest(server.url, [{ message: 'soon gone' }])
  const [event] = (await query(server.url, 'gone')).events
  await server.kill9()
  const left = streamFolders()
  expect(left).toHaveLength(1)
  const again = await startServer(options)
  expect(streamFolders()).toHaveLength(1)
  expect(streamFolders()).not.toEqual(left)
  expect(await count(again.url, '')).toBe(0)
  // Another process is another node: a cursor of the one before is not mistaken for its own.
  const resumed = await fetch(`${again.url}/api/v1/tail?cursor=${String(event?.['id'])}`)
  expect([resumed.status, await resumed.json()]).toMatchObject([400, { code: 'CURSOR_INVALID' }])
  await again.stop()
  expect(streamFolders()).toEqual([])
})

test('a store cannot be had as well', async () => {
  const { code, stderr } = await runCli(['serve', '--storage', 'memory', '--store', 'http://127.0.0.1:8123'])
  expect(code).toBe(2)
  expect(stderr).toContain('storage memory uses no store')
})
