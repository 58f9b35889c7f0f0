import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LOG_FORMATS, type LogFormat, writeLog } from './agent-logs.ts'
import { type BenchAgent, startAgent, startNullServer } from './agent-process.ts'
import type { ReaderReport, ReaderTask } from './agent-reader.ts'
import { measureLongLine, measureManyFiles } from './agent-scale.ts'
import { measureTail } from './agent-tail.ts'
import { LineChild } from './child.ts'
import { processMemory } from './process-figures.ts'
import { machine, machineText, row, saveResult } from './report.ts'
import { type BenchServer, startServer } from './server.ts'
import { table } from './table.ts'

const HELP = `npm run bench -- agent [flags]
  --megabytes 200     of each format
  --ship 400          megabytes that go through to a server
  --line 1000         megabytes of the single line
  --files 2000,10000  files that lie still
  --idle 20           seconds of that
  --lines 100         watched in a tail, of each kind
  --only read         read, ship, mixed, many, line, tail or start
`
const READER = fileURLToPath(new URL('agent-reader.ts', import.meta.url))
const MB = 1_000_000
const MiB = 1024 * 1024
const STARTS = 5
/** Other listeners are not of interest, and their ports may be taken. */
const QUIET = ['--logd', 'off', '--forward', 'off', '--livestream-put', 'off', '--livestream-get', 'off']
const PEAK = { limit: (120 * MB) / MiB }

const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Extent {
  folder: string
  megabytes: number
  ship: number
  line: number
  files: readonly number[]
  idle: number
  lines: number
}

/** Rows of the table, and what is written to the file of results. */
interface Part {
  rows: string[][]
  figures: unknown
}

const PARTS: Readonly<Record<string, (extent: Extent) => Promise<Part>>> = {
  start: measureStart,
  read: measureRead,
  mixed: measureMixed,
  ship: measureShip,
  line: measureLine,
  many: measureMany,
  tail: measureTailing,
}

/** The agent from outside: how fast it reads and ships, what it costs while nothing happens, how late a line is. */
export async function benchAgent(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      megabytes: { type: 'string', default: '200' },
      ship: { type: 'string', default: '400' },
      line: { type: 'string', default: '1000' },
      files: { type: 'string', default: '2000,10000' },
      idle: { type: 'string', default: '20' },
      lines: { type: 'string', default: '100' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.only !== undefined && !(values.only in PARTS))) return void process.stdout.write(HELP)
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  const rows: string[][] = [['agent', 'measured', 'target', 'reached']]
  say(`${machineText(machine(), null)}\n`)
  for (const [name, measure] of Object.entries(PARTS)) {
    if (values.only !== undefined && values.only !== name) continue
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-logs-'))
    try {
      const part = await measure({
        folder,
        megabytes: Number(values.megabytes),
        ship: Number(values.ship),
        line: Number(values.line),
        files: values.files.split(',').map(Number),
        idle: Number(values.idle),
        lines: Number(values.lines),
      })
      result[name] = part.figures
      rows.push(...part.rows)
      process.stderr.write(`${name} `)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  say(`\n${table(rows)}\n`)
  say(`written to ${saveResult('agent', result)}`)
}

/** How long until it is ready, and what it takes without anything to do. */
async function measureStart({ folder }: Extent): Promise<Part> {
  writeLog(join(folder, 'a.log'), 'text', 1000, 1)
  const server = await startNullServer()
  const seconds: number[] = []
  let memory = { ownBytes: 0, fileBytes: 0 }
  for (let start = 0; start < STARTS; start++) {
    const agent = await startAgent(server.url, [join(folder, '*.log')])
    await agent.caughtUp()
    await wait(500)
    seconds.push(agent.readySeconds)
    memory = processMemory(agent.pid)
    await agent.stop()
  }
  server.close()
  const best = Math.min(...seconds)
  return {
    figures: { seconds, ...memory },
    rows: [
      row('start until ready, best of 5', best * 1000, 'ms'),
      row('  resident then: its own', memory.ownBytes / MiB, 'MiB'),
      row('  and of the program and its libraries', memory.fileBytes / MiB, 'MiB'),
    ],
  }
}

/** Source `file` in a process of its own, which throws away what is delivered. */
async function measureRead({ folder, megabytes }: Extent): Promise<Part> {
  const figures: Partial<Record<LogFormat, ReaderReport>> = {}
  const rows: string[][] = []
  for (const format of LOG_FORMATS) {
    mkdirSync(join(folder, format))
    writeLog(join(folder, format, `${format}.log`), format, megabytes * MB, 7)
    const task: ReaderTask = { glob: join(folder, format, '*.log'), stateDir: join(folder, `${format}-state`) }
    const child = new LineChild(process.execPath, ['--import', 'tsx', READER, JSON.stringify(task)])
    const report = await child.read<ReaderReport>()
    await child.stop()
    figures[format] = report
    rows.push(
      row(`read: ${format}`, report.bytes / MB / report.seconds, 'MB/s', { limit: 150, isMin: true }),
      row('  CPU', report.cpuSeconds / (report.bytes / 1e9), 's/GB'),
    )
    rmSync(join(folder, format), { recursive: true })
  }
  return { figures, rows }
}

/** All formats at once, over HTTP to a server that keeps nothing: what the agent takes itself. */
async function measureMixed({ folder, megabytes }: Extent): Promise<Part> {
  let bytes = 0
  for (const format of LOG_FORMATS)
    bytes += writeLog(join(folder, `${format}.log`), format, (megabytes * MB) / LOG_FORMATS.length, 11)
  const server = await startNullServer()
  const agent = await startAgent(server.url, [join(folder, '*.log')])
  try {
    const seconds = await agent.caughtUp()
    const { peakBytes, ownBytes, fileBytes } = processMemory(agent.pid)
    const cpuSeconds = agent.cpuSeconds()
    return {
      figures: { bytes, seconds, cpuSeconds, peakBytes, ownBytes, fileBytes },
      rows: [
        row('all formats at once, over HTTP', bytes / MB / seconds, 'MB/s'),
        row('  CPU, the start included', cpuSeconds / (bytes / 1e9), 's/GB'),
        row('  peak resident', peakBytes / MiB, 'MiB', PEAK),
      ],
    }
  } finally {
    await agent.stop()
    server.close()
  }
}

/** Plain text through a real agent into a real server, which stores it meanwhile. */
async function measureShip({ folder, ship }: Extent): Promise<Part> {
  const files = 4
  let bytes = 0
  for (let index = 0; index < files; index++)
    bytes += writeLog(join(folder, `${index}.log`), 'text', (ship * MB) / files, index + 1)
  const server = await startServer({ flags: QUIET })
  let agent: BenchAgent | undefined
  try {
    const before = server.figures()
    agent = await startAgent(server.url, [join(folder, '*.log')])
    const seconds = await agent.caughtUp()
    const after = server.figures()
    const { delivered } = await agent.status()
    const { peakBytes, ownBytes, fileBytes } = processMemory(agent.pid)
    const cpu = {
      agent: agent.cpuSeconds(),
      server: after.server.cpuSeconds - before.server.cpuSeconds,
      engine: after.engine.cpuSeconds - before.engine.cpuSeconds,
    }
    const perGB = (cpuSeconds: number): number => cpuSeconds / (bytes / 1e9)
    return {
      figures: { bytes, seconds, delivered, cpu, peakBytes, ownBytes, fileBytes },
      rows: [
        row('through to a server, durable', bytes / MB / seconds, 'MB/s', { limit: 60, isMin: true }),
        row('  CPU agent', perGB(cpu.agent), 's/GB'),
        row('  CPU server', perGB(cpu.server), 's/GB'),
        row('  CPU engine until then', perGB(cpu.engine), 's/GB'),
        row('  peak resident, agent', peakBytes / MiB, 'MiB', PEAK),
      ],
    }
  } finally {
    await agent?.stop()
    await server.stop()
  }
}

async function measureLine({ folder, line }: Extent): Promise<Part> {
  const figures = await measureLongLine(folder, line * MB)
  return {
    figures,
    rows: [
      row(`one line of ${line} MB`, figures.seconds, 's'),
      row('  CPU', figures.cpuSeconds, 's'),
      row('  events it becomes', figures.events, ''),
      row('  peak resident', figures.peakMiB, 'MiB', PEAK),
    ],
  }
}

async function measureMany({ folder, files, idle }: Extent): Promise<Part> {
  const figures = []
  const rows: string[][] = []
  for (const count of files) {
    const many = await measureManyFiles(join(folder, String(count)), count, idle)
    figures.push(many)
    rows.push(
      row(`${many.files} files: looked at after`, many.scanSeconds, 's'),
      row('  all delivered after', many.readSeconds, 's'),
      row('  files open then', many.openFiles, ''),
      row('  peak resident', many.peakMiB, 'MiB', PEAK),
      row('  CPU while they lie still', many.idlePercent, '%', count <= 2000 ? { limit: 1 } : undefined),
    )
  }
  return { figures, rows }
}

async function measureTailing({ folder, lines }: Extent): Promise<Part> {
  const server: BenchServer = await startServer({ flags: QUIET })
  try {
    const figures = await measureTail(server, folder, lines)
    const rows = figures.flatMap(({ kind, p50Ms, p99Ms }) => [
      row(`a new line (${kind}) in tailrace tail, p50`, p50Ms, 'ms'),
      row('  p99', p99Ms, 'ms', { limit: 300 }),
    ])
    return { figures, rows }
  } finally {
    await server.stop()
  }
}
