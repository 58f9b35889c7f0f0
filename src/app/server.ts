import { hostname } from 'node:os'
import type { Access } from '../access/access.ts'
import { registerApi } from '../api/api.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { follow } from '../live/follow.ts'
import type { HttpServerLimits } from '../net/http-limits.ts'
import { createHttpServer, type HttpServer } from '../net/http-server.ts'
import { formatHostPort } from '../net/listen-address.ts'
import { stampingSink } from '../pipeline/stamps.ts'
import { SOURCES } from '../sources/registry.ts'
import { Roll } from '../sources/agent/roll.ts'
import { isHttpSource, SOURCE_LIMITS, type SourceContext } from '../sources/source.ts'
import { openServerAccess } from './access.ts'
import { auditKeys, createAuditTrail } from './audit.ts'
import { createClosing, type Closing } from './closing.ts'
import type { Config } from './config.ts'
import { openForwardDoor } from './forward.ts'
import { httpNames } from './http-names.ts'
import { apiLimits, httpLimits, sourceLimits } from './limits.ts'
import { openListeners, planListeners, type PacketKeys } from './listeners.ts'
import { affordableConnections, openFilesMax } from './open-files.ts'
import { readPackage } from './package.ts'
import { openIdentity, openStorage, type Storage } from './storage.ts'
import { checkStreams, openStreams } from './streams.ts'
import { openTls, type Tls, type TlsStatus } from './tls.ts'

const HTTPS_PORT = 443

export interface RunningServer {
  /** Of the main HTTP port. */
  url: string
  version: string
  /** Source or listener name → the address it listens on. */
  listeners: () => Readonly<Record<string, string>>
  /** What TLS shows; `undefined` without TLS. */
  tls: () => TlsStatus | undefined
  /** Looks at files of the configuration again that may have changed: those of TLS. */
  reload(): Promise<void>
  /**
   * Stops accepting, answers what is under way, makes everything accepted durable, ends the engine. What is not in the
   * store by then waits in the spool for the next start.
   */
  close(): Promise<void>
}

/**
 * Joins the rooms: sources → pipeline → spool → store, and live beside it, and the API over all. Resolves when it
 * listens. Rejects with an AppError that says what could not be opened, having closed what was. `onFirstKey` is told
 * the text of a key that had to be made, which nobody will ever see again.
 */
export async function startServer(
  config: Config,
  logger: Logger,
  onFirstKey: (key: string) => void = () => undefined,
): Promise<RunningServer> {
  const closing = createClosing()
  try {
    return await openServer(config, logger, closing, onFirstKey)
  } catch (error) {
    await closing.run()
    throw error
  }
}

async function openServer(
  config: Config,
  logger: Logger,
  closing: Closing,
  onFirstKey: (key: string) => void,
): Promise<RunningServer> {
  const startedNs = wallClock()
  const own = readPackage()
  const counters = new Counters()
  const node = await openIdentity(config, closing)
  const opened = await openServerAccess(config, { isFirstStart: node.isNew, counters, logger, closing, onFirstKey })
  const { access, firstKey } = opened
  const plan = planListeners(config, packetKeys(access), logger)
  checkStreams(config, access.isOpen)
  const tls = await openTls(config, { logger, counters, clock: Date.now })
  closing.add(() => tls?.close())
  const forward = openForwardDoor(config, access, tls)
  const storage = await openStorage(config, { node, counters, logger, closing, clock: wallClock })
  const audit = createAuditTrail({ write: storage.pipeline.writeOwn, counters, logger, hostname: hostname() })
  await auditKeys(access, { audit, logger }, firstKey)
  const streams = await openStreams(config, { access, counters, logger, closing })
  const http = createHttp(config, { tls, logger, counters, access })
  tls?.attach(http)
  closing.add(() => http.close())
  const listeners: Record<string, string> = {}
  const agents = new Roll({
    ...SOURCE_LIMITS.agent,
    logger,
    dir: config.storage === 'memory' ? undefined : config.data,
  })
  closing.add(() => agents.close())
  await registerApi(http.app, {
    ...storage,
    follow,
    counters,
    logger,
    access,
    audit,
    node: node.name,
    ...own,
    startedNs,
    clock: wallClock,
    listeners: () => listeners,
    tls: () => tls?.status(),
    streams: () => streams.status(),
    auditAgents: () => forward.agents.list(),
    agents: () => agents.list(),
    eventlog: { graceNs: BigInt(config.eventlog.grace) * NS_PER_MS },
    limits: apiLimits(config),
  })
  const stopping = new AbortController()
  closing.add(() => stopping.abort())
  const context = sourceContext(config, storage, { counters, logger, signal: stopping.signal, agents })
  for (const source of SOURCES.filter(isHttpSource)) source.attach(http.app, context)
  streams.attach(http, context, audit)
  const address = await http.listen(config.host, config.port)
  listeners['http'] = formatHostPort(address.host, address.port)
  const listening = { context: { ...context, reading: storage.live }, logger, closing, forward }
  Object.assign(listeners, await openListeners(config, plan, listening), await streams.listen(tls, listening))
  return {
    url: address.url,
    version: own.version,
    listeners: () => listeners,
    tls: () => tls?.status(),
    reload: async () => tls?.reload(),
    close: () => closing.run(),
  }
}

function createHttp(
  config: Config,
  { tls, ...parts }: { tls: Tls | undefined; logger: Logger; counters: Counters; access: Access },
): HttpServer {
  return createHttpServer({
    limits: affordableLimits(config, parts.logger),
    ...httpNames(config),
    tls: tls?.material,
    // It binds the whole host name, so only for a server that is all of it.
    strictTransport: config.tls === 'files' && config.port === HTTPS_PORT,
    ...parts,
  })
}

function affordableLimits(config: Config, logger: Logger): Partial<HttpServerLimits> {
  const isWanted = config.given.has('http.connectionsMax')
  const wanted = { connectionsMax: config.http.connectionsMax, isWanted }
  const connectionsMax = affordableConnections(wanted, openFilesMax(), logger)
  return { ...httpLimits(config), connectionsMax }
}

function packetKeys(access: Access): PacketKeys {
  return { keyOf: (id) => access.packetKey(id), hasAny: access.status().keys.write > 0, isOpen: access.isOpen }
}

/** What the sources may touch. */
function sourceContext(
  config: Config,
  { pipeline, batches, recentValues }: Storage,
  parts: { counters: Counters; logger: Logger; signal: AbortSignal; agents: Roll },
): SourceContext {
  return {
    sinkFor: ({ stamps }) => stampingSink(pipeline, stamps, batches),
    batches,
    counters: parts.counters,
    logger: parts.logger,
    agents: parts.agents,
    clock: wallClock,
    hostname: hostname(),
    limits: sourceLimits(config),
    recentValues: recentValues(parts.signal),
    isStoreShared: config.storage !== 'memory' && config.store !== 'embedded',
    ...(config.storage === 'memory' ? {} : { stateDir: config.data }),
  }
}

/** Nanoseconds since 1970, in steps of a millisecond. */
function wallClock(): bigint {
  return BigInt(Date.now()) * NS_PER_MS
}
