import { Type } from 'typebox'
import { AppError } from '../core/errors.ts'
import { eventJson, parseEventId, type EventJson } from '../core/event.ts'
import { whileConnected, type Reader, type Reading } from './reading.ts'
import { EventSchema, problems, type ApiServer } from './schemas.ts'
import { decodeEvent, equals, eventsStatement, within, type Condition, type StoredEvent } from './stored-events.ts'
import { timeWindows } from './time-windows.ts'

const NEIGHBOURS_MAX = 1000
const NEIGHBOURS = 20

const count = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: NEIGHBOURS_MAX, default: NEIGHBOURS, description }))

/** `/api/v1/context/{id}`: what the same source on the same host said just before and after an event. */
export function registerNeighbours(app: ApiServer, reading: Reading): void {
  app.get(
    '/api/v1/context/:id',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'The neighbours of an event in its own source and host',
        params: Type.Object({ id: Type.String({ description: 'The id of the event' }) }),
        querystring: Type.Object({ before: count('How many before it'), after: count('How many after it') }),
        response: {
          200: Type.Object(
            {
              before: Type.Array(EventSchema, { description: 'Oldest first' }),
              event: EventSchema,
              after: Type.Array(EventSchema, { description: 'Oldest first' }),
            },
            { title: 'Context' },
          ),
          ...problems(400, 404, 408, 429, 503),
        },
      },
    },
    (request, reply) =>
      whileConnected(reading, request, reply, async (reader) => {
        const event = await findEvent(reading, request.params.id, reader)
        const { before = NEIGHBOURS, after = NEIGHBOURS } = request.query
        const [older, newer] = await Promise.all([
          neighbours(reading, event, { order: 'desc', limit: before }, reader),
          neighbours(reading, event, { order: 'asc', limit: after }, reader),
        ])
        return {
          before: older.toReversed().map(printed),
          event: printed(event),
          after: newer.map(printed),
        }
      }),
  )
}

function printed(event: StoredEvent): EventJson {
  return eventJson(event, event.node)
}

/** An event that may not be seen does not exist. */
async function findEvent({ context }: Reading, id: string, { view, signal }: Reader): Promise<StoredEvent> {
  const parsed = parseEventId(id)
  if (!parsed) throw new AppError('EVENT_NOT_FOUND', { detail: 'This is not the id of an event.' })
  const { receivedNs, node } = parsed
  const statement = eventsStatement({
    query: view.everything,
    conditions: [equals('node', node), within('received', { fromNs: receivedNs, toNs: receivedNs + 1n })],
    by: 'received',
    order: 'asc',
    limit: 1,
  })
  const { rows } = await context.store.select(statement, { signal, timeoutMs: context.limits.queryTimeoutMsMax })
  if (rows[0]) return decodeEvent(rows[0])
  // Who sees only some events is not to learn when the others came.
  const isWaiting = view.filter === '' && node === context.node && receivedNs > context.spool.storedThroughNs
  throw new AppError('EVENT_NOT_FOUND', isWaiting ? { hint: 'It may still be on its way to the store.' } : {})
}

async function neighbours(
  { context, figures }: Reading,
  event: StoredEvent,
  { order, limit }: { order: 'asc' | 'desc'; limit: number },
  { view, signal }: Reader,
): Promise<StoredEvent[]> {
  if (limit === 0) return []
  const { timestampNs, receivedNs, node } = event
  const range = order === 'asc' ? { fromNs: timestampNs } : { toNs: timestampNs + 1n }
  const place: Condition = {
    sql:
      `(timestamp, received, node) ${order === 'asc' ? '>' : '<'} (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), ` +
      `fromUnixTimestamp64Nano({at_received:Int64}, 'UTC'), {at_node:String})`,
    params: { at: timestampNs, at_received: receivedNs, at_node: node },
  }
  const found: StoredEvent[] = []
  for (const window of timeWindows(range, order, await figures.extent())) {
    const conditions = [equals('source', event.source), equals('host', event.host), within('timestamp', window), place]
    const wanted = limit - found.length
    const statement = eventsStatement({ query: view.everything, conditions, by: 'timestamp', order, limit: wanted })
    const { rows } = await context.store.select(statement, { signal, timeoutMs: context.limits.queryTimeoutMsMax })
    found.push(...rows.map(decodeEvent))
    if (found.length >= limit) break
  }
  return found
}
