import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAccess } from '../access/open.ts'
import { registerApi } from '../api/api.ts'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { follow } from '../live/follow.ts'
import { createHttpServer } from '../net/http-server.ts'
import { formatHostPort } from '../net/listen-address.ts'
import { stampingSink } from '../pipeline/stamps.ts'
import { SOURCES } from '../sources/registry.ts'
import type { SourceContext } from '../sources/source.ts'
import { createAuditTrail } from './audit.ts'
import { createClosing, type Closing } from './closing.ts'
import type { Config } from './config.ts'
import { requireKey } from './first-key.ts'
import { accessLimits, apiLimits, httpLimits, sourceLimits } from './limits.ts'
import { openListeners, planListeners } from './listeners.ts'
import { openIdentity, openStorage, type Storage } from './storage.ts'

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
    checkFilter: () => undefined,
  })
  closing.add(() => access.close())
  const firstKey = await requireKey(config, access, node.isNew)
  if (firstKey !== undefined) onFirstKey(firstKey)
  const plan = planListeners(config, { keyOf: () => undefined, hasAny: false }, logger)

  const storage = await openStorage(config, { node, counters, logger, closing, clock: wallClock })
  const http = createHttpServer({ limits: httpLimits(config), logger, counters, access })
  closing.add(() => http.close())
  const listeners: Record<string, string> = {}
  await registerApi(http.app, {
    store: storage.store,
    openReader: storage.openReader,
    live: storage.live,
    follow,
    spool: storage.spool,
    counters,
    access,
    audit: createAuditTrail({ write: storage.pipeline.writeOwn, counters, logger, hostname: hostname() }),
    node: node.name,
    version,
    startedNs,
    clock: wallClock,
    listeners: () => listeners,
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
  return { url: address.url, version, listeners: () => listeners, close: () => closing.run() }
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
