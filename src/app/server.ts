import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAccess } from '../access/open.ts'
import { registerApi } from '../api/api.ts'
import { BatchPool } from '../core/batch-pool.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { follow } from '../live/follow.ts'
import { openLive } from '../live/live.ts'
import { createHttpServer } from '../net/http-server.ts'
import { createPipeline } from '../pipeline/pipeline.ts'
import { createReceivedClock, type ReceivedClock } from '../pipeline/received.ts'
import { SOURCES } from '../sources/registry.ts'
import { openSpool, type Spool } from '../spool/spool.ts'
import { openStore } from '../store/connect.ts'
import { fieldNamesStatement, fieldValuesStatement } from '../store/rollup.ts'
import type { Config } from './config.ts'
import { createAuditTrail } from './audit.ts'
import { accessLimits, apiLimits, httpLimits, liveLimits, sourceLimits, spoolLimits, storeConfig } from './limits.ts'
import { lockFolder } from './folder-lock.ts'
import { openNode, RECEIVED_SAVE_MS, type NodeIdentity } from './node.ts'

export interface RunningServer {
  /** Of the main HTTP port. */
  url: string
  version: string
  /** Source or listener name → the address it listens on. */
  listeners: () => Readonly<Record<string, string>>
  /**
   * Stops accepting, answers what is under way, makes everything accepted durable, ends the engine. What is not in the
   * store by then waits in the spool for the next start.
   */
  close(): Promise<void>
}

/** Memory of batches kept for reuse: two groups of the spool, one being filled and one being written. */
const BATCH_POOL_BYTES_MAX = 24 * 1024 * 1024

/**
 * Joins the rooms: sources → pipeline → spool → store, and live beside it, and the API over all. Resolves when it
 * listens. Rejects with an AppError that says what could not be opened, having closed what was.
 */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const closing = createClosing()
  try {
    return await openServer(config, logger, closing)
  } catch (error) {
    await closing.run()
    throw error
  }
}

async function openServer(config: Config, logger: Logger, closing: Closing): Promise<RunningServer> {
  const startedNs = wallClock()
  const version = packageVersion()
  const counters = new Counters()
  const batches = new BatchPool({ bytesMax: BATCH_POOL_BYTES_MAX })
  const node = await openNode(config.data)
  closing.add(lockFolder(config.data))
  const received = createReceivedClock(wallClock, node.receivedFloorNs)

  const store = await openStore({ ...storeConfig(config), logger, counters })
  closing.add(() => store.close())
  const dir = join(config.data, 'spool')
  const spool = await openSpool({ dir, node: node.name, store, counters, logger, limits: spoolLimits(config) })
  closing.add(() => spool.close())
  const live = openLive({ startNs: firstLiveNs(received, spool), ...liveLimits(config) })
  closing.add(() => live.close())
  closing.add(keepReceivedTimes(node, received, logger))
  const sink = createPipeline({
    spool,
    publish: (batch) => live.publish(batch),
    batches,
    received,
    counters,
    futureSkewMaxNs: BigInt(config.ingest.futureSkewMax) * NS_PER_MS,
  })

  const access = await openAccess({
    dir: config.data,
    clock: Date.now,
    counters,
    logger,
    limits: accessLimits(config),
    checkFilter: () => undefined,
  })
  closing.add(() => access.close())
  const audit = createAuditTrail({ sink, counters, logger, hostname: hostname() })
  const http = createHttpServer({ limits: httpLimits(config), logger, counters, access })
  closing.add(() => http.close())
  const listeners: Record<string, string> = {}
  await registerApi(http.app, {
    store,
    rollup: { fieldNames: fieldNamesStatement, fieldValues: fieldValuesStatement },
    live,
    follow,
    spool,
    counters,
    access,
    audit,
    node: node.name,
    version,
    startedNs,
    clock: wallClock,
    listeners: () => listeners,
    limits: apiLimits(config),
  })
  for (const source of SOURCES) {
    const limits = sourceLimits(config)
    source.attach(http.app, {
      sinkFor: () => sink,
      batches,
      counters,
      logger,
      clock: wallClock,
      hostname: hostname(),
      limits,
    })
  }
  const address = await http.listen(config.host, config.port)
  listeners['http'] = hostPort(address)
  return { url: address.url, version, listeners: () => listeners, close: () => closing.run() }
}

interface Closing {
  /** What was opened last is closed first. */
  add(close: () => Promise<void> | void): void
  run(): Promise<void>
}

function createClosing(): Closing {
  const closers: (() => Promise<void> | void)[] = []
  return {
    add: (close) => closers.push(close),
    async run() {
      for (let close = closers.pop(); close; close = closers.pop()) await close()
    },
  }
}

/** Nanoseconds since 1970, in steps of a millisecond. */
function wallClock(): bigint {
  return BigInt(Date.now()) * NS_PER_MS
}

/** From here on every durable event passes through `live`. */
function firstLiveNs(received: ReceivedClock, spool: Spool): bigint {
  return [wallClock(), received.lastNs, spool.durableThroughNs].reduce((a, b) => (a > b ? a : b)) + 1n
}

/** Saves the newest received time while it rises; the returned function saves the last one. */
function keepReceivedTimes(node: NodeIdentity, received: ReceivedClock, logger: Logger): () => Promise<void> {
  let savedNs = received.lastNs
  let saving: Promise<void> = Promise.resolve()
  const save = async (write: (ns: bigint) => Promise<void>): Promise<void> => {
    savedNs = received.lastNs
    try {
      await write(savedNs)
    } catch (err) {
      logger.warn({ err }, 'The newest received time could not be saved; it matters only if the clock is set back')
    }
  }
  const timer = setInterval(() => {
    if (received.lastNs !== savedNs) saving = saving.then(() => save(node.saveReceived))
  }, RECEIVED_SAVE_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await saving
    if (received.lastNs > 0n) await save(node.saveLastReceived)
  }
}

function hostPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** From the package.json above this file, wherever it was built to. */
function packageVersion(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}
