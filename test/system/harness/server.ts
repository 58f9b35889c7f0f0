import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { childPids, isAlive, signal } from './processes.ts'
import { until } from './wait.ts'

/** The built program. `npm test` builds before it tests. */
export const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

const READY_MS_MAX = 60_000
const STOP_MS_MAX = 10_000
const STDERR_CHARACTERS_MAX = 200_000

export interface ServerOptions {
  /** Default: a temporary folder that is removed after the test. */
  dataDir?: string
  /** Without dashes: `{ 'spool-bytes-max': '1MiB' }`. */
  flags?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string>>
  /** A command that starts the command after it: `['unshare', '-rm', …]`. */
  wrapper?: readonly string[]
}

interface ReadyLine {
  ready: boolean
  url: string
  listeners: Record<string, string>
  pid: number
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-system-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Spawns the server and resolves when it has said that it is ready. It is gone when the test is finished. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const server = spawnServer(options)
  await server.ready
  return server
}

/** Spawns the server without waiting. */
export function spawnServer(options: ServerOptions = {}): TestServer {
  const server = launchServer({ ...options, dataDir: options.dataDir ?? temporaryFolder() })
  onTestFinished(() => server.remove())
  return server
}

/** The same for whoever removes the server and its folder afterwards. */
export function launchServer(options: ServerOptions & { dataDir: string }): TestServer {
  if (!existsSync(MAIN)) throw new Error('The program is not built: run `npm run build`')
  const { dataDir } = options
  const flags = Object.entries({ port: '0', data: dataDir, ...options.flags }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ])
  const [command = process.execPath, ...args] = [...(options.wrapper ?? []), process.execPath, MAIN, 'serve', ...flags]
  const child = spawn(command, args, {
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  return new TestServer(child, dataDir)
}

export class TestServer {
  readonly dataDir: string
  readonly pid: number
  /** Resolves with the ready line, rejects when the process ends before it. */
  readonly ready: Promise<ReadyLine>
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  readonly #engines = new Set<number>()
  #stdout = ''
  #stderr = ''
  #url = ''

  constructor(child: ChildProcess, dataDir: string) {
    this.dataDir = dataDir
    this.pid = child.pid ?? 0
    this.ended = new Promise((resolve) => child.once('close', (code, name) => resolve({ code, signal: name })))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS_MAX)
    })
    this.ready = new Promise<ReadyLine>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${why}; it said:\n${this.#stderr}`))
      const timer = setTimeout(() => fail('The server was not ready in time'), READY_MS_MAX)
      child.once('error', (error) => fail(error.message))
      void this.ended.then(({ code, signal: name }) => fail(`The server ended (${code ?? name}) before it was ready`))
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        this.#stdout += text
        if (!this.#stdout.includes('\n')) return
        clearTimeout(timer)
        const line = JSON.parse(this.#stdout.split('\n')[0] ?? '') as ReadyLine
        this.#url = line.url
        resolve(line)
      })
      void this.ended.then(() => clearTimeout(timer))
    })
    // Whoever does not wait for it (a server killed while it starts) does not care how it went.
    this.ready.catch(() => undefined)
  }

  get url(): string {
    return this.#url
  }

  /** Everything it wrote to stdout so far. */
  get stdout(): string {
    return this.#stdout
  }

  /** The last part of what it wrote to stderr. */
  get stderr(): string {
    return this.#stderr
  }

  /** The engine's process id while one runs. */
  enginePids(): number[] {
    const pids = childPids(this.pid)
    for (const pid of pids) this.#engines.add(pid)
    return pids
  }

  engine(): Promise<number> {
    return until('an engine runs', () => this.enginePids()[0])
  }

  /** Kills the server, not its engine, which has to notice by itself. Resolves when the server is gone. */
  async kill9(): Promise<void> {
    this.enginePids()
    signal(this.pid, 'SIGKILL')
    await this.ended
  }

  /** Asks the server to end and resolves when it has. Throws when that took more than 10 s or did not end well. */
  async stop(name: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<void> {
    this.enginePids()
    const startedAt = performance.now()
    signal(this.pid, name)
    const { code } = await this.ended
    const elapsedMs = Math.round(performance.now() - startedAt)
    if (code !== 0 || elapsedMs > STOP_MS_MAX) {
      throw new Error(`The server ended with ${code} after ${elapsedMs} ms; it said:\n${this.#stderr}`)
    }
  }

  /** Ends everything that is left. */
  async remove(): Promise<void> {
    await this.kill9()
    for (const pid of this.#engines) signal(pid, 'SIGKILL')
    await until('the engine is gone', () => ![...this.#engines].some(isAlive))
  }
}
