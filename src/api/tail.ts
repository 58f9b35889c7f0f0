import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { AppError, problemDocument } from '../core/errors.ts'
import { formatEventId, parseEventId, type EventJson } from '../core/event.ts'
import { formatTimestamp } from '../core/time.ts'
import type { FollowItem } from '../live/follow.ts'
import { toSelector, type CheckedQuery } from '../query/query.ts'
import type { ApiContext } from './context.ts'
import { disconnectSignal } from './disconnect.ts'
import { formatServerEvent, openEventStream, type EventStream } from './event-stream.ts'
import { QueryText } from './parameters.ts'
import { asAppError, checkedQuery } from './questions.ts'
import type { Reading } from './reading.ts'
import { problems, textResponse, type ApiServer } from './schemas.ts'

/** A proxy or browser that hears nothing for longer may give the connection up. */
const PING_MS = 15_000
/** Text that waits for one write at most; events that come together go out together. */
const WRITE_CHARS_MAX = 64 * 1024

/** `/api/v1/tail`: events as they arrive, as server-sent events. */
export function registerTail(app: ApiServer, reading: Reading): void {
  const { limits } = reading.context
  const open = new Set<AbortController>()
  app.addHook('preClose', async () => {
    for (const tail of open) tail.abort()
  })
  app.get(
    '/api/v1/tail',
    {
      config: { access: 'read' },
      exposeHeadRoute: false,
      schema: {
        tags: ['reading'],
        summary: 'Events as they arrive (server-sent events)',
        description:
          '`event: start` tells the cursor to begin with; then `event: log` with an event and its id; ' +
          '`event: skipped` with `{"count":n}` where this reader was too slow; `event: incomplete` with ' +
          '`{"from":time}` where a resume asks for events that were in memory only and are gone; `event: end` when the server closes, ' +
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
      if (open.size >= limits.tailsMax) {
        throw new AppError('TOO_MANY_REQUESTS', {
          detail: `${limits.tailsMax} tails are open, which is the limit.`,
          retryAfterSeconds: 5,
        })
      }
      const cursor = resumePoint(request, reading.context.node)
      const query = checkedQuery(request.query.query ?? '', { nowNs: reading.context.clock(), target: 'tail' })
      const closing = new AbortController()
      open.add(closing)
      try {
        const options = { query, cursor, backlog: request.query.backlog ?? 0 }
        await writeTail(reading, reply, options, closing.signal)
      } finally {
        open.delete(closing)
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

interface TailOptions {
  query: CheckedQuery
  cursor: bigint | undefined
  backlog: number
}

/** Writes until the reader goes away or the server closes; never rejects once the stream has begun. */
async function writeTail(
  { context, reader }: Reading,
  reply: FastifyReply,
  { query, cursor, backlog }: TailOptions,
  closing: AbortSignal,
): Promise<void> {
  const { live, spool, node, limits } = context
  const gone = disconnectSignal(reply.raw)
  const select = toSelector(query, { node })
  const stream = openEventStream(reply, gone)
  // Nothing may come between this and the first step of the iteration, which subscribes.
  const startId = formatEventId(cursor ?? live.publishedThroughNs, node)
  void stream.send(formatServerEvent('start', JSON.stringify({ cursor: startId }), startId))
  const pings = setInterval(() => stream.ping(': \n\n'), PING_MS)
  try {
    const items = context.follow({
      live,
      select,
      signal: AbortSignal.any([gone, closing]),
      backlog,
      bufferEventsMax: limits.tailBufferEvents,
      waitStored: (receivedNs, signal) => spool.waitStored(receivedNs, signal),
      isStoreless: reader.isStoreless,
      ...reader.tail(query, select),
      ...(cursor === undefined ? {} : { cursor }),
    })
    await pump(items, stream, context)
    stream.end(formatServerEvent('end', '{"reason":"the server is closing"}'))
  } catch (error) {
    stream.end(formatServerEvent('failure', JSON.stringify(problemDocument(asAppError(error)))))
    if (!(error instanceof AppError)) reply.log.error({ err: error }, 'a tail failed')
  } finally {
    clearInterval(pings)
  }
}

/** Items that come together leave in one write; a reader that does not keep up is waited for. */
async function pump(
  items: AsyncIterable<FollowItem<Partial<EventJson>>>,
  stream: EventStream,
  { node, counters }: Pick<ApiContext, 'node' | 'counters'>,
): Promise<void> {
  let text = ''
  let scheduled: NodeJS.Immediate | undefined
  const flush = async (): Promise<void> => {
    clearImmediate(scheduled)
    scheduled = undefined
    const ready = text
    text = ''
    if (ready !== '') await stream.send(ready)
  }
  for await (const item of items) {
    if (item.kind === 'skipped') {
      counters.add('tail_skipped_events_total', {}, item.count)
      text += formatServerEvent('skipped', JSON.stringify({ count: item.count }))
    } else if (item.kind === 'incomplete') {
      text += formatServerEvent('incomplete', JSON.stringify({ from: formatTimestamp(item.fromNs) }))
    } else text += formatServerEvent('log', JSON.stringify(item.value), formatEventId(item.receivedNs, node))
    if (stream.isFull || text.length >= WRITE_CHARS_MAX) await flush()
    else scheduled ??= setImmediate(() => void flush())
  }
  await flush()
}
