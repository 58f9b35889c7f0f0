import { join } from 'node:path'
import type { ApiContext, RetentionSettings } from '../api/context.ts'
import { createSqlReader } from '../api/sql-reader.ts'
import { BatchPool } from '../core/batch-pool.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { openLive, type Live } from '../live/live.ts'
import { openMemory } from '../memory/memory.ts'
import { createPipeline, type Pipeline } from '../pipeline/pipeline.ts'
import { createReceivedClock, type ReceivedClock } from '../pipeline/received.ts'
import { openSaved, type Saved } from '../saved/saved.ts'
import type { SourceContext } from '../sources/source.ts'
import { openSpool, type Spool } from '../spool/spool.ts'
import { openStore } from '../store/connect.ts'
import { eventCountsStatement, eventTextsStatement } from '../store/eventlog-stats.ts'
import { hostFilesStatement, hostIsKnownStatement, hostNamesStatement } from '../store/hosts.ts'
import { fieldNamesStatement, fieldValuesStatement } from '../store/rollup.ts'
import { AUDIT_SERVICE } from './audit.ts'
import type { Closing } from './closing.ts'
import type { Config } from './config.ts'
import { lockFolder } from './folder-lock.ts'
import { liveLimits, memoryLimits, spoolLimits, storeConfig } from './limits.ts'
import { checkDataFolder, createNode, openNode, RECEIVED_SAVE_MS, type NodeIdentity } from './node.ts'
import { recentValues } from './recent-values.ts'
import { createRetention, RETENTION_OF_MEMORY, rulesInForce } from './retention.ts'

/** Where events go and are read from. */
export interface Storage extends Pick<ApiContext, 'spool' | 'store' | 'openReader'> {
  pipeline: Pipeline
  batches: BatchPool
  live: Live
  saved: Saved
  retention: RetentionSettings
  /** What sources ask about their events of an earlier run, until the signal aborts. */
  recentValues: (signal: AbortSignal) => SourceContext['recentValues']
}

export interface StorageOptions {
  node: NodeIdentity
  counters: Counters
  logger: Logger
  closing: Closing
  /** Now, nanoseconds since 1970. */
  clock: () => bigint
}

/** Memory of batches kept for reuse: two groups of the spool, one being filled and one being written. */
const BATCH_POOL_BYTES_MAX = 24 * 1024 * 1024

const ROLLUP = {
  fieldNames: fieldNamesStatement,
  fieldValues: fieldValuesStatement,
  eventCounts: eventCountsStatement,
  eventTexts: eventTextsStatement,
  hostNames: hostNamesStatement,
  hostFiles: hostFilesStatement,
  hostIsKnown: hostIsKnownStatement,
}

/** Who this node is. With storage on disk the data folder is this process's own from now on. */
export async function openIdentity(config: Config, closing: Closing): Promise<NodeIdentity> {
  if (config.storage === 'memory') {
    // Keys and certificates may be there.
    checkDataFolder(config.data)
    return createNode()
  }
  const node = await openNode(config.data)
  closing.add(lockFolder(config.data))
  return node
}

export function openStorage(config: Config, options: StorageOptions): Promise<Storage> {
  return config.storage === 'memory' ? openRings(config, options) : openDisk(config, options)
}

/** pipeline → spool → store, and live beside it. */
async function openDisk(config: Config, options: StorageOptions): Promise<Storage> {
  const { node, counters, logger, closing, clock } = options
  const batches = new BatchPool({ bytesMax: BATCH_POOL_BYTES_MAX })
  const received = createReceivedClock(clock, node.receivedFloorNs)
  const nowMs = (): number => Number(clock() / NS_PER_MS)
  const saved = await openSaved({ dir: config.data, clock: nowMs, counters, limits: config.saved })
  closing.add(() => saved.close())
  const keep = rulesInForce(config, saved.rules)
  const store = await openStore({ ...storeConfig(config, keep), logger, counters })
  closing.add(() => store.close())
  const dir = join(config.data, 'spool')
  const spool = await openSpool({ dir, node: node.name, store, counters, logger, limits: spoolLimits(config) })
  closing.add(() => spool.close())
  const live = openLive({ startNs: firstLiveNs(clock(), received, spool), ...liveLimits(config) })
  closing.add(() => live.close())
  closing.add(keepReceivedTimes(node, received, logger))
  const { timeout: timeoutMsMax } = config.query
  return {
    pipeline: openPipeline(config, { spool, live, batches, received, counters }),
    batches,
    live,
    spool,
    store,
    saved,
    retention: createRetention(config, { stored: saved.rules, store, nowMs }),
    openReader: (figures) => createSqlReader({ store, rollup: ROLLUP, node: node.name, timeoutMsMax, figures }),
    recentValues: (signal) => recentValues({ store, spool, signal }),
  }
}

/** pipeline → live, and nothing else. */
async function openRings(config: Config, options: StorageOptions): Promise<Storage> {
  const { node, counters, logger, closing, clock } = options
  const batches = new BatchPool({ bytesMax: BATCH_POOL_BYTES_MAX })
  const received = createReceivedClock(clock)
  const live = openLive({ startNs: clock() + 1n, ...liveLimits(config) })
  closing.add(() => live.close())
  const clockMs = (): number => Number(clock() / NS_PER_MS)
  const saved = await openSaved({ dir: undefined, clock: clockMs, counters, limits: config.saved })
  const { spool, store, reader } = openMemory({ live, node: node.name, ...memoryLimits(config) })
  closing.add(() => spool.close())
  logger.warn(
    { ringsBytesMax: config.live.ringsBytesMax },
    'Storage is memory: events are gone when the server stops, and the oldest when newer ones need the room',
  )
  return {
    pipeline: openPipeline(config, { spool, live, batches, received, counters }),
    batches,
    live,
    spool,
    store,
    saved,
    retention: RETENTION_OF_MEMORY,
    openReader: () => reader,
    // There was no earlier run that is known of.
    recentValues: () => async () => [],
  }
}

interface PipelineParts {
  spool: Pick<Spool, 'write' | 'hold'>
  live: Live
  batches: BatchPool
  received: ReceivedClock
  counters: Counters
}

function openPipeline(config: Config, { live, ...parts }: PipelineParts): Pipeline {
  return createPipeline({
    ...parts,
    publish: (batch) => live.publish(batch),
    futureSkewMaxNs: BigInt(config.ingest.futureSkewMax) * NS_PER_MS,
    reservedService: AUDIT_SERVICE,
  })
}

/** From here on every durable event passes through `live`. */
function firstLiveNs(nowNs: bigint, received: ReceivedClock, spool: Spool): bigint {
  return [nowNs, received.lastNs, spool.durableThroughNs].reduce((a, b) => (a > b ? a : b)) + 1n
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
