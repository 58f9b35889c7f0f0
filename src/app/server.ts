import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Access } from '../access/access.ts'
import { openAccess } from '../access/open.ts'
import { registerApi } from '../api/api.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { follow } from '../live/follow.ts'
import { createHttpServer, type HttpServer } from '../net/http-server.ts'
import { formatHostPort } from '../net/listen-address.ts'
import { stampingSink } from '../pipeline/stamps.ts'
import { checkFilter } from '../query/query.ts'
import { SOURCES } from '../sources/registry.ts'
import type { SourceContext } from '../sources/source.ts'
import { auditForeignKeys, createAuditTrail } from './audit.ts'
import { createClosing, type Closing } from './closing.ts'
import type { Config } from './config.ts'
import { requireKey } from './first-key.ts'
import { httpNames } from './http-names.ts'
import { accessLimits, apiLimits, httpLimits, sourceLimits } from './limits.ts'
import { openListeners, planListeners } from './listeners.ts'
import { openIdentity, openStorage, type Storage } from './storage.ts'
import { openTls, type TlsStatus } from './tls.ts'

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
  const version = packageVersion()
  const counters = new Counters()
  const node = await openIdentity(config, closing)
  const access = await openAccess({
    dir: config.data,
    clock: Date.now,
    counters,
    logger,
    limits: accessLimits(config),
    checkFilter: (filter) => checkFilter(filter, wallClock()),
  })
  closing.add(() => access.close())
  const firstKey = await requireKey(config, access, node.isNew)
  if (firstKey !== undefined) onFirstKey(firstKey)
  const plan = planListeners(config, { keyOf: () => undefined, hasAny: false }, logger)

  const storage = await openStorage(config, { node, counters, logger, closing, clock: wallClock })
  const audit = createAuditTrail({ write: storage.pipeline.writeOwn, counters, logger, hostname: hostname() })
  auditForeignKeys(access, audit)
  const { http, tls } = await openHttp(config, { logger, counters, access, closing })
  const listeners: Record<string, string> = {}
  await registerApi(http.app, {
    store: storage.store,
    openReader: storage.openReader,
    live: storage.live,
    follow,
    spool: storage.spool,
    counters,
    logger,
    access,
    audit,
    node: node.name,
    version,
    startedNs,
    clock: wallClock,
    listeners: () => listeners,
    tls: () => tls?.status(),
    limits: apiLimits(config),
  })
  const context = sourceContext(config, storage, { counters, logger })
  for (const source of SOURCES) if ('attach' in source) source.attach(http.app, context)
  const address = await http.listen(config.host, config.port)
  listeners['http'] = formatHostPort(address.host, address.port)
  Object.assign(
    listeners,
    await openListeners(config, plan, { context: { ...context, reading: storage.live }, logger, closing }),
  )
  return {
    url: address.url,
    version,
    listeners: () => listeners,
    tls: () => tls?.status(),
    reload: async () => tls?.reload(),
    close: () => closing.run(),
  }
}

/** The HTTP server, which does not listen yet, and the certificate that it shows if it has one. */
async function openHttp(
  config: Config,
  { logger, counters, access, closing }: { logger: Logger; counters: Counters; access: Access; closing: Closing },
): Promise<{ http: HttpServer; tls: Awaited<ReturnType<typeof openTls>> }> {
  const tls = await openTls(config, { logger, counters, clock: Date.now })
  closing.add(() => tls?.close())
  const http = createHttpServer({
    limits: httpLimits(config),
    ...httpNames(config),
    tls: tls?.material,
    // It binds the whole host name, so only for a server that is all of it.
    strictTransport: config.tls === 'files' && config.port === HTTPS_PORT,
    logger,
    counters,
    access,
  })
  tls?.attach(http)
  closing.add(() => http.close())
  return { http, tls }
}

/** What the sources may touch. */
function sourceContext(
  config: Config,
  { pipeline, batches }: Storage,
  { counters, logger }: { counters: Counters; logger: Logger },
): SourceContext {
  return {
    sinkFor: ({ stamps }) => stampingSink(pipeline, stamps, batches),
    batches,
    counters,
    logger,
    clock: wallClock,
    hostname: hostname(),
    limits: sourceLimits(config),
  }
}

/** Nanoseconds since 1970, in steps of a millisecond. */
function wallClock(): bigint {
  return BigInt(Date.now()) * NS_PER_MS
}

/** From the package.json above this file, wherever it was built to. */
function packageVersion(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}
