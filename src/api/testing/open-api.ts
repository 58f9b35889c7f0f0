/** For tests: the routes on the real HTTP server, over small real stand-ins for the rooms that a test does not care about. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { Counters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import { follow } from '../../live/follow.ts'
import { openLive } from '../../live/live.ts'
import { createHttpServer, type HttpServerOptions } from '../../net/http-server.ts'
import { memoryLists } from '../../saved/testing/memory-lists.ts'
import type { SpoolStatus } from '../../spool/spool.ts'
import { eventCountsStatement, eventTextsStatement } from '../../store/eventlog-stats.ts'
import { hostFilesStatement, hostIsKnownStatement, hostNamesStatement } from '../../store/hosts.ts'
import { fieldNamesStatement, fieldValuesStatement } from '../../store/rollup.ts'
import type { Store, StoreStatus } from '../../store/store.ts'
import { registerApi } from '../api.ts'
import { createSqlReader } from '../sql-reader.ts'
import { DEFAULT_API_LIMITS, type ApiContext } from '../context.ts'

export const IDLE_SPOOL: SpoolStatus = {
  pendingFiles: 0,
  pendingBytes: 0,
  pendingRows: 0,
  bytesMax: 1_000_000,
  loadingBatches: 0,
  quarantinedFiles: 0,
  refusing: null,
  lastLoadError: null,
}

export const READY_STORE: StoreStatus = {
  kind: 'embedded',
  state: 'ready',
  version: '26.7',
  reason: null,
  restarts: 0,
  rows: 5,
  bytesOnDisk: 500,
  oldest: '2026-01-01T00:00:00.000Z',
  newest: '2026-01-02T00:00:00.000Z',
  memoryBytes: 1000,
  diskFreeBytes: 9000,
  retention: [],
}

/** There are no keys and there can be none. */
const OPEN_ACCESS: ApiContext['access'] = {
  isOpen: true,
  keys: {
    list: () => [],
    create: () => Promise.reject(new AppError('KEYS_FULL')),
    revoke: () => Promise.reject(new AppError('KEY_NOT_FOUND')),
  },
  createToken: () => {
    throw new AppError('ACCESS_DENIED')
  },
  openSession: () => {
    throw new AppError('KEY_REFUSED')
  },
  closeSession: () => Promise.resolve(),
  sessionExpires: () => undefined,
  identify: () => ({ principal: OPEN_PRINCIPAL }),
  status: () => ({ open: true, keys: { read: 0, write: 0, admin: 0 } }),
}

/** A store that is asked in SQL. */
export type SqlStore = Pick<Store, 'select' | 'stream' | 'texts' | 'status' | 'isReady' | 'delete' | 'deletions'>

/** Ready, but what it is asked it does not answer. */
export const MUTE_STORE: SqlStore = {
  isReady: true,
  delete: () => Promise.reject(new AppError('STORE_UNREACHABLE')),
  deletions: { touching: () => ({ ids: [], isUnderWay: false }) },
  status: () => Promise.resolve(READY_STORE),
  select: () => Promise.reject(new AppError('STORE_UNREACHABLE')),
  // eslint-disable-next-line require-yield
  async *stream() {
    throw new AppError('STORE_UNREACHABLE')
  },
  // eslint-disable-next-line require-yield
  async *texts() {
    throw new AppError('STORE_UNREACHABLE')
  },
}

/** What a test wants otherwise. */
export type QuietChanges = Partial<ApiContext> & { store?: SqlStore }

/** A context in which everything is well and nothing is stored. */
export function quietContext({ store = MUTE_STORE, ...changes }: QuietChanges = {}): ApiContext {
  const rollup = {
    fieldNames: fieldNamesStatement,
    fieldValues: fieldValuesStatement,
    eventCounts: eventCountsStatement,
    eventTexts: eventTextsStatement,
    hostNames: hostNamesStatement,
    hostFiles: hostFilesStatement,
    hostIsKnown: hostIsKnownStatement,
  }
  const { node = 'n1', limits = DEFAULT_API_LIMITS } = changes
  const { queryTimeoutMsMax: timeoutMsMax } = limits
  return {
    store,
    openReader: (figures) => createSqlReader({ store, rollup, node, timeoutMsMax, figures }),
    live: openLive({ startNs: BigInt(Date.now()) * 1_000_000n }),
    follow,
    spool: { status: () => IDLE_SPOOL, storedThroughNs: 0n, durableThroughNs: 0n, waitStored: () => Promise.resolve() },
    counters: new Counters(),
    logger: SILENT_LOGGER,
    access: OPEN_ACCESS,
    audit: () => Promise.resolve(),
    saved: memoryLists(),
    retention: {
      current: () => ({ ageMs: 0, diskBytes: 0, configured: [], rules: [], revision: '' }),
      change: () => Promise.reject(new AppError('SAVED_WRITE_FAILED')),
      preview: () => Promise.reject(new AppError('STORE_UNREACHABLE')),
    },
    node,
    version: '1.2.3',
    page: new Map(),
    startedNs: 1_767_225_600_000_000_000n,
    clock: () => BigInt(Date.now()) * 1_000_000n,
    streams: () => ({ live: 1, interrupted: 2, finished: 3, bytes: 4, bytesMax: 5, writers: 6, readers: 7 }),
    listeners: () => ({ http: '127.0.0.1:7575' }),
    eventlog: { graceNs: 5_000_000_000n },
    limits,
    ...changes,
  }
}

export interface OpenApiServer {
  url: string
  close(): Promise<void>
}

export interface OpenApiOptions extends Pick<HttpServerOptions, 'access' | 'trustedProxies'> {
  /** Adds what else is to be served, after the API. */
  attach?: (app: FastifyInstance) => void
  /** Sees every route as it is registered. */
  onRoute?: (route: RouteOptions) => void
}

/** Listens on a free loopback port. */
export async function openApi(context: ApiContext, options: OpenApiOptions = {}): Promise<OpenApiServer> {
  const { counters } = context
  const { attach, onRoute, ...own } = options
  const server = createHttpServer({
    logger: SILENT_LOGGER,
    counters,
    limits: { closeMs: 1000 },
    ...own,
  })
  if (onRoute) server.app.addHook('onRoute', onRoute)
  await registerApi(server.app, context)
  attach?.(server.app)
  const { url } = await server.listen('127.0.0.1', 0)
  return { url, close: () => server.close() }
}
