import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEventLogger } from '../src/client/eventlog/eventlog.ts'
import { LineChild } from './child.ts'
import type { EventlogSenderOptions, EventlogSenderReport } from './eventlog-sender.ts'
import { machine, machineText, row, saveResult } from './report.ts'
import { startServer, type BenchServer } from './server.ts'
import { quantile, table } from './table.ts'

const HELP = `npm run bench -- eventlog [flags]
  --seconds 10     of each load
  --only single    single, paced, batches, page or client
`
const PARTS = ['single', 'paced', 'batches', 'page', 'client']
const SENDER = fileURLToPath(new URL('eventlog-sender.ts', import.meta.url))
const PAGE_EVENTS = 30_000
const PAGE_READS = 20
const CALLS = 100_000

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** How fast the event log takes events, gives its pages, and what a call of its client costs. */
export async function benchEventlog(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.only !== undefined && !PARTS.includes(values.only))) {
    process.stdout.write(HELP)
    return
  }
  const wants = (part: string): boolean => values.only === undefined || values.only === part
  const seconds = Number(values.seconds)
  const server = await startServer()
  const rows: string[][] = [['event log', 'measured', 'target', 'reached']]
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  try {
    const { version, store } = await server.status()
    say(`tailrace ${version} on ${machineText(machine(), store.version)}\n`)
    await untilTaken(server.url)
    if (wants('single')) {
      const load = await measure(server, { connections: 256, eventsPerRequest: 1, seconds, requestsPerSecond: 0 })
      result['single'] = load
      rows.push(
        row('one event a request', load.eventsPerSecond, 'events/s', { limit: 8000, isMin: true }),
        row('  acknowledged, p99', load.sender.ackMs.p99, 'ms'),
        row('  CPU server', load.serverCpuUs, 'µs/event'),
        row('  CPU engine', load.engineCpuUs, 'µs/event'),
      )
    }
    if (wants('paced')) {
      const load = await measure(server, { connections: 64, eventsPerRequest: 1, seconds, requestsPerSecond: 1000 })
      result['paced'] = load
      rows.push(
        row('at 1,000 a second: acknowledged, p50', load.sender.ackMs.p50, 'ms'),
        row('  p99', load.sender.ackMs.p99, 'ms', { limit: 60 }),
      )
    }
    if (wants('batches')) {
      const load = await measure(server, { connections: 8, eventsPerRequest: 1000, seconds, requestsPerSecond: 0 })
      result['batches'] = load
      rows.push(
        row('1,000 events a request', load.eventsPerSecond, 'events/s', { limit: 150_000, isMin: true }),
        row('  CPU server', load.serverCpuUs, 'µs/event'),
        row('  CPU engine', load.engineCpuUs, 'µs/event'),
      )
    }
    if (wants('page')) {
      const page = await measurePage(server)
      result['page'] = page
      rows.push(
        row(`a closed minute of ${PAGE_EVENTS} events, first time`, page.firstMs, 'ms', { limit: 150 }),
        row('  the same, read again', page.warmMs, 'ms'),
        row('  the same, not compressed', page.plainMs, 'ms'),
        row('  again, not modified', page.againMs, 'ms', { limit: 5 }),
      )
    }
    if (wants('client')) {
      const callUs = measureClient()
      result['client'] = { callUs }
      rows.push(row('a call of the client, CPU', callUs, 'µs', { limit: 5 }))
    }
  } finally {
    await server.stop()
  }
  say(`${table(rows)}\n`)
  say(`written to ${saveResult('eventlog', result)}`)
}

const EVENT = { level: 'info', event: 'probe' }

/** The event log takes nothing until it knows what it has. */
async function untilTaken(url: string): Promise<void> {
  for (;;) {
    const response = await submit(url, [{ ...EVENT, facility: 'probe' }])
    if (response.ok) return
    await wait(100)
  }
}

function submit(url: string, events: readonly object[]): Promise<Response> {
  return fetch(new URL('/api/v1/eventlog', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
}

async function measure(server: BenchServer, load: Omit<EventlogSenderOptions, 'url' | 'facility'>) {
  const before = server.figures()
  const options: EventlogSenderOptions = { ...load, url: server.url, facility: `bench-${Date.now()}` }
  const child = new LineChild(process.execPath, ['--import', 'tsx', SENDER, JSON.stringify(options)])
  const sender = await child.read<EventlogSenderReport>()
  await child.stop()
  const after = server.figures()
  const perEvent = (part: 'server' | 'engine'): number =>
    ((after[part].cpuSeconds - before[part].cpuSeconds) / sender.events) * 1e6
  return {
    sender,
    eventsPerSecond: sender.events / sender.seconds,
    serverCpuUs: perEvent('server'),
    engineCpuUs: perEvent('engine'),
  }
}

/** A page of an hour ago: its events come late, so they are of the minute of their arrival, which is waited for. */
async function measurePage(server: BenchServer): Promise<Record<'firstMs' | 'warmMs' | 'plainMs' | 'againMs', number>> {
  const facility = `page-${Date.now()}`
  const nowMs = Date.now()
  // All of them in one minute: not at the end of one.
  if (nowMs % 60_000 > 45_000) await wait(60_000 - (nowMs % 60_000) + 100)
  const minute = new Date().toISOString().slice(0, 16)
  for (let from = 0; from < PAGE_EVENTS; from += 1000) {
    const events = Array.from({ length: 1000 }, (_, index) => ({
      ...EVENT,
      facility,
      timestamp: new Date().toISOString(),
      'user-id': from + index,
      request: { id: `r-${from + index}`, path: `/checkout/${index % 97}` },
    }))
    const response = await submit(server.url, events)
    if (response.status !== 201) throw new Error(`refused: ${response.status} ${await response.text()}`)
  }
  const address = new URL(`/api/v1/eventqry/${facility}/${minute}`, server.url)
  let first = await timed(address)
  while (first.response.status === 425) {
    await wait(Number(first.response.headers.get('retry-after') ?? 1) * 1000)
    first = await timed(address)
  }
  const etag = first.response.headers.get('etag')
  const { events } = JSON.parse(first.text) as { events: unknown[] }
  if (etag === null || events.length !== PAGE_EVENTS) throw new Error(`a page of ${events.length} events, ${etag}`)
  const warmMs = await medianMs(address)
  const plainMs = await medianMs(address, { 'accept-encoding': 'identity' })
  const againMs: number[] = []
  for (let read = 0; read < PAGE_READS; read++) {
    const again = await timed(address, { 'if-none-match': etag })
    if (again.response.status !== 304) throw new Error(`answered ${again.response.status} instead of 304`)
    againMs.push(again.ms)
  }
  return { firstMs: first.ms, warmMs, plainMs, againMs: quantile(againMs, 0.5) }
}

/** Of reads of the whole page. */
async function medianMs(address: URL, headers: Record<string, string> = {}): Promise<number> {
  const ms: number[] = []
  for (let read = 0; read < PAGE_READS; read++) ms.push((await timed(address, headers)).ms)
  return quantile(ms, 0.5)
}

async function timed(address: URL, headers: Record<string, string> = {}) {
  const started = performance.now()
  const response = await fetch(address, { headers })
  const text = await response.text()
  return { response, text, ms: performance.now() - started }
}

/** CPU time of this process for each call, its file system included. */
function measureClient(): number {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-eventlog-'))
  const log = createEventLogger({ url: 'http://127.0.0.1:9', facility: 'bench', dir, sender: false })
  try {
    const call = (n: number): void => {
      if (!log.error('payment declined', { userId: n, order: 'o-1234', amount: 12.5, retry: false })) {
        throw new Error(`an event was refused: ${log.stats().lastError}`)
      }
    }
    for (let n = 0; n < CALLS / 10; n++) call(n)
    const before = process.cpuUsage()
    for (let n = 0; n < CALLS; n++) call(n)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / CALLS
  } finally {
    log.close()
    rmSync(dir, { recursive: true, force: true })
  }
}
