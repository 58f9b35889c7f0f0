/** The agent: source `file` → HTTP, and other inputs → spool → HTTP. The server's rooms with another end. */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { AgentReplaced, Uplink } from '../client/agent/uplink.ts'
import { PATIENCE } from '../client/backoff.ts'
import type { Connection } from '../client/connection.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { fileSource, type FileSource } from '../sources/file/file.ts'
import { openAgentIdentity } from './agent-identity.ts'
import { Inputs } from './agent-inputs.ts'
import { Refused } from './agent-refused.ts'
import type { AgentSettings } from './agent-settings.ts'
import { type AgentStatusText, serveAgentStatus } from './agent-status.ts'
import { type Explain, Troubles } from './agent-trouble.ts'
import { createClosing, type Closing } from './closing.ts'
import { isLoopback } from '../core/loopback.ts'
import { lockFolder } from './folder-lock.ts'
import { affordableFiles, openFilesMax } from './open-files.ts'

export interface AgentOptions {
  settings: AgentSettings
  /** The servers, the one that is preferred first. */
  connections: readonly Connection[]
  version: string
  logger: Logger
  explain: Explain
  /** Read to its end as well. */
  stdin?: Readable | undefined
  /** Gives up the start when it aborts; from then on `close` ends the agent. */
  signal?: AbortSignal | undefined
}

export interface RunningAgent {
  agent: string
  /** Where syslog is taken. */
  listeners: readonly string[]
  status(): AgentStatusText
  /** Resolves when there is nothing left to do, as only standard input was read; rejects when another took its place. */
  done: Promise<void>
  /** Whether the process would wait for calls that may never return. */
  isHeldUp(): boolean
  /** Delivers what was read, for a while, and ends. */
  close(): Promise<void>
}

/** What all parts of a running agent know. */
interface Parts {
  options: AgentOptions
  agent: string
  counters: Counters
  uplink: Uplink
  troubles: Troubles
  closing: Closing
  /** Aborts when nothing is tried any more. */
  stopping: AbortController
  /** Told that another process has taken its place. */
  fatal: EventTarget
}

const REPORT_MS = 5000
const CLOSE_MS_MAX = 5000
/** The same while nothing can be delivered anyway. */
const FAILING_CLOSE_MS_MAX = 500
/** However soon another server is to take over, a server may take so long for an answer. */
const SILENCE_MS_MIN = 2000

/**
 * Resolves when every file that is there was looked at. Rejects with CONFIG_INVALID, ENGINE_LOCKED, LISTEN_FAILED, or
 * when the signal aborts.
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { settings, signal } = options
  const agent = openAgentIdentity(settings.state)
  const closing = createClosing()
  closing.add(lockFolder(settings.state))
  const parts = openUplink(options, agent, closing)
  const giveUp = (): void => parts.stopping.abort(new Error('The agent stops'))
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    const running = await open(parts)
    signal?.removeEventListener('abort', giveUp)
    return running
  } catch (error) {
    giveUp()
    await closing.run()
    throw signal?.aborted ? new Error('The agent stops', { cause: error }) : error
  }
}

function openUplink(options: AgentOptions, agent: string, closing: Closing): Parts {
  const { settings, connections, logger } = options
  const counters = new Counters()
  const stopping = new AbortController()
  const fatal = new EventTarget()
  const troubles = new Troubles(logger, options.explain)
  const { state: stateDir, refusedBytesMax: bytesMax } = settings
  const refused = new Refused({ stateDir, bytesMax, counters, logger })
  const uplink = new Uplink({
    connections,
    agent,
    run: randomBytes(9).toString('hex'),
    compresses: (url) => settings.gzip === 'on' || (settings.gzip === 'auto' && !isLoopback(new URL(url).hostname)),
    patience: PATIENCE,
    signal: stopping.signal,
    failoverMs: settings.failoverAfter,
    silenceMs: Math.max(SILENCE_MS_MIN, settings.failoverAfter),
    doubtMs: settings.doubtWait,
    returnMs: settings.returnAfter,
    now: () => performance.now(),
    told: {
      failing: (url, error) => troubles.failing(url, error),
      over: (url) => troubles.over(url),
      moved: (from, to) => troubles.moved(from, to),
      refused: (delivery, rows, { message }) => refused.keep(delivery, rows, message),
      replaced: () => fatal.dispatchEvent(new Event('replaced')),
    },
  })
  closing.add(() => uplink.close())
  refused.retry(uplink).catch((err: unknown) => {
    if (!stopping.signal.aborted) logger.warn({ err }, 'What was refused once could not be tried again')
  })
  return { options, agent, counters, uplink, troubles, closing, stopping, fatal }
}

async function open(parts: Parts): Promise<RunningAgent> {
  const { options, agent, closing, fatal, uplink } = parts
  const { settings, stdin } = options
  let files: FileSource | undefined
  const inputs = await openInputs(parts)
  closing.add(() => closeAll(parts, inputs, files))
  const status = (): AgentStatusText => statusOf(parts, inputs, files)
  closing.add(serveAgentStatus(settings.state, status, options.logger))
  closing.add(reports(uplink, status, settings.host))
  const listeners = settings.syslog.length > 0 ? await inputs.listen(settings) : []
  const read = Promise.all([
    ...(stdin ? [inputs.readStdin(stdin, settings.service)] : []),
    ...settings.exec.map(({ command, service = settings.service }) => inputs.run(command, service)),
  ])
  // Whoever waits for the end is told; after it nobody waits.
  read.catch(() => undefined)
  const isReplaced = replaced(fatal, agent)
  isReplaced.catch(() => undefined)
  if (settings.paths.length > 0) files = await Promise.race([openFiles(parts), isReplaced])
  const isOver = settings.paths.length === 0 && listeners.length === 0
  const done = Promise.race([isReplaced, isOver ? read.then(() => inputs.emptied(parts.stopping.signal)) : never(read)])
  done.catch(() => undefined)
  return { agent, listeners, status, done, isHeldUp: () => files?.isHeldUp() ?? false, close: () => closing.run() }
}

async function openFiles({ options, counters, uplink }: Parts): Promise<FileSource> {
  const { settings, logger } = options
  return fileSource.follow({
    patterns: settings.paths,
    stateDir: settings.state,
    sink: {
      wasTaken: (id) => uplink.wasTaken(id),
      async deliver(id, batch) {
        const { rows } = batch
        const refused = counters.total('agent_refused_events_total')
        await uplink.deliver(id, [batch.bytes.subarray(0, batch.length)])
        counters.add(
          'agent_delivered_events_total',
          {},
          rows - (counters.total('agent_refused_events_total') - refused),
        )
      },
      bytesMax: () => uplink.deliveryBytesMax,
    },
    counters,
    logger,
    hostname: settings.host,
    limits: {
      lineBytesMax: settings.lineBytesMax,
      deliveryBytes: settings.deliveryBytes,
      openFilesMax: affordableFiles(settings.openFilesMax, openFilesMax()),
      filesMax: settings.filesMax,
      lingerMs: settings.linger,
      holdMs: settings.multilineWait,
      partialMs: settings.partialWait,
      rotatedMs: settings.rotatedWait,
      rescanMs: settings.rescan,
      pollMs: settings.poll,
      remoteCallMs: settings.remoteWait,
    },
  })
}

function openInputs({ options: { settings, logger }, agent, uplink, counters, stopping }: Parts): Promise<Inputs> {
  const { state, host, spoolBytesMax, lineBytesMax } = settings
  // When it ends, what is not delivered yet fails, which is nothing to tell of.
  const quiet = {
    ...bound(logger),
    warn: (fields: object, text: string) => void (stopping.signal.aborted || logger.warn(fields, text)),
  }
  return Inputs.open({ agent, uplink, counters, stateDir: state, host, logger: quiet, spoolBytesMax, lineBytesMax })
}

function bound(logger: Logger): Logger {
  return {
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
  }
}

/** What was read is delivered for a while; what is left stays where it can be read again. */
async function closeAll({ stopping, uplink }: Parts, inputs: Inputs, files: FileSource | undefined): Promise<void> {
  const isFailing = uplink.servers.some(({ isCurrent, trouble }) => isCurrent && trouble !== undefined)
  const graceMs = isFailing ? FAILING_CLOSE_MS_MAX : CLOSE_MS_MAX
  const filesClosed = files?.close(graceMs)
  await Promise.race([
    Promise.all([filesClosed, inputs.stop(graceMs)]),
    delay(CLOSE_MS_MAX * 2, undefined, { ref: false }),
  ])
  stopping.abort(new Error('The agent stops'))
  await Promise.all([filesClosed, inputs.close()])
}

/** Rejects when another process delivers as this agent. */
function replaced(fatal: EventTarget, agent: string): Promise<never> {
  return new Promise((_resolve, reject) => {
    fatal.addEventListener('replaced', () => reject(new AgentReplaced(`Another process delivers as agent ${agent}`)))
  })
}

/** Never resolves, but rejects as the other does. */
function never(other: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => void other.catch(reject))
}

function reports(uplink: Uplink, status: () => AgentStatusText, host: string): () => void {
  let upToDateMs = performance.now()
  const report = (): void => {
    const { version, files, problems, behindBytes } = status()
    const nowMs = performance.now()
    if (behindBytes === 0) upToDateMs = nowMs
    const behindSeconds = Math.round((nowMs - upToDateMs) / 100) / 10
    void uplink.report({ host, version, files: files.length, behindBytes, behindSeconds, problems: problems.length })
  }
  report()
  const timer = setInterval(report, REPORT_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function statusOf(
  { options, agent, uplink, troubles, counters }: Parts,
  inputs: Inputs,
  files: FileSource | undefined,
): AgentStatusText {
  const { version, settings } = options
  const followed = files?.status()
  const waitingBytes = inputs.spool.status().pendingBytes
  const servers = troubles.statusOf(uplink.servers)
  const current = servers.find(({ isCurrent }) => isCurrent)
  return {
    agent,
    version,
    pid: process.pid,
    host: settings.host,
    phase: settings.paths.length > 0 && !files ? 'starting' : 'running',
    server: current?.url ?? '',
    trouble: current?.trouble ? current.trouble.reason : null,
    servers,
    delivered: counters.total('agent_delivered_events_total') + counters.total('spool_loaded_events_total'),
    refused: counters.total('agent_refused_events_total'),
    spoolBytes: waitingBytes,
    behindBytes: (followed?.behindBytes ?? 0) + waitingBytes,
    residentBytes: process.memoryUsage.rss(),
    openFiles: followed?.openFiles ?? 0,
    folders: followed?.folders ?? 0,
    inputs: inputs.status(),
    files: followed?.files ?? [],
    problems: followed?.problems ?? [],
    unmatched: followed?.unmatched ?? [],
  }
}
