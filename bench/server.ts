import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LineChild } from './child.ts'
import { descendants, figuresOf, processFigures, type ProcessFigures } from './process-figures.ts'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

/** The parts of GET /api/v1/status that the benchmarks read. */
export interface ServerStatus {
  version: string
  store: { state: string; version: string | null; rows: number; bytesOnDisk: number }
  spool: { pendingRows: number }
  process: { pid: number }
}

export interface BenchServer {
  url: string
  /** Addresses by the name of the source; empty for a server that ran already. */
  listeners: Readonly<Record<string, string>>
  /** True when this benchmark started it on an empty folder. */
  isOwn: boolean
  status(): Promise<ServerStatus>
  /** Of the server process, and of everything it has started: the engine. */
  figures(): { server: ProcessFigures; engine: ProcessFigures }
  /** p99 in ms since the last call. */
  eventLoopDelayMs(): Promise<number | undefined>
  stop(): Promise<void>
}

export interface StartOptions {
  /** More flags for `serve`. */
  flags?: readonly string[]
  /** More variables of its environment. */
  env?: Readonly<Record<string, string>>
  /** Writes a CPU profile of the server into this folder when it ends. */
  profileFolder?: string | undefined
}

export async function startServer({ flags = [], env = {}, profileFolder }: StartOptions = {}): Promise<BenchServer> {
  const data = mkdtempSync(join(tmpdir(), 'tailrace-bench-'))
  const profile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  const args = [...profile, MAIN, 'serve', '--port', '0', '--data', data, '--log-level', 'warn', ...flags]
  const child = new LineChild(process.execPath, args, { ...process.env, ...env })
  const removeData = (): void => rmSync(data, { recursive: true, force: true })
  try {
    const { url, listeners } = await child.read<{ url: string; listeners: Record<string, string> }>()
    const stop = async (): Promise<void> => {
      await child.stop()
      removeData()
    }
    return { ...serverAt(url, child.pid), listeners, isOwn: true, stop }
  } catch (error) {
    await child.stop()
    removeData()
    throw error
  }
}

/** A server that runs already. Its CPU and memory can be told only when it runs on this machine. */
export async function runningServer(url: string): Promise<BenchServer> {
  const { process } = await fetchJson<ServerStatus>(new URL('/api/v1/status', url))
  return { ...serverAt(url, process.pid), listeners: {}, isOwn: false, stop: () => Promise.resolve() }
}

function serverAt(url: string, pid: number): Omit<BenchServer, 'isOwn' | 'stop' | 'listeners'> {
  return {
    url,
    status: () => fetchJson<ServerStatus>(new URL('/api/v1/status', url)),
    figures: () => ({ server: processFigures(pid), engine: figuresOf(descendants(pid)) }),
    async eventLoopDelayMs() {
      const response = await fetch(new URL('/metrics', url))
      const line = /^process_event_loop_delay_seconds\{quantile="0\.99"\} (\S+)$/m.exec(await response.text())
      return line ? Number(line[1]) * 1000 : undefined
    },
  }
}

export async function fetchJson<T>(url: URL): Promise<T> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${text}`)
  return JSON.parse(text) as T
}
