import { join } from 'node:path'
import type { RetentionSettings } from '../api/context.ts'
import { BatchPool } from '../core/batch-pool.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { openLive, type Live } from '../live/live.ts'
import { createPipeline, type Pipeline } from '../pipeline/pipeline.ts'
import { createReceivedClock, type ReceivedClock } from '../pipeline/received.ts'
import { openSaved, type Saved } from '../saved/saved.ts'
import { openSpool, type Spool } from '../spool/spool.ts'
import { openStore } from '../store/connect.ts'
import type { Store } from '../store/store.ts'
import { AUDIT_SERVICE } from './audit.ts'
import type { Closing } from './closing.ts'
import type { Config } from './config.ts'
import { liveLimits, spoolLimits, storeConfig } from './limits.ts'
import { createRetention, rulesInForce } from './retention.ts'
import { RECEIVED_SAVE_MS, type NodeIdentity } from './node.ts'

/** Where events go and are read from. */
export interface Storage {
  pipeline: Pipeline
  batches: BatchPool
  live: Live
  spool: Spool
  store: Store
  saved: Saved
  retention: RetentionSettings
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

/** pipeline → spool → store, and live beside it. */
export async function openStorage(config: Config, options: StorageOptions): Promise<Storage> {
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
  const pipeline = createPipeline({
    spool,
    publish: (batch) => live.publish(batch),
    batches,
    received,
    counters,
    futureSkewMaxNs: BigInt(config.ingest.futureSkewMax) * NS_PER_MS,
    reservedService: AUDIT_SERVICE,
  })
  const retention = createRetention(config, { stored: saved.rules, store, nowMs })
  return { pipeline, batches, live, spool, store, saved, retention }
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
