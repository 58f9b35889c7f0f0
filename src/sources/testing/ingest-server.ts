/** For tests: the real HTTP server with the real http source on a free port, in front of a `MemorySink`. */
import { BatchPool } from '../../core/batch-pool.ts'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import type { HttpAccess } from '../../net/http-access.ts'
import type { HttpServerLimits } from '../../net/http-limits.ts'
import { createHttpServer, type HttpServer } from '../../net/http-server.ts'
import { SOURCES } from '../registry.ts'
import { isHttpSource, SOURCE_LIMITS, type SourceContext, type SourceLimits } from '../source.ts'
import { MemorySink } from './memory-sink.ts'

/** 2026-11-21T12:00:00Z */
export const TEST_NOW_NS = 1_795_262_400_000_000_000n

export interface IngestServer {
  url: string
  port: number
  sink: MemorySink
  counters: Counters
  http: HttpServer
  /** Posts a body to the ingest route. */
  post(body: RequestInit['body'], headers?: Record<string, string>, query?: string): Promise<IngestAnswer>
}

export interface IngestAnswer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export async function openIngestServer(
  limits: Partial<SourceLimits> = {},
  httpLimits: Partial<HttpServerLimits> = {},
  recentValues: () => Promise<string[]> = () => Promise.resolve([]),
  access?: HttpAccess,
  more: Partial<Pick<SourceContext, 'isStoreShared' | 'agents' | 'stateDir'>> & { port?: number } = {},
): Promise<IngestServer> {
  const sink = new MemorySink()
  const counters = new Counters()
  const { port: wantedPort = 0, ...context } = more
  const http = createHttpServer({ limits: httpLimits, logger: SILENT_LOGGER, counters, ...(access && { access }) })
  for (const source of SOURCES) {
    if (!isHttpSource(source)) continue
    source.attach(http.app, {
      sinkFor: () => sink,
      counters,
      logger: SILENT_LOGGER,
      clock: () => TEST_NOW_NS,
      batches: new BatchPool({ bytesMax: 4 * 1024 * 1024 }),
      hostname: 'testhost',
      recentValues,
      limits: { ...SOURCE_LIMITS, ...limits },
      ...context,
    })
  }
  const { url, port } = await http.listen('127.0.0.1', wantedPort)
  const post: IngestServer['post'] = async (body, headers = { 'content-type': 'application/x-ndjson' }, query = '') => {
    const response = await fetch(`${url}/api/v1/ingest${query}`, {
      method: 'POST',
      headers,
      ...(body === undefined ? {} : { body, duplex: 'half' as const }),
    })
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }
  return { url, port, sink, counters, http, post }
}
