import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import { query } from '../src/client/logd/query.ts'
import type { PacketLayout } from '../src/wire/logd/packet.ts'
import { LineChild } from './child.ts'
import { countersSince, udpCounters, type UdpCounters } from './kernel-drops.ts'
import { measurePieces } from './logd-pieces.ts'
import { floodTable, piecesTable } from './logd-report.ts'
import type { LogdSenderOptions, LogdSenderReport } from './logd-sender.ts'
import { machine, machineText, saveResult } from './report.ts'
import { startServer, type BenchServer } from './server.ts'
import { quantile } from './table.ts'

const HELP = `npm run bench -- logd [flags]
  --seconds 30       of sending
  --rate 60000       packets a second
  --text-bytes 150   of each message
  --keys 100         that the messages are spread over
  --layout v1        of the packets: v1, v2 or v3
  --queries 20       for the newest 1,000 of a key
  --only flood       flood (with the queries) or pieces (ring and client alone)
  --profile <folder> write a CPU profile of the server there
`
const SENDER = fileURLToPath(new URL('logd-sender.ts', import.meta.url))
const SECRET = 'bench'
const NEWEST = 1000
const STORED_MS_MAX = 120_000

const say = (text: string): void => void process.stdout.write(`${text}\n`)

export interface FloodResult {
  options: Omit<LogdSenderOptions, 'secret'>
  sender: LogdSenderReport
  kernel: UdpCounters
  /** Events that the source has handed on and that are durable. */
  accepted: number
  /** Rows in the store. */
  stored: number
  /** From the first packet until everything that was accepted was stored. */
  storedSeconds: number
  /** By reason, those above 0. */
  dropped: Record<string, number>
  /** µs of CPU per stored event until everything was stored. */
  serverCpuUs: number
  engineCpuUs: number
  serverPeakBytes: number
  eventLoopDelayP99Ms: number | undefined
  query: { found: number; medianMs: number; maxMs: number }
}

/** Signed packets over loopback into a real server, and what the parts cost. */
export async function benchLogd(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '30' },
      rate: { type: 'string', default: '60000' },
      'text-bytes': { type: 'string', default: '150' },
      keys: { type: 'string', default: '100' },
      layout: { type: 'string', default: 'v1' },
      queries: { type: 'string', default: '20' },
      only: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.only !== undefined && !['flood', 'pieces'].includes(values.only))) {
    process.stdout.write(HELP)
    return
  }
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  const textBytes = Number(values['text-bytes'])
  const keys = Number(values.keys)
  if (values.only !== 'pieces') {
    const options = {
      packetsPerSecond: Number(values.rate),
      seconds: Number(values.seconds),
      textBytes,
      keys,
      layout: values.layout as PacketLayout,
    }
    const flood = await runFlood(options, Number(values.queries), values.profile)
    result['flood'] = flood
    say(`${floodTable(flood)}\n`)
    if (flood.stored !== flood.sender.sent) process.exitCode = 1
  }
  if (values.only !== 'flood') {
    const pieces = await measurePieces(textBytes, keys)
    result['pieces'] = pieces
    say(`${piecesTable(pieces)}\n`)
  }
  say(`written to ${saveResult('logd', result)}`)
}

async function runFlood(
  options: Omit<LogdSenderOptions, 'secret' | 'port'>,
  queries: number,
  profileFolder: string | undefined,
): Promise<FloodResult> {
  const server = await startServer({
    flags: ['--logd', 'udp://127.0.0.1:0'],
    env: { LOGD_WRITE_SECRET: SECRET, LOGD_READ_SECRET: SECRET },
    profileFolder,
  })
  try {
    const { version, store } = await server.status()
    say(`tailrace ${version} on ${machineText(machine(), store.version)}\n`)
    const port = Number(/:(\d+)$/.exec(server.listeners['logd'] ?? '')?.[1])
    const sent = { ...options, port }
    const flood = await measureFlood(server, sent)
    return { options: sent, ...flood, query: await measureQueries(port, queries) }
  } finally {
    await server.stop()
  }
}

async function measureFlood(server: BenchServer, options: Omit<LogdSenderOptions, 'secret'>) {
  const args = ['--import', 'tsx', SENDER, JSON.stringify({ ...options, secret: SECRET })]
  const sender = new LineChild(process.execPath, args)
  try {
    await sender.read<{ ready: boolean }>()
    const rowsBefore = (await server.status()).store.rows
    await server.eventLoopDelayMs()
    const before = server.figures()
    const kernelBefore = udpCounters()
    const from = performance.now()
    sender.write('go')
    const report = await sender.read<LogdSenderReport>()
    const eventLoopDelayP99Ms = await server.eventLoopDelayMs()
    const stored = (await storedRows(server, rowsBefore + report.sent)) - rowsBefore
    const storedSeconds = (performance.now() - from) / 1000
    const after = server.figures()
    const perPacket = (seconds: number): number => (seconds * 1e6) / Math.max(1, stored)
    const metrics = await metricsOf(server.url)
    return {
      sender: report,
      kernel: countersSince(kernelBefore),
      accepted: samples(metrics, 'ingest_events_total', 'source')['logd'] ?? 0,
      stored,
      storedSeconds,
      dropped: samples(metrics, 'logd_dropped_total', 'reason'),
      serverCpuUs: perPacket(after.server.cpuSeconds - before.server.cpuSeconds),
      engineCpuUs: perPacket(after.engine.cpuSeconds - before.engine.cpuSeconds),
      serverPeakBytes: after.server.peakResidentBytes,
      eventLoopDelayP99Ms,
    }
  } finally {
    await sender.stop()
  }
}

/** Resolves when that many rows are stored, or when nothing is on its way any more. */
async function storedRows(server: BenchServer, wanted: number): Promise<number> {
  const deadline = performance.now() + STORED_MS_MAX
  for (let rowsBefore = -1; ;) {
    const { store, spool } = await server.status()
    const isStill = spool.pendingRows === 0 && store.rows === rowsBefore
    if (store.rows >= wanted || isStill || performance.now() > deadline) return store.rows
    rowsBefore = spool.pendingRows === 0 ? store.rows : -1
    await wait(500)
  }
}

async function metricsOf(url: string): Promise<string> {
  return (await fetch(new URL('/metrics', url))).text()
}

/** Values above 0 of a counter, by one of its labels. */
function samples(metrics: string, name: string, label: string): Record<string, number> {
  const line = new RegExp(`^${name}\\{.*${label}="(\\w+)".*\\} (\\d+)$`, 'gm')
  const found = [...metrics.matchAll(line)].map(([, value = '', count]) => [value, Number(count)] as const)
  return Object.fromEntries(found.filter(([, count]) => count > 0))
}

async function measureQueries(port: number, count: number): Promise<FloodResult['query']> {
  const tookMs: number[] = []
  let found = 0
  for (let i = 0; i < count; i++) {
    // What one address is sent in a second is bounded; the pause lets that fill again.
    await wait(250)
    const from = performance.now()
    found = 0
    for await (const message of query({ port, secret: SECRET, query: { keyPrefix: '/bench/key0', limit: NEWEST } })) {
      found += message.text === '' ? 0 : 1
    }
    tookMs.push(performance.now() - from)
  }
  return { found, medianMs: quantile(tookMs, 0.5), maxMs: quantile(tookMs, 1) }
}
