import { AppError } from '../core/errors.ts'
import { ClickHouseStore, type ClickHouseStoreOptions } from './clickhouse-store.ts'
import { Connection, type ConnectionTarget } from './connection.ts'
import { RETENTION_DEFAULTS, type RetentionRules } from './retention.ts'
import { migrate } from './schema/migrate.ts'
import { SINGLE_SERVER, clusterTarget, type SchemaTarget } from './schema/migration.ts'
import type { ReadLimits } from './read.ts'

const PROBE_MS = 2000

export interface RemoteStoreOptions extends Pick<ClickHouseStoreOptions, 'logger' | 'counters'> {
  /** `http(s)://user:password@host:port/database`, optionally `?cluster=name` for replicated, distributed tables. */
  url: string
  /** Whether the tables of a cluster are replicated; default true. */
  isReplicated?: boolean
  /** Further headers, such as those that a proxy asks for. */
  headers?: Readonly<Record<string, string>>
  limits?: Partial<ReadLimits>
  retention?: Partial<RetentionRules>
  silenceMsMax?: number
  now?: () => number
}

/** Uses a ClickHouse that runs elsewhere. Resolves even while that is down; it is then asked again until it answers. */
export async function openRemoteStore(options: RemoteStoreOptions): Promise<ClickHouseStore> {
  const target = remoteTarget(options.url, options.headers)
  const cluster = new URL(options.url).searchParams.get('cluster')
  const schema = cluster === null ? SINGLE_SERVER : clusterTarget(cluster, options.isReplicated ?? true)
  const probe = new RemoteProbe(target, schema, options)
  const store = new ClickHouseStore({
    kind: 'remote',
    sharesFiles: false,
    schema,
    retention: { ...RETENTION_DEFAULTS, ...options.retention },
    logger: options.logger,
    counters: options.counters,
    now: options.now ?? Date.now,
    restarts: () => 0,
    end: async () => await probe.stop(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.silenceMsMax === undefined ? {} : { silenceMsMax: options.silenceMsMax }),
  })
  await probe.start(store)
  return store
}

/** Connects a store as soon as the server answers, and takes the connection away while it does not. */
class RemoteProbe {
  readonly #target: ConnectionTarget
  readonly #options: RemoteStoreOptions
  readonly #schema: SchemaTarget
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()
  /** The one that is asking, which may take long where somebody hangs. */
  #asking: Connection | undefined

  constructor(target: ConnectionTarget, schema: SchemaTarget, options: RemoteStoreOptions) {
    this.#target = target
    this.#options = options
    this.#schema = schema
  }

  async start(store: ClickHouseStore): Promise<void> {
    await this.#probe(store)
    this.#timer = setInterval(() => {
      if (this.#asking === undefined) this.#turn = this.#probe(store)
    }, PROBE_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#asking?.close()
    await this.#turn
  }

  async #probe(store: ClickHouseStore): Promise<void> {
    const connection = new Connection(this.#target)
    this.#asking = connection
    try {
      // That it hangs is found out elsewhere.
      if (store.isConnected) {
        await connection.rows('SELECT 1')
        await connection.close()
        return
      }
      await migrate(connection, this.#schema)
      await store.attach(connection)
      this.#options.logger.info({ url: this.#target.url }, 'the store answers')
    } catch (error) {
      await connection.close()
      const reason = error instanceof AppError ? (error.detail ?? error.title) : String(error)
      store.detach(reason)
      this.#options.logger.warn({ url: this.#target.url, reason }, 'the store does not answer and will be asked again')
    } finally {
      this.#asking = undefined
    }
  }
}

function remoteTarget(text: string, headers: Readonly<Record<string, string>> = {}): ConnectionTarget {
  const url = new URL(text)
  const user = { username: decodeURIComponent(url.username) || 'default', password: decodeURIComponent(url.password) }
  return {
    url: url.origin,
    database: decodeURIComponent(url.pathname.replaceAll('/', '')) || 'default',
    headers,
    owner: user,
    reader: user,
  }
}
