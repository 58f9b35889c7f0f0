import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { AppError, problemDocument } from '../core/errors.ts'
import { formatEventId, parseEventId, type EventJson } from '../core/event.ts'
import { endedError, type Principal } from '../core/principal.ts'
import { formatTimestamp } from '../core/time.ts'
import type { FollowItem } from '../live/follow.ts'
import type { ApiContext } from './context.ts'
import { watchReader, type Presence } from './disconnect.ts'
import { discreet } from './discretion.ts'
import { EVENT_STREAM_HEADERS, formatServerEvent, openEventStream, type EventStream } from './event-stream.ts'
import { QueryText } from './parameters.ts'
import { asAppError, checkedQuery } from './questions.ts'
import type { Reading } from './reading.ts'
import { problems, textResponse, type ApiServer } from './schemas.ts'
import { createTailPlaces } from './tail-places.ts'
import { visibleSelector, type VisibleQuery } from './view.ts'

/** A proxy or browser that hears nothing for longer may give the connection up. */
const PING_MS = 15_000
/** Text that waits for one write at most; events that come together go out together. */
const WRITE_CHARS_MAX = 64 * 1024

/** `/api/v1/tail`: events as they arrive, as server-sent events. */
export function registerTail(app: ApiServer, reading: Reading): void {
  const { limits } = reading.context
  const places = createTailPlaces(reading.context)
  const open = new Set<AbortController>()
  app.addHook('preClose', async () => {
    for (const tail of open) tail.abort()
  })
  app.get(
    '/api/v1/tail',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'Events as they arrive (server-sent events)',
        description:
          '`event: start` tells the cursor to begin with; then `event: log` with an event and its id; ' +
          '`event: skipped` with `{"count":n}` where this reader was too slow; `event: incomplete` with ' +
          '`{"from":time}` (`{}` with a key that has a filter) where a resume asks for events that were in memory only and are gone; `event: end` with a reason when the server closes, and with a code when the key is no longer valid; ' +
          '`event: failure` with a problem document when it cannot go on. A comment every 15 seconds.',
        querystring: Type.Object({
          query: Type.Optional(QueryText),
          backlog: Type.Optional(
            Type.Integer({ minimum: 0, maximum: limits.tailBacklogMax, description: 'Begin with the newest n events' }),
          ),
          cursor: Type.Optional(
            Type.String({ description: 'Resume after the event with this id; the header Last-Event-ID wins over it' }),
          ),
        }),
        response: { 200: textResponse('A stream without end', 'text/event-stream'), ...problems(400, 429, 503) },
      },
    },
    async (request, reply) => {
      const leave = places(request.principal.keyId)
      const closing = new AbortController()
      open.add(closing)
      try {
        const view = reading.view(request.principal)
        const cursor = resumePoint(request, reading.context.node)
        const nowNs = reading.context.clock()
        const query = checkedQuery(view, request.query.query ?? '', { nowNs, target: 'tail' })
        // There is nothing to wait for.
        if (request.method === 'HEAD') return await reply.headers(EVENT_STREAM_HEADERS).send(Readable.from([]))
        const presence = watchReader(request.principal, reply.raw)
        const options = { query, cursor, backlog: request.query.backlog ?? 0, principal: request.principal }
        await writeTail(reading, reply, options, { ...presence, closing: closing.signal })
      } finally {
        open.delete(closing)
        leave()
      }
    },
  )
}

/** Where the reader wants to go on, in received time. CURSOR_INVALID when it is no event id of this server. */
function resumePoint(request: FastifyRequest<{ Querystring: { cursor?: string } }>, node: string): bigint | undefined {
  const header = request.headers['last-event-id']
  const text = (typeof header === 'string' && header !== '' ? header : request.query.cursor) ?? ''
  if (text === '') return undefined
  const id = parseEventId(text)
  if (id?.node === node) return id.receivedNs
  throw new AppError('CURSOR_INVALID', {
    detail: id ? `This cursor is of the server ${id.node}; this is ${node}.` : 'This is not the id of an event.',
  })
}

const CLOSING = { reason: 'the server is closing' }

function endOf(principal: Principal): { reason: string; code: string } {
  const { code } = endedError(principal)
  return { reason: code === 'KEY_REFUSED' ? 'the key is no longer valid' : 'the server asks for a key now', code }
}

interface TailOptions {
  query: VisibleQuery
  cursor: bigint | undefined
  backlog: number
  principal: Principal
}

interface TailSignals extends Presence {
  /** Aborts when the server closes. */
  closing: AbortSignal
}

/** Writes until the reader goes away, its principal ends or the server closes; never rejects once the stream has begun. */
async function writeTail(
  { context, events, queries }: Reading,
  reply: FastifyReply,
  { query, cursor, backlog, principal }: TailOptions,
  { signal, gone, ended, closing }: TailSignals,
): Promise<void> {
  const { live, spool, node, limits } = context
  const select = visibleSelector(query, { node })
  const enter = (signal: AbortSignal): Promise<() => void> => queries.enterPatiently(signal, principal.keyId)
  const stream = openEventStream(reply, { gone, over: signal })
  // Nothing may come between this and the first step of the iteration, which subscribes.
  const startId = formatEventId(cursor ?? beginning(principal, context), node)
  void stream.send(formatServerEvent('start', JSON.stringify({ cursor: startId }), startId))
  const pings = setInterval(() => stream.ping(': \n\n'), PING_MS)
  try {
    const items = context.follow({
      live,
      select,
      signal: AbortSignal.any([signal, closing]),
      backlog,
      bufferEventsMax: limits.tailBufferEvents,
      waitStored: (receivedNs, signal) => spool.waitStored(receivedNs, signal),
      isStoreless: events.isStoreless,
      ...events.tail({ query, select, enter }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    await pump(items, stream, context, { ended, isFiltered: principal.filter !== '' })
    stream.end(formatServerEvent('end', JSON.stringify(ended.aborted ? endOf(principal) : CLOSING)))
  } catch (error) {
    const problem = problemDocument(discreet(asAppError(error), principal))
    stream.end(formatServerEvent('failure', JSON.stringify(problem)))
    if (!(error instanceof AppError)) context.logger.error({ err: error }, 'A tail failed')
  } finally {
    clearInterval(pings)
  }
}

const SOME = { count: 1, atLeast: true }

/** How long an event may be on its way between its received time and its being shown to tails. */
const IN_FLIGHT_NS = 1_000_000_000n

/**
 * Where a tail begins that was not told: after the newest event, or, so that a principal with a filter does not learn
 * when that came, a moment ago. Whoever resumes there may see visible events of that moment again, and misses none.
 */
function beginning({ filter }: Principal, { live, clock }: Pick<ApiContext, 'live' | 'clock'>): bigint {
  return filter === '' ? live.publishedThroughNs : clock() - IN_FLIGHT_NS
}

/** Items that come together leave in one write; a reader that does not keep up is waited for. None after `ended`. */
async function pump(
  items: AsyncIterable<FollowItem<Partial<EventJson>>>,
  stream: EventStream,
  { node, counters }: Pick<ApiContext, 'node' | 'counters'>,
  { ended, isFiltered }: { ended: AbortSignal; isFiltered: boolean },
): Promise<void> {
  let text = ''
  let scheduled: NodeJS.Immediate | undefined
  const flush = async (): Promise<void> => {
    clearImmediate(scheduled)
    scheduled = undefined
    const ready = text
    text = ''
    if (ready !== '' && !ended.aborted) await stream.send(ready)
  }
  for await (const item of items) {
    if (ended.aborted) break
    if (item.kind === 'skipped') {
      counters.add('tail_skipped_events_total', {}, item.count)
      // How many there were includes what a filter hides.
      text += formatServerEvent('skipped', JSON.stringify(isFiltered ? SOME : { count: item.count }))
    } else if (item.kind === 'incomplete') {
      // Since when all is held says how much came of which a filter hides some.
      const known = isFiltered ? {} : { from: formatTimestamp(item.fromNs) }
      text += formatServerEvent('incomplete', JSON.stringify(known))
    } else text += formatServerEvent('log', JSON.stringify(item.value), formatEventId(item.receivedNs, node))
    if (stream.isFull || text.length >= WRITE_CHARS_MAX) await flush()
    else scheduled ??= setImmediate(() => void flush())
  }
  await flush()
}
