import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { DATABASE, engineMemory } from './engine/engine-config.ts'
import type { EngineEndpoint } from './engine/engine-process.ts'
import { Engine } from './engine/engine.ts'
import { ClickHouseStore, type ClickHouseStoreOptions } from './clickhouse-store.ts'
import { Connection } from './connection.ts'
import { RETENTION_DEFAULTS, type RetentionRules } from './retention.ts'
import { migrate } from './schema/migrate.ts'
import { SINGLE_SERVER } from './schema/migration.ts'
import type { ReadLimits } from './read.ts'

export interface EmbeddedStoreOptions extends Pick<ClickHouseStoreOptions, 'logger' | 'counters' | 'silenceMsMax'> {
  /** Folder that belongs to the store alone. */
  dataDir: string
  memoryBytesMax?: number
  limits?: Partial<ReadLimits>
  retention?: Partial<RetentionRules>
  now?: () => number
  /** How long to wait for a lock that a dying process may still hold. */
  lockWaitMs?: number
  extraXml?: string
  extraArguments?: readonly string[]
}

/** A store that also tells which process its engine is. */
export class EmbeddedStore extends ClickHouseStore {
  engine: Engine | undefined
}

/** Starts the engine over `dataDir` and brings its schema up to date. Rejects with ENGINE_LOCKED or ENGINE_UNAVAILABLE. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { logger, counters, limits } = options
  const memory = engineMemory(totalmem(), options.memoryBytesMax)
  const store = new EmbeddedStore({
    kind: 'embedded',
    sharesFiles: true,
    schema: SINGLE_SERVER,
    retention: { ...RETENTION_DEFAULTS, ...options.retention },
    logger,
    counters,
    now: options.now ?? Date.now,
    restarts: () => store.engine?.restarts ?? 0,
    residentBytes: () => residentBytes(store.engine?.pid),
    end: async () => await store.engine?.stop(),
    limits: { memoryBytesMax: memory.queryMax, ...limits },
    ...(options.silenceMsMax === undefined ? {} : { silenceMsMax: options.silenceMsMax }),
  })
  const { lockWaitMs, extraXml, extraArguments } = options
  try {
    store.engine = await Engine.start({
      folder: options.dataDir,
      logger,
      onUp: async (endpoint) => await store.attach(await connect(endpoint)),
      onDown: (reason) => store.detach(reason),
      memory,
      ...(lockWaitMs === undefined ? {} : { lockWaitMs }),
      ...(extraXml === undefined ? {} : { extraXml }),
      ...(extraArguments === undefined ? {} : { extraArguments }),
    })
  } catch (error) {
    await store.close()
    throw error
  }
  return store
}

async function connect(endpoint: EngineEndpoint): Promise<Connection> {
  const target = {
    url: endpoint.url,
    headers: endpoint.headers,
    owner: { username: 'default', password: '' },
    reader: endpoint.reader,
  }
  const first = new Connection({ ...target, database: 'default' })
  await first.command(`CREATE DATABASE IF NOT EXISTS ${DATABASE} ENGINE = Atomic`)
  await first.close()
  const connection = new Connection({ ...target, database: DATABASE })
  await migrate(connection, SINGLE_SERVER)
  return connection
}

/** Resident memory of a process, where the system tells it in /proc. */
function residentBytes(pid: number | undefined): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Number(kib) * 1024
  } catch {
    // Not Linux, or the process is gone: the engine's own count is shown instead.
    return null
  }
}
