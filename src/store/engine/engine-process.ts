/**
 * One life of the engine: writes its config, spawns it in its own process group with a pipe that keeps it alive,
 * waits until it answers, reports why it ended. `engine.ts` decides what follows.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../core/errors.ts'
import {
  GATE_HEADER,
  READER_NAME,
  engineConfigXml,
  engineUsersXml,
  type EngineConfigOptions,
  type EngineMemory,
} from './engine-config.ts'

const OUTPUT_BYTES_MAX = 64 * 1024
const READY_POLL_MS = 15

/** How to talk to a running engine. */
export interface EngineEndpoint {
  url: string
  headers: Record<string, string>
  reader: { username: string; password: string }
  pid: number
}

export interface EngineProcessOptions {
  /** Folder of this engine: `data/` is ClickHouse's own, `run-…/` holds config and output of one life. */
  folder: string
  library: string
  memory: EngineMemory
  mergeThreads: number
  /** Further elements of the config and arguments of the command line: how tests build a cluster. */
  extraXml?: string
  extraArguments?: readonly string[]
}

export interface EngineEnd {
  code: number | null
  signal: string | null
  /** The last lines it wrote. */
  output: string
}

export class EngineProcess {
  readonly endpoint: EngineEndpoint
  /** Resolves when the process is gone, however that came about. */
  readonly ended: Promise<EngineEnd>
  readonly #child: ChildProcess
  readonly #runFolder: string

  private constructor(child: ChildProcess, endpoint: EngineEndpoint, runFolder: string) {
    this.#child = child
    this.#runFolder = runFolder
    this.endpoint = endpoint
    this.ended = new Promise((resolve) => {
      const finish = (code: number | null, signal: string | null, extra = ''): void => {
        resolve({ code, signal, output: extra + readOutput(runFolder) })
      }
      child.once('exit', (code, signal) => finish(code, signal))
      child.once('error', (error) => finish(null, null, error.message))
    })
    // The pipe breaks when the engine dies first; `ended` tells that already.
    child.stdin?.on('error', () => undefined)
  }

  static async spawn(options: EngineProcessOptions): Promise<EngineProcess> {
    const runFolder = join(options.folder, `run-${randomBytes(6).toString('hex')}`)
    mkdirSync(runFolder, { recursive: true, mode: 0o700 })
    mkdirSync(join(options.folder, 'data'), { recursive: true, mode: 0o700 })
    const port = await freePort()
    const config: EngineConfigOptions = {
      memory: options.memory,
      mergeThreads: options.mergeThreads,
      gate: randomBytes(24).toString('hex'),
      readerPassword: randomBytes(24).toString('hex'),
      usersPath: join(runFolder, 'users.xml'),
      logPath: join(options.folder, 'engine.log'),
      ...(options.extraXml === undefined ? {} : { extraXml: options.extraXml }),
    }
    const configPath = join(runFolder, 'config.xml')
    writeFileSync(configPath, engineConfigXml(config), { mode: 0o600 })
    writeFileSync(config.usersPath, engineUsersXml(config), { mode: 0o600 })
    const child = spawnEngine(options, runFolder, configPath, port)
    const endpoint = {
      url: `http://127.0.0.1:${port}`,
      headers: { [GATE_HEADER]: config.gate },
      reader: { username: READER_NAME, password: config.readerPassword },
      pid: child.pid ?? 0,
    }
    return new EngineProcess(child, endpoint, runFolder)
  }

  /** Resolves to true when it answers, to false when it ended before that. */
  async waitReady(): Promise<boolean> {
    for (;;) {
      if (await answers(this.endpoint)) return true
      const isEnded = await Promise.race([delay(READY_POLL_MS, false), this.ended.then(() => true)])
      if (isEnded) return false
    }
  }

  /** Closes the pipe, waits, and kills the process group when `graceMs` have passed. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.kill(), graceMs)
    await this.ended
    clearTimeout(timer)
    rmSync(this.#runFolder, { recursive: true, force: true })
  }

  /** Ends it at once, with everything it started. */
  kill(): void {
    const pid = this.#child.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It is gone already: that is what was wanted.
    }
  }

  /** Removes what former lives left behind. Call only while this one holds the folder. */
  removeOldRuns(folder: string): void {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (name.startsWith('run-') && path !== this.#runFolder) rmSync(path, { recursive: true, force: true })
    }
  }

  removeRun(): void {
    rmSync(this.#runFolder, { recursive: true, force: true })
  }
}

function spawnEngine(options: EngineProcessOptions, runFolder: string, configPath: string, port: number): ChildProcess {
  const output = openSync(join(runFolder, 'output.log'), 'a', 0o600)
  try {
    return spawn(
      process.execPath,
      [
        ...entryArguments(),
        options.library,
        'clickhouse',
        `--config-file=${configPath}`,
        `--path=${join(options.folder, 'data')}`,
        `--http_port=${port}`,
        '--listen_host=127.0.0.1',
        '--log-level=error',
        ...(options.extraArguments ?? []),
        '--query',
        `${listenStatements(options)} SELECT * FROM file('-', 'LineAsString', 'l String') FORMAT Null`,
      ],
      {
        cwd: runFolder,
        detached: true,
        stdio: ['pipe', output, output],
        env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '' },
      },
    )
  } finally {
    closeSync(output)
  }
}

function listenStatements(options: EngineProcessOptions): string {
  const hasTcp = options.extraArguments?.some((argument) => argument.startsWith('--tcp_port')) ?? false
  return hasTcp ? 'SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP;' : 'SYSTEM START LISTEN HTTP;'
}

/** The child's entry is the compiled file beside this one, or the source through tsx when this is the source. */
function entryArguments(): string[] {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = fileURLToPath(new URL(isSource ? './engine-main.ts' : './engine-main.js', import.meta.url))
  if (!isSource) return [entry]
  const tsx = createRequire(import.meta.url).resolve('tsx')
  return ['--import', pathToFileURL(tsx).href, entry]
}

async function answers(endpoint: EngineEndpoint): Promise<boolean> {
  return await new Promise((resolve) => {
    // A connection of its own: one kept open would delay the engine's end.
    const request = get(
      `${endpoint.url}/?query=SELECT+1`,
      { headers: endpoint.headers, agent: false, timeout: 2000 },
      (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      },
    )
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

function readOutput(runFolder: string): string {
  try {
    return readFileSync(join(runFolder, 'output.log'), 'utf8').slice(-OUTPUT_BYTES_MAX).trim()
  } catch {
    // Nothing was written, or the folder was removed meanwhile: there is no output to tell.
    return ''
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'))
        else resolve(address.port)
      })
    })
  })
}

export type EndKind = 'locked' | 'port-taken' | 'unavailable' | 'failed'

/** Reads out of the last output why a start failed. */
export function endKind(end: EngineEnd): EndKind {
  if (/Cannot lock file|Another server instance/i.test(end.output)) return 'locked'
  if (/Address already in use/i.test(end.output)) return 'port-taken'
  if (/dlopen|GLIBC|cannot open shared object|Cannot find module/i.test(end.output)) return 'unavailable'
  return 'failed'
}

/** One sentence for people about an end that was not asked for. */
export function endSentence(end: EngineEnd): string {
  const how = end.signal === null ? `with code ${end.code}` : `by signal ${end.signal}`
  const line = end.output.split('\n').findLast((text) => /Exception|Error/.test(text))
  return `The engine ended ${how}${line === undefined ? '' : `: ${line.slice(0, 500)}`}`
}

/** The error for a start that failed for good. */
export function startError(end: EngineEnd, folder: string): AppError {
  const kind = endKind(end)
  if (kind === 'locked') {
    return new AppError('ENGINE_LOCKED', {
      detail: `Another process holds the data folder ${folder}.`,
      hint: 'Stop the other server, or give this one another folder with --data.',
    })
  }
  if (kind === 'unavailable') {
    return new AppError('ENGINE_UNAVAILABLE', {
      detail: endSentence(end),
      hint: 'The engine needs glibc; on other systems use a ClickHouse server with --store https://user@host:8443/database.',
    })
  }
  return new AppError('STORE_UNREACHABLE', { detail: endSentence(end) })
}
