import type { FastifyReply, FastifyRequest } from 'fastify'
import { formatTimestamp } from '../core/time.ts'
import type { ApiContext } from './context.ts'
import type { ApiServer } from './schemas.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Rows that the store read for the answer; null where nobody counted. */
    rowsRead: number | null
  }
}

/** Questions that took long, the same of the same key together. */
export interface SlowQuery {
  /** Of the newest. */
  at: string
  /** Of the slowest, from the first byte of the request to the last of the answer. */
  tookMs: number
  rowsRead: number | null
  times: number
  /** HTTP status of the newest. */
  status: number
  route: string
  query: string
  start: string
  end: string
  key: { id: string; name: string }
}

export interface SlowQueries {
  note(query: Omit<SlowQuery, 'times'>): void
  /** Newest first. */
  list(): SlowQuery[]
}

/** Of a query that is kept. */
const QUERY_CHARS_MAX = 2000
const TIME_CHARS_MAX = 100

/** Remembers `max` different ones; what has not come again for longest makes room. */
export function createSlowQueries(max: number): SlowQueries {
  const known = new Map<string, SlowQuery>()
  return {
    note(query) {
      const name = JSON.stringify([query.route, query.query, query.start, query.end, query.key.id])
      const before = known.get(name)
      const slowest = before !== undefined && before.tookMs > query.tookMs ? before : query
      known.delete(name)
      known.set(name, {
        ...query,
        tookMs: slowest.tookMs,
        rowsRead: slowest.rowsRead,
        times: (before?.times ?? 0) + 1,
      })
      const [oldest] = known.keys()
      if (known.size > max && oldest !== undefined) known.delete(oldest)
    },
    list: () => [...known.values()].toReversed(),
  }
}

/** Watches the routes of this scope. Tails last as long as somebody looks, and streams as their reader likes: not they. */
export function watchSlowness(
  app: ApiServer,
  { limits, counters, clock }: Pick<ApiContext, 'limits' | 'counters' | 'clock'>,
  slow: SlowQueries,
): void {
  app.decorateRequest('rowsRead', null)
  app.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    const { elapsedTime } = reply
    const route = request.routeOptions.url ?? ''
    if (elapsedTime < limits.slowQueryMs || request.method === 'HEAD' || isEndless(route, reply)) return
    counters.add('query_slow_total', { route })
    const { principal, rowsRead } = request
    slow.note({
      at: formatTimestamp(clock()),
      tookMs: Math.round(elapsedTime),
      rowsRead,
      status: reply.statusCode,
      route,
      query: textOf(request, 'query', QUERY_CHARS_MAX) || textOf(request, 'q', QUERY_CHARS_MAX),
      start: textOf(request, 'start', TIME_CHARS_MAX),
      end: textOf(request, 'end', TIME_CHARS_MAX),
      key: { id: principal.keyId, name: principal.name },
    })
  })
}

function isEndless(route: string, reply: FastifyReply): boolean {
  return route.endsWith('/tail') || /ndjson|csv|event-stream/.test(String(reply.getHeader('content-type')))
}

function textOf(request: FastifyRequest, name: string, charsMax: number): string {
  const all = { ...(request.query as object), ...(request.body as object | null | undefined) } as Record<
    string,
    unknown
  >
  const text = all[name]
  return typeof text === 'string' ? text.slice(0, charsMax) : ''
}
