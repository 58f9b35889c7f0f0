import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../client/backoff.ts'
import { DeliveryRefused, type Uplink } from '../client/agent/uplink.ts'
import { BatchPool } from '../core/batch-pool.ts'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Sink } from '../core/sink.ts'
import { NS_PER_MS } from '../core/time.ts'
import { createPipeline } from '../pipeline/pipeline.ts'
import { createReceivedClock } from '../pipeline/received.ts'
import { Interpreters } from '../sources/file/interpreter.ts'
import { readLines } from '../sources/file/line-stream.ts'
import { parsePattern } from '../sources/file/pattern.ts'
import { openSpool, type Spool } from '../spool/spool.ts'
import { AUDIT_SERVICE } from './audit.ts'
import { RECEIVED_SAVE_MS } from './node.ts'

export interface InputsOptions {
  stateDir: string
  agent: string
  host: string
  uplink: Uplink
  counters: Counters
  logger: Logger
  spoolBytesMax: number
  lineBytesMax: number
}

const MiB = 1024 * 1024
const BATCH_BYTES = MiB
const LINGER_MS = 50
const FUTURE_SKEW_MAX_NS = 600_000_000_000n
/** What the agent's spool needs of the disk for itself. */
const DISK_FREE_BYTES_MIN = 64 * MiB

/** Inputs that cannot be read again: what they say is on disk before it is delivered. */
export interface Inputs {
  spool: Spool
  /** Resolves when the stream has ended and all of it is on disk. */
  read(input: Readable, service: string): Promise<void>
  /** Runs a command, again and again, until the signal aborts. */
  run(command: string, service: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export async function openInputs(options: InputsOptions): Promise<Inputs> {
  const { stateDir, agent, host, counters, logger, lineBytesMax } = options
  const batches = new BatchPool({ bytesMax: 8 * MiB })
  const spool = await openSpool({
    dir: join(stateDir, 'spool'),
    node: agent,
    store: { load: (request) => load(request, options.uplink) },
    counters,
    logger,
    limits: {
      bytesMax: options.spoolBytesMax,
      diskFreeBytesMin: DISK_FREE_BYTES_MIN,
      flushBytes: 4 * MiB,
      loadBytesMax: 8 * MiB,
      loadIntervalMs: 20,
    },
  })
  const sink = createPipeline({
    spool,
    publish: () => true,
    batches,
    received: createReceivedClock(wallClock, spool.durableThroughNs + BigInt(RECEIVED_SAVE_MS) * NS_PER_MS),
    counters,
    futureSkewMaxNs: FUTURE_SKEW_MAX_NS,
    reservedService: AUDIT_SERVICE,
  })
  const interpreters = new Interpreters(host, lineBytesMax)
  const read = (input: Readable, service: string, source: string): Promise<void> => {
    const pattern = parsePattern({ path: '/', service })
    const interpreter = interpreters.create(source, pattern, 0, Date.now())
    return readLines(input, {
      interpreter,
      sink: patient(sink),
      lineBytesMax,
      batchBytes: BATCH_BYTES,
      lingerMs: LINGER_MS,
    })
  }
  return {
    spool,
    read: (input, service) => read(input, service, 'stdin'),
    async run(command, service, signal) {
      for (let attempt = 0; !signal.aborted; attempt++) {
        const startedMs = performance.now()
        const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
        const stop = (): void => kill(child)
        signal.addEventListener('abort', stop, { once: true })
        const ended = new Promise<string>((resolve) => {
          child.once('error', (error) => resolve(error.message))
          child.once('close', (code, name) => resolve(`ended with ${code ?? name}`))
        })
        await read(child.stdout, service, command.split(/\s+/, 1)[0] ?? command)
        const how = await ended
        signal.removeEventListener('abort', stop)
        if (signal.aborted) return
        if (performance.now() - startedMs > STEADY_MS) attempt = 0
        const waitMs = backoffMs(attempt, Math.random)
        logger.warn({ command, how, againMs: waitMs }, 'The command is started again')
        await delay(waitMs, undefined, { signal }).catch(() => undefined)
      }
    },
    close: () => spool.close(),
  }
}

function wallClock(): bigint {
  return BigInt(Date.now()) * NS_PER_MS
}

/** A command that ran so long works. */
const STEADY_MS = 60_000

/** The whole group: a shell passes signals on to nobody. */
function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  } catch {
    // It has ended already.
  }
}

/** A full spool holds readers up instead of failing. */
function patient(sink: Sink): Sink {
  return {
    hold: () => sink.hold(),
    async write(batch) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await sink.write(batch)
        } catch (error) {
          if (!(error instanceof AppError) || error.code === 'SERVER_CLOSING' || !error.retryable) throw error
          await delay(backoffMs(attempt, Math.random))
        }
      }
    },
  }
}

async function load({ files, token }: { files: readonly string[]; token: string }, uplink: Uplink): Promise<void> {
  const rows = await Promise.all(files.map((path) => readFile(path)))
  try {
    await uplink.deliver(`s-${token}`, rows, true)
  } catch (error) {
    if (error instanceof DeliveryRefused)
      throw new AppError('STORE_DATA_REFUSED', { cause: error, detail: error.message })
    throw error
  }
}
