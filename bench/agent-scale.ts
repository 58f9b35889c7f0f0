/** What many files cost an agent, and a file that is one line. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { logText, writeLongLine } from './agent-logs.ts'
import { startAgent, startNullServer } from './agent-process.ts'
import { openFiles, processMemory } from './process-figures.ts'

const FILES_PER_FOLDER = 100
const FILE_BYTES = 2000
/** Time after everything was read before the agent counts as idle. */
const SETTLE_MS = 2000
const MiB = 1024 * 1024

export interface ManyFiles {
  files: number
  /** From the start of the process until all files were looked at, and until all of them were delivered. */
  scanSeconds: number
  readSeconds: number
  openFiles: number
  peakMiB: number
  /** Of one core. */
  idlePercent: number
}

/** Files that are read once and then lie still. */
export async function measureManyFiles(folder: string, files: number, idleSeconds: number): Promise<ManyFiles> {
  const text = logText('text', FILE_BYTES, files)
  for (let index = 0; index < files; index++) {
    const parent = join(folder, `service-${Math.floor(index / FILES_PER_FOLDER)}`)
    if (index % FILES_PER_FOLDER === 0) mkdirSync(parent, { recursive: true })
    writeFileSync(join(parent, `${index}.log`), `${text.toString('latin1')}${index}\n`)
  }
  const server = await startNullServer()
  const agent = await startAgent(server.url, [join(folder, '**/*.log')])
  try {
    const readSeconds = await agent.caughtUp()
    await wait(SETTLE_MS)
    const before = agent.cpuSeconds()
    const fromMs = performance.now()
    await wait(idleSeconds * 1000)
    const idlePercent = ((agent.cpuSeconds() - before) / ((performance.now() - fromMs) / 1000)) * 100
    return {
      files: (await agent.status()).files.length,
      scanSeconds: agent.readySeconds,
      readSeconds,
      openFiles: openFiles(agent.pid),
      peakMiB: processMemory(agent.pid).peakBytes / MiB,
      idlePercent,
    }
  } finally {
    await agent.stop()
    server.close()
  }
}

export interface LongLine {
  bytes: number
  seconds: number
  cpuSeconds: number
  peakMiB: number
  events: number
}

export async function measureLongLine(folder: string, bytes: number): Promise<LongLine> {
  mkdirSync(folder, { recursive: true })
  writeLongLine(join(folder, 'long.log'), bytes)
  const server = await startNullServer()
  const agent = await startAgent(server.url, [join(folder, '*.log')])
  try {
    const seconds = await agent.caughtUp()
    return {
      bytes,
      seconds,
      cpuSeconds: agent.cpuSeconds(),
      peakMiB: processMemory(agent.pid).peakBytes / MiB,
      events: (await agent.status()).delivered,
    }
  } finally {
    await agent.stop()
    server.close()
  }
}
