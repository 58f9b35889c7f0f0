/** Puts streams together: their files, their routes, what keys may see of them, and livelog's two listeners. */
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Access } from '../access/access.ts'
import type { AuditTrail } from '../core/audit.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal } from '../core/principal.ts'
import type { HttpServer } from '../net/http-server.ts'
import { parseListenAddress } from '../net/listen-address.ts'
import { compile, selectsAll, type CheckedQuery } from '../query/query.ts'
import { livestreamSource } from '../sources/livestream/livestream.ts'
import { LatestLog, type LogDoorContext } from '../sources/livestream/log-door.ts'
import type { LivestreamContext, StreamFields } from '../sources/livestream/settings.ts'
import type { SourceContext } from '../sources/source.ts'
import { StreamCatalog, type CatalogStatus } from '../streams/catalog.ts'
import type { Closing } from './closing.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'
import { httpNames } from './http-names.ts'
import { livestreamSettings, streamLimits } from './limits.ts'
import { openListener, type ListenersOptions } from './listeners.ts'
import { openStreamFolder } from './stream-folder.ts'
import type { Tls } from './tls.ts'

export interface Streams {
  status(): CatalogStatus
  attach(http: HttpServer, context: SourceContext, audit: AuditTrail): void
  /** Opens livelog's listeners: name → address. As `openListeners`. */
  listen(tls: Tls | undefined, options: ListenersOptions): Promise<Record<string, string>>
}

interface Attached {
  context: LivestreamContext
  parts: ReturnType<typeof livestreamSource.attach>
  rates: HttpServer['rates']
}

interface StreamsOptions extends Pick<SourceContext, 'counters' | 'logger'> {
  access: Access
  closing: Closing
}

/** Throws CONFIG_INVALID when everybody could read what was meant for a few: to be known before anything is opened. */
export function checkStreams(config: Config, isOpen: boolean): void {
  const address = parseListenAddress(config.livestreamGet)
  if (address?.protocol !== 'tcp' || isLoopback(address.host) || config.livestreamToken !== '' || !isOpen) return
  throw new AppError('CONFIG_INVALID', {
    detail: `livestreamGet ${config.livestreamGet}: others can reach it, and there is neither a token nor a key.`,
    hint: 'Set ACCESS_TOKEN (livestreamToken), or make a key.',
  })
}

/** Opens the folder of streams. What is closed after the HTTP server: open it before. */
export async function openStreams(config: Config, options: StreamsOptions): Promise<Streams> {
  const { access, counters, logger, closing } = options
  const catalog = await StreamCatalog.open({
    dir: folderOf(config, closing, logger),
    counters,
    logger,
    clock: Date.now,
    limits: streamLimits(config),
  })
  closing.add(() => catalog.close())
  const settings = livestreamSettings(config)
  let attached: Attached | undefined
  closing.add(() => attached?.parts.close())
  return {
    status: () => catalog.status(),
    attach(http, sourceContext, audit) {
      const context: LivestreamContext = {
        ...sourceContext,
        catalog,
        audit,
        mayRead: streamFilter(),
        onKeyEnded: (keyId, listener) => access.onKeyEnded(keyId, listener),
      }
      attached = { context, parts: livestreamSource.attach(http.app, context, settings), rates: http.rates }
    },
    async listen(tls, listenersOptions) {
      if (!attached) throw new Error('streams are attached before they listen')
      const { context, parts, rates } = attached
      const door: LogDoorContext = {
        context,
        indexer: parts.indexer,
        isIndexed: settings.isIndexed,
        limits: settings,
        isOpen: () => access.isOpen,
        hosts: httpNames(config).names.hosts,
        identify: (request) => access.identify(headOf(request)).principal,
        rates,
      }
      return openDoors(config, tls, door, listenersOptions)
    },
  }
}

/** In memory nothing is kept, and the data folder may be somebody else's: bytes of streams go where they end with us. */
function folderOf({ storage, data }: Config, closing: Closing, logger: Logger): string {
  if (storage !== 'memory') return join(data, 'streams')
  const { dir, remove } = openStreamFolder(logger)
  closing.add(remove)
  return dir
}

async function openDoors(
  config: Config,
  tls: Tls | undefined,
  streams: LogDoorContext,
  options: ListenersOptions,
): Promise<Record<string, string>> {
  const latest = new LatestLog()
  const addresses: Record<string, string> = {}
  const doors = [
    { door: 'put', setting: 'livestreamPut' },
    { door: 'get', setting: 'livestreamGet' },
  ] as const
  for (const { door, setting } of doors) {
    const address = parseListenAddress(config[setting])
    if (address?.protocol !== 'tcp') continue
    const listen = () =>
      livestreamSource.listen(options.context, {
        door,
        host: address.host,
        port: address.port,
        token: config.livestreamToken,
        // What is written comes from this machine.
        tls: door === 'get' ? tls?.material : undefined,
        attachTls: (listener) => tls?.attach(listener),
        latest,
        streams,
      })
    Object.assign(addresses, await openListener(`livestream-${door}`, config.given.has(setting), options, listen))
  }
  return addresses
}

function headOf({
  method = '',
  url = '',
  headers,
  rawHeaders,
  socket,
}: IncomingMessage): Parameters<Access['identify']>[0] {
  return { method, url, headers, rawHeaders, address: socket.remoteAddress ?? '' }
}

/** Filters that were understood. */
const FILTERS_MAX = 1000

/** Whether the filter of a principal lets everything through that could be in a stream. One that is not understood does not. */
export function streamFilter(): (principal: Principal, stream: StreamFields) => boolean {
  const known = new Map<string, CheckedQuery | undefined>()
  return ({ filter }, stream) => {
    if (filter === '') return true
    if (!known.has(filter)) {
      if (known.size >= FILTERS_MAX) known.clear()
      // Times decide nothing here: a filter that has one shows no stream.
      const { query } = compile(filter, { nowNs: 0n, target: 'tail' })
      known.set(filter, query && query.pipes.length === 0 ? query : undefined)
    }
    const query = known.get(filter)
    return query !== undefined && selectsAll(query, { ...stream })
  }
}
