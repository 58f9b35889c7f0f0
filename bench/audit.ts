import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createSmartAuditClient, invalidReason, unixConnection } from '../src/client/audit/audit.ts'
import { writeRecord } from '../src/wire/audit/encode.ts'
import { MsgpackWriter } from '../src/wire/msgpack/writer.ts'
import { auditRecord } from './audit-record.ts'
import { LineChild } from './child.ts'
import { machine, machineText, row, saveResult } from './report.ts'
import { startServer, type BenchServer } from './server.ts'
import { quantile, table } from './table.ts'

const HELP = `npm run bench -- audit [flags]
  --records 1000000  through a unix socket to the server
  --queue 2048       of the client
  --plain            without acknowledgements: durable is what the server says is stored
  --only server      server or pieces (the client alone)
  --profile <folder> write a CPU profile of the server there
`
const AGENT = fileURLToPath(new URL('audit-agent.ts', import.meta.url))
const ROUNDS = 25
/** Records of a round. */
const ROUND = 2000
const DIFFERENT = 4096

const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface PiecesResult {
  /** µs of CPU per record. */
  checkUs: number
  encodeUs: number
  sendUs: number
  recordBytes: number
  /** Growth of the heap and of buffers, while an agent reads nothing. */
  stalledBytes: number
}

interface ServerResult {
  records: number
  seconds: number
  refused: number
  stored: number
  clientCpuUs: number
  serverCpuUs: number
  engineCpuUs: number
  serverPeakBytes: number
}

/** What a record costs its sender, and how many a second the server makes durable. */
export async function benchAudit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      records: { type: 'string', default: '1000000' },
      queue: { type: 'string', default: '2048' },
      plain: { type: 'boolean', default: false },
      only: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.only !== undefined && !['server', 'pieces'].includes(values.only))) {
    process.stdout.write(HELP)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-audit-'))
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  try {
    if (values.only !== 'server') {
      const pieces = await measurePieces(join(folder, 'agent.sock'))
      result['pieces'] = pieces
      say(`${piecesTable(pieces)}\n`)
    }
    if (values.only !== 'pieces') {
      const path = join(folder, 'server.sock')
      const options = { records: Number(values.records), queueSize: Number(values.queue), isPlain: values.plain }
      const measured = await runServer(path, options, values.profile)
      result['server'] = measured
      say(`${serverTable(measured)}\n`)
      if (measured.stored !== measured.records) process.exitCode = 1
    }
    say(`written to ${saveResult('audit', result)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** µs of CPU of this process for each of so many. */
function costUs(count: number, work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function measurePieces(path: string): Promise<PiecesResult> {
  const records = Array.from({ length: DIFFERENT }, (_, number) => auditRecord(number))
  const each = (work: (number: number) => void): void => {
    for (let number = 0; number < ROUND; number++) work(number % DIFFERENT)
  }
  const writer = new MsgpackWriter(256 * 1024)
  const rounds = { check: [] as number[], encode: [] as number[], send: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    rounds.check.push(costUs(ROUND, () => each((number) => void invalidReason(records[number] ?? auditRecord(0)))))
    rounds.encode.push(costUs(ROUND, () => each((number) => writeRecord(writer, records[number] ?? auditRecord(0), 1))))
  }
  const agent = new LineChild(process.execPath, ['--import', 'tsx', AGENT, path])
  await agent.read<{ ready: boolean }>()
  const client = createSmartAuditClient(unixConnection(path), { queueSize: 4 * ROUND })
  for (let round = 0; round < ROUNDS; round++) {
    rounds.send.push(costUs(ROUND, () => each((number) => void client.send(records[number] ?? auditRecord(0)))))
    while (client.stats().queue > 0) await new Promise(setImmediate)
  }
  await client.close()
  await agent.stop()
  const recordBytes = writer.at - writer.start
  return {
    checkUs: quantile(rounds.check, 0.5),
    encodeUs: quantile(rounds.encode, 0.5),
    sendUs: quantile(rounds.send, 0.5),
    recordBytes,
    stalledBytes: await measureStalled(),
  }
}

/** What is left after it is really in use. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** An agent that is there and reads nothing. */
async function measureStalled(): Promise<number> {
  const connection = {
    kind: 'stalled',
    connect: () => Promise.resolve(),
    write: () => new Promise<void>(() => undefined),
    close: () => Promise.resolve(),
  }
  const client = createSmartAuditClient(connection, { answerTimeoutMs: 600_000 })
  const record = auditRecord(1)
  const fill = async (): Promise<number> => {
    for (let number = 0; number < 100_000; number++) {
      client.send(record)
      if (number % 1000 === 0) await new Promise(setImmediate)
    }
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = await fill()
  const after = await fill()
  await client.close({ timeoutMs: 0 })
  return after - before
}

async function runServer(
  path: string,
  options: { records: number; queueSize: number; isPlain: boolean },
  profileFolder: string | undefined,
): Promise<ServerResult> {
  const server = await startServer({ flags: ['--forward', `unix://${path}`], profileFolder })
  try {
    const { version, store } = await server.status()
    say(`tailrace ${version} on ${machineText(machine(), store.version)}\n`)
    return await measureServer(server, path, options)
  } finally {
    await server.stop()
  }
}

async function measureServer(
  server: BenchServer,
  path: string,
  { records, queueSize, isPlain }: { records: number; queueSize: number; isPlain: boolean },
): Promise<ServerResult> {
  const client = createSmartAuditClient(unixConnection(path), { queueSize, acknowledge: !isPlain })
  const different = Array.from({ length: DIFFERENT }, (_, number) => auditRecord(number))
  const before = server.figures()
  const cpu = process.cpuUsage()
  const from = performance.now()
  for (let number = 0; number < records; number++) {
    const record = different[number % DIFFERENT] ?? auditRecord(number)
    if (!client.send(record).queued) await client.send(record, {})
  }
  await client.close({ timeoutMs: 600_000 })
  if (isPlain) for (; (await taken(server)) < records;) await new Promise((resolve) => setTimeout(resolve, 20))
  const seconds = (performance.now() - from) / 1000
  const used = process.cpuUsage(cpu)
  const stored = await taken(server)
  const after = server.figures()
  const per = (cpuSeconds: number): number => (cpuSeconds * 1e6) / records
  return {
    records,
    seconds,
    refused: client.stats().refused.timeout,
    stored,
    clientCpuUs: (used.user + used.system) / records,
    serverCpuUs: per(after.server.cpuSeconds - before.server.cpuSeconds),
    engineCpuUs: per(after.engine.cpuSeconds - before.engine.cpuSeconds),
    serverPeakBytes: after.server.peakResidentBytes,
  }
}

/** Records that the server has made durable. */
async function taken(server: BenchServer): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', server.url))).text()
  const value = (name: string): number =>
    Number(new RegExp(`^\\w*${name}(?:\\{source="forward"\\})? (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0)
  return value('ingest_events_total') - value('audit_heartbeats_total')
}

function piecesTable({ checkUs, encodeUs, sendUs, recordBytes, stalledBytes }: PiecesResult): string {
  return table([
    [`one record of ${recordBytes} bytes`, 'measured', 'target', 'reached'],
    row('check', checkUs, 'µs'),
    row('encode', encodeUs, 'µs', { limit: 2.5 }),
    row('send() with a running agent, the socket included', sendUs, 'µs', { limit: 3 }),
    row('memory for 100,000 more records to an agent that reads nothing', stalledBytes / 1024 / 1024, 'MiB', {
      limit: 1,
    }),
  ])
}

function serverTable(result: ServerResult): string {
  return table([
    ['through a unix socket to the server', 'measured', 'target', 'reached'],
    row('records', result.records, ''),
    row('durable', result.stored, 'records', { limit: result.records, isMin: true }),
    row('over', result.seconds, 's'),
    row('rate, durable', result.records / result.seconds, 'records/s', { limit: 80_000, isMin: true }),
    row('CPU client', result.clientCpuUs, 'µs/record'),
    row('CPU server', result.serverCpuUs, 'µs/record'),
    row('CPU engine meanwhile', result.engineCpuUs, 'µs/record'),
    row('peak resident, server', result.serverPeakBytes / 1024 / 1024, 'MiB'),
  ])
}
