import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Uplink } from '../client/agent/uplink.ts'
import { backoffMs } from '../client/backoff.ts'
import { SPOOLED_DELIVERY } from '../core/agent.ts'
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
import { Command } from './agent-commands.ts'
import type { AgentListeners } from './agent-listeners.ts'
import type { AgentSyslogSettings } from './agent-syslog.ts'
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

/** One input other than files, as `agent status` shows it. */
export interface InputStatus {
  kind: 'stdin' | 'exec' | 'syslog'
  name: string
  /** On disk, since the start. */
  events: number
  /** What could not be taken, by reason. */
  rejected: Record<string, number>
  /** What is wrong with it now. */
  note: string | null
}

/** Inputs that cannot be read again: what they say is on disk before it is delivered. */
export class Inputs {
  readonly spool: Spool
  readonly #options: InputsOptions
  readonly #sink: Sink
  readonly #batches: BatchPool
  readonly #interpreters: Interpreters
  readonly #stopping = new AbortController()
  readonly #commands: Command[] = []
  readonly #statuses: (() => InputStatus)[] = []
  #listeners: AgentListeners | undefined

  private constructor(options: InputsOptions, spool: Spool) {
    this.#options = options
    this.spool = spool
    this.#batches = new BatchPool({ bytesMax: 8 * MiB })
    this.#interpreters = new Interpreters(options.host, options.lineBytesMax)
    this.#sink = createPipeline({
      spool,
      publish: () => true,
      batches: this.#batches,
      received: createReceivedClock(wallClock, spool.durableThroughNs + BigInt(RECEIVED_SAVE_MS) * NS_PER_MS),
      counters: options.counters,
      futureSkewMaxNs: FUTURE_SKEW_MAX_NS,
      reservedService: AUDIT_SERVICE,
    })
  }

  static async open(options: InputsOptions): Promise<Inputs> {
    const { stateDir, agent, counters, logger, uplink, spoolBytesMax } = options
    const spool = await openSpool({
      dir: join(stateDir, 'spool'),
      node: agent,
      store: { load: (request) => load(request, uplink) },
      counters,
      logger,
      limits: {
        bytesMax: spoolBytesMax,
        diskFreeBytesMin: DISK_FREE_BYTES_MIN,
        flushBytes: 4 * MiB,
        loadBytesMax: 8 * MiB,
        loadIntervalMs: 20,
      },
    })
    return new Inputs(options, spool)
  }

  /** Of those that are open, and what is counted of each. */
  status(): InputStatus[] {
    return this.#statuses.map((status) => status())
  }

  /** Resolves when the stream has ended and all of it is on disk. */
  readStdin(input: Readable, service: string): Promise<void> {
    const events = this.#counted({ kind: 'stdin', name: 'standard input' })
    return this.#read(input, { service, source: 'stdin', events })
  }

  /** Runs a command, again and again, until it is closed. */
  run(command: string, service: string): Promise<void> {
    const source = command.split(/\s+/, 1)[0] ?? command
    const events = this.#counted({ kind: 'exec', name: command }, () => running.note)
    const running = new Command({
      command,
      read: (output) => this.#read(output, { service, source, events }),
      logger: this.#options.logger,
    })
    this.#commands.push(running)
    return running.run()
  }

  /** Takes syslog. Resolves with where. Rejects with LISTEN_FAILED, CONFIG_INVALID. */
  async listen(settings: AgentSyslogSettings): Promise<readonly string[]> {
    const { counters, logger, host } = this.#options
    const { openAgentListeners } = await import('./agent-listeners.ts')
    const listeners = await openAgentListeners({
      settings,
      sink: this.#sink,
      batches: this.#batches,
      counters,
      logger,
      clock: wallClock,
      hostname: host,
    })
    this.#listeners = listeners
    this.#statuses.push(() => ({
      kind: 'syslog',
      name: listeners.addresses.join(', '),
      events: counters.total('ingest_events_total', { source: 'syslog' }),
      rejected: rejectedOf(counters, 'syslog'),
      note: null,
    }))
    return listeners.addresses
  }

  /** Takes nothing more, and delivers what is on disk for so long. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([this.#listeners?.close(), ...this.#commands.map((command) => command.stop())])
    this.#stopping.abort()
    await this.emptied(AbortSignal.timeout(graceMs)).catch(() => undefined)
  }

  /** Resolves when nothing waits to be delivered. Rejects with the reason of the abort. */
  async emptied(signal: AbortSignal): Promise<void> {
    await this.spool.waitStored(this.spool.durableThroughNs, signal)
  }

  /** Once nothing is delivered any more. */
  close(): Promise<void> {
    return this.spool.close()
  }

  #counted({ kind, name }: Pick<InputStatus, 'kind' | 'name'>, note: () => string | null = () => null): Count {
    const count = { events: 0 }
    this.#statuses.push(() => ({ kind, name, events: count.events, rejected: {}, note: note() }))
    return count
  }

  #read(input: Readable, { service, source, events }: { service: string; source: string; events: Count }) {
    const { lineBytesMax } = this.#options
    const pattern = parsePattern({ path: '/', service })
    return readLines(input, {
      interpreter: this.#interpreters.create(source, pattern, 0, Date.now()),
      sink: patient(this.#sink, this.#stopping.signal, events),
      lineBytesMax,
      batchBytes: BATCH_BYTES,
      lingerMs: LINGER_MS,
    })
  }
}

interface Count {
  events: number
}

function wallClock(): bigint {
  return BigInt(Date.now()) * NS_PER_MS
}

/** A full spool holds readers up instead of failing. */
function patient(sink: Sink, signal: AbortSignal, count: Count): Sink {
  return {
    hold: () => sink.hold(),
    async write(batch) {
      const { rows } = batch
      for (let attempt = 0; ; attempt++) {
        try {
          await sink.write(batch)
          count.events += rows
          return
        } catch (error) {
          const isOver = signal.aborted || !(error instanceof AppError) || error.code === 'SERVER_CLOSING'
          if (isOver || !error.retryable) throw error
          await delay(backoffMs(attempt, Math.random), undefined, { signal })
        }
      }
    },
  }
}

async function load({ files, token }: { files: readonly string[]; token: string }, uplink: Uplink): Promise<void> {
  const rows = await Promise.all(files.map((path) => readFile(path)))
  await uplink.deliver(`${SPOOLED_DELIVERY}${token}`, rows, true)
}

function rejectedOf(counters: Counters, source: string): Record<string, number> {
  const rejected: Record<string, number> = {}
  for (const { name, labels, value } of counters.samples()) {
    if (name === 'syslog_kernel_dropped_total' && value > 0) rejected['kernel'] = value
    if (name !== 'ingest_rejected_total' || labels['source'] !== source || value === 0) continue
    rejected[labels['reason'] ?? 'other'] = value
  }
  return rejected
}
