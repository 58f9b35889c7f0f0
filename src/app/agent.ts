/** The agent: source `file` → HTTP, and other inputs → spool → HTTP. The server's rooms with another end. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { AgentReplaced, DeliveryRefused, Uplink } from '../client/agent/uplink.ts'
import { PATIENCE } from '../client/backoff.ts'
import type { Connection } from '../client/connection.ts'
import type { EventBatch } from '../core/batch.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { fileSource, type DeliverySink, type FileSource } from '../sources/file/file.ts'
import { openAgentIdentity } from './agent-identity.ts'
import { type Inputs, openInputs } from './agent-inputs.ts'
import type { AgentSettings } from './agent-settings.ts'
import { type AgentStatusText, serveAgentStatus } from './agent-status.ts'
import { createClosing } from './closing.ts'
import { isLoopback } from './config.ts'
import { lockFolder } from './folder-lock.ts'
import { affordableFiles, openFilesMax } from './open-files.ts'

export interface AgentOptions {
  settings: AgentSettings
  /** The servers, the one that is preferred first. */
  connections: readonly Connection[]
  version: string
  logger: Logger
  /** Read to its end as well. */
  stdin?: Readable | undefined
  /** Commands whose output is read as well. */
  commands?: readonly string[]
  /** Service of what comes from them. */
  service: string
  /** Whether files are followed at all. */
  followsFiles: boolean
}

export interface RunningAgent {
  agent: string
  status(): AgentStatusText
  /** Resolves when there is nothing left to do, as only standard input was read; rejects when another took its place. */
  done: Promise<void>
  /** Whether the process would wait for calls that may never return. */
  isHeldUp(): boolean
  /** Delivers what was read, for a while, and ends. */
  close(): Promise<void>
}

const REPORT_MS = 5000
const CLOSE_MS_MAX = 5000
const RETURN_MS = 30_000

/** Resolves when every file that is there was looked at. Rejects with CONFIG_INVALID, ENGINE_LOCKED. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { settings, connections, version, logger } = options
  const agent = openAgentIdentity(settings.state)
  const closing = createClosing()
  closing.add(lockFolder(settings.state))
  const counters = new Counters()
  const stopping = new AbortController()
  const { trouble, onTrouble } = troubles(logger)
  const uplink = new Uplink({
    connections,
    agent,
    run: randomBytes(9).toString('hex'),
    compresses: (url) => settings.gzip === 'on' || (settings.gzip === 'auto' && !isLoopback(new URL(url).hostname)),
    patience: PATIENCE,
    signal: stopping.signal,
    failoverMs: settings.failoverAfter,
    returnMs: RETURN_MS,
    now: () => performance.now(),
    onTrouble,
  })
  closing.add(() => uplink.close())
  closing.add(() => stopping.abort(new Error('The agent stops')))
  const fatal = new EventTarget()
  try {
    const files = options.followsFiles ? await openFiles(options, { counters, uplink, fatal }) : undefined
    closing.add(() => files?.close(CLOSE_MS_MAX))
    const hasInputs = options.stdin !== undefined || (options.commands?.length ?? 0) > 0
    const inputs = await openInputsOf(options, { agent, uplink, counters })
    closing.add(() => inputs.close())
    const status = (): AgentStatusText =>
      statusOf({ agent, version, url: uplink.url, trouble, files, inputs, counters })
    closing.add(serveAgentStatus(settings.state, status, logger))
    closing.add(reports(uplink, status, settings.host))
    const read = hasInputs ? readInputs(options, inputs, stopping.signal) : Promise.resolve()
    const only = hasInputs && !options.followsFiles
    const done = Promise.race([
      replaced(fatal, agent),
      only ? read.then(() => emptied(inputs, stopping.signal)) : never(read),
    ])
    // Whoever waits for the end is told; after it nobody waits.
    done.catch(() => undefined)
    return { agent, status, done, isHeldUp: () => files?.isHeldUp() ?? false, close: () => closing.run() }
  } catch (error) {
    await closing.run()
    throw error
  }
}

/** Tells of an outage once, and when it is over. */
function troubles(logger: Logger) {
  const trouble: { now: { url: string; reason: string } | null } = { now: null }
  return {
    trouble,
    onTrouble(told: { url: string; reason: string } | null): void {
      if (told === null) logger.info({}, 'Events are delivered again')
      else if (trouble.now?.reason !== told.reason || trouble.now.url !== told.url) {
        logger.warn({ ...told }, 'Events cannot be delivered for now; they wait')
      }
      trouble.now = told
    },
  }
}

async function openFiles(
  { settings, logger }: AgentOptions,
  { counters, uplink, fatal }: { counters: Counters; uplink: Uplink; fatal: EventTarget },
): Promise<FileSource> {
  const sink: DeliverySink = {
    wasTaken: (id) => uplink.wasTaken(id),
    async deliver(id, batch) {
      try {
        await uplink.deliver(id, [batch.bytes.subarray(0, batch.length)])
        counters.add('agent_delivered_events_total', {}, batch.rows)
      } catch (error) {
        if (error instanceof DeliveryRefused) return setAside(settings.state, id, batch, { counters, logger, error })
        if (error instanceof AgentReplaced) fatal.dispatchEvent(new Event('replaced'))
        throw error
      }
    },
  }
  return fileSource.follow({
    patterns: settings.paths,
    stateDir: settings.state,
    sink,
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

/** What a server refuses for good holds nothing up, and is not lost. */
function setAside(
  stateDir: string,
  id: string,
  batch: EventBatch,
  { counters, logger, error }: { counters: Counters; logger: Logger; error: Error },
): void {
  const folder = join(stateDir, 'refused')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, `${id}.rows`), batch.bytes.subarray(0, batch.length), { mode: 0o600 })
  counters.add('agent_refused_events_total', {}, batch.rows)
  logger.error(
    { reason: error.message, events: batch.rows, folder },
    'The server refuses events for good; they are set aside',
  )
}

function openInputsOf(
  { settings, logger }: AgentOptions,
  parts: { agent: string; uplink: Uplink; counters: Counters },
): Promise<Inputs> {
  const { state, host, spoolBytesMax, lineBytesMax } = settings
  return openInputs({ ...parts, stateDir: state, host, logger, spoolBytesMax, lineBytesMax })
}

async function readInputs(
  { stdin, commands = [], service }: AgentOptions,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    ...(stdin ? [inputs.read(stdin, service)] : []),
    ...commands.map((command) => inputs.run(command, service, signal)),
  ])
}

/** Resolves when nothing waits to be delivered. */
async function emptied({ spool }: Inputs, signal: AbortSignal): Promise<void> {
  await spool.waitStored(spool.durableThroughNs, signal)
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

function statusOf(parts: {
  agent: string
  version: string
  url: string
  trouble: { now: { url: string; reason: string } | null }
  files: FileSource | undefined
  inputs: Inputs
  counters: Counters
}): AgentStatusText {
  const { agent, version, url, trouble, files, inputs, counters } = parts
  const followed = files?.status()
  const waitingBytes = inputs.spool.status().pendingBytes
  return {
    agent,
    version,
    pid: process.pid,
    server: url,
    trouble: trouble.now ? `${trouble.now.url}: ${trouble.now.reason}` : null,
    delivered: counters.total('agent_delivered_events_total') + counters.total('spool_loaded_events_total'),
    refused: counters.total('agent_refused_events_total'),
    spoolBytes: waitingBytes,
    behindBytes: (followed?.behindBytes ?? 0) + waitingBytes,
    residentBytes: process.memoryUsage.rss(),
    openFiles: followed?.openFiles ?? 0,
    folders: followed?.folders ?? 0,
    files: followed?.files ?? [],
    problems: followed?.problems ?? [],
    unmatched: followed?.unmatched ?? [],
  }
}
