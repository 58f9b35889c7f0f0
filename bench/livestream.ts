import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import { LineChild } from './child.ts'
import type { ReadersOptions, ReadersReport } from './livestream-readers.ts'
import { processFigures, residentBytes } from './process-figures.ts'
import { machine, machineText, saveResult } from './report.ts'
import { startServer, type BenchServer } from './server.ts'
import { table } from './table.ts'

const HELP = `npm run bench -- livestream [flags]
  --megabytes 1000   of the PUT, and of the live reader
  --readers 200      of a stream of 1 MB/s
  --seconds 10       of that
  --idle 10000       readers of a quiet stream
  --only put         put, live, fan-out or idle
`
const READERS = fileURLToPath(new URL('livestream-readers.ts', import.meta.url))
const MB = 1_000_000
const PIECE_BYTES = 256 * 1024

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Streams over loopback into a real server, its memory for storage alone: what they take, and what they cost. */
export async function benchLivestream(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      megabytes: { type: 'string', default: '1000' },
      readers: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '10' },
      idle: { type: 'string', default: '10000' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return void process.stdout.write(HELP)
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  say(`${machineText(machine(), null)}\n`)
  const megabytes = Number(values.megabytes)
  const parts: readonly [string, (server: BenchServer) => Promise<Record<string, number>>][] = [
    ['put', (server) => measurePut(server, megabytes)],
    ['live', (server) => measureLive(server, megabytes)],
    ['fan-out', (server) => measureFanOut(server, Number(values.readers), Number(values.seconds))],
    ['idle', (server) => measureIdle(server, Number(values.idle))],
  ]
  for (const [name, measure] of parts) {
    if (values.only !== undefined && values.only !== name) continue
    const server = await startServer({ flags: ['--storage', 'memory', '--logd', 'off', '--forward', 'off'] })
    try {
      const figures = await measure(server)
      result[name] = figures
      say(`${table([[name, 'figure'], ...Object.entries(figures)])}\n`)
    } finally {
      await server.stop()
    }
  }
  say(`written to ${saveResult('livestream', result)}`)
}

const cpuSeconds = (server: BenchServer): number => server.figures().server.cpuSeconds

interface Put {
  write(bytes: Buffer): Promise<void>
  /** Resolves when it is answered. */
  end(): Promise<void>
}

async function openPut(server: BenchServer, path: string): Promise<Put> {
  const sent = request(new URL(path, server.url), { method: 'PUT' })
  sent.flushHeaders()
  const answered = new Promise<void>((resolve, reject) => {
    sent.once('response', (response) => {
      response.resume()
      if (response.statusCode === 201) resolve()
      else reject(new Error(`PUT was answered ${response.statusCode}`))
    })
    sent.once('error', reject)
  })
  answered.catch(() => undefined)
  return {
    async write(bytes) {
      if (!sent.write(bytes)) await new Promise<void>((resolve) => void sent.once('drain', resolve))
    },
    end() {
      sent.end()
      return answered
    },
  }
}

function linesOf(bytes: number): Buffer {
  const line = '2026-11-28T09:00:00.123Z INFO worker 17 did something useful with item 4711 in 12 ms\n'
  return Buffer.from(line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes))
}

async function measurePut(server: BenchServer, megabytes: number): Promise<Record<string, number>> {
  const figures: Record<string, number> = {}
  for (const [name, query] of [
    ['without events', '?index=false'],
    ['with events', ''],
  ] as const) {
    const piece = linesOf(PIECE_BYTES)
    const before = cpuSeconds(server)
    const from = performance.now()
    const put = await openPut(server, `/streams/put-${query === '' ? 'a' : 'b'}${query}`)
    for (let sent = 0; sent < megabytes * MB; sent += piece.length) await put.write(piece)
    const takenSeconds = (performance.now() - from) / 1000
    await put.end()
    figures[`${name}: MB/s taken`] = megabytes / takenSeconds
    figures[`${name}: MB/s until it is synced`] = megabytes / ((performance.now() - from) / 1000)
    figures[`${name}: MB per CPU second of the server`] = megabytes / (cpuSeconds(server) - before)
  }
  return figures
}

async function measureLive(server: BenchServer, megabytes: number): Promise<Record<string, number>> {
  const put = await openPut(server, '/streams/live?index=false')
  const piece = linesOf(PIECE_BYTES)
  await put.write(piece)
  const readers = await openReaders(server, '/streams/live', 1)
  const before = cpuSeconds(server)
  const from = performance.now()
  for (let sent = 0; sent < megabytes * MB; sent += piece.length) await put.write(piece)
  await put.end()
  const seconds = (performance.now() - from) / 1000
  const report = await readers.report()
  return {
    'MB/s written': megabytes / seconds,
    'MB/s read at the same time': report.bytes / MB / seconds,
    'MB per CPU second of the server': megabytes / (cpuSeconds(server) - before),
  }
}

interface Readers {
  reset(): Promise<void>
  report(): Promise<ReadersReport>
}

async function openReaders(server: BenchServer, path: string, readers: number): Promise<Readers> {
  const options: ReadersOptions = { port: Number(new URL(server.url).port), path, readers }
  const child = new LineChild(process.execPath, ['--import', 'tsx', READERS, JSON.stringify(options)])
  await child.read<{ ready: boolean }>()
  return {
    async reset() {
      child.write('reset')
      await child.read()
    },
    async report() {
      child.write('report')
      const report = await child.read<ReadersReport>()
      await child.stop()
      return report
    },
  }
}

const TICK_MS = 5

async function measureFanOut(server: BenchServer, count: number, seconds: number): Promise<Record<string, number>> {
  const put = await openPut(server, '/streams/fan-out?index=false')
  await put.write(linesOf(1000))
  const readers = await openReaders(server, '/streams/fan-out', count)
  await wait(500)
  await readers.reset()
  const before = cpuSeconds(server)
  const filler = 'x'.repeat(MB / (1000 / TICK_MS) - 16)
  const from = performance.now()
  let sent = 0
  for (let tick = 1; (tick - 1) * TICK_MS < seconds * 1000; tick++) {
    const bytes = Buffer.from(`@${Date.now()} ${filler}\n`)
    sent += bytes.length
    await put.write(bytes)
    const restMs = from + tick * TICK_MS - performance.now()
    if (restMs > 0) await wait(restMs)
  }
  const elapsedSeconds = (performance.now() - from) / 1000
  await wait(300)
  const cpu = (cpuSeconds(server) - before) / elapsedSeconds
  const report = await readers.report()
  await put.end()
  return {
    'MB/s written': sent / MB / elapsedSeconds,
    'MB/s read by all': report.bytes / MB / elapsedSeconds,
    '% of a core': cpu * 100,
    'delay p50, ms': report.delayMs[0],
    'delay p99, ms': report.delayMs[1],
    'delay max, ms': report.delayMs[2],
  }
}

async function measureIdle(server: BenchServer, count: number): Promise<Record<string, number>> {
  const put = await openPut(server, '/streams/idle?index=false')
  await put.write(linesOf(1000))
  const { pid } = (await server.status()).process
  const before = residentBytes(pid)
  const readers = await openReaders(server, '/streams/idle', count)
  await wait(2000)
  const resident = residentBytes(pid)
  const cpuBefore = cpuSeconds(server)
  await wait(5000)
  const figures = {
    'MB of the server with them': resident / MB,
    'MB of the server before': before / MB,
    'kB for each reader': (resident - before) / 1000 / count,
    '% of a core while nothing happens': ((cpuSeconds(server) - cpuBefore) / 5) * 100,
    'MB at the peak': processFigures(pid).peakResidentBytes / MB,
  }
  await readers.report()
  await put.end()
  return figures
}
