import { Type } from 'typebox'
import { AppError } from '../core/errors.ts'
import { eventJson, parseEventId, type EventJson } from '../core/event.ts'
import type { ReadOptions } from '../store/store.ts'
import type { StoredEvent } from './event-reader.ts'
import { whileConnected, type Reading } from './reading.ts'
import { EventSchema, problems, type ApiServer } from './schemas.ts'

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
      whileConnected(reading, reply, async (signal) => {
        const { reader, visible } = reading
        const read = { signal, timeoutMs: reading.context.limits.queryTimeoutMsMax }
        const event = await findEvent(reading, request.params.id, read)
        const { before = NEIGHBOURS, after = NEIGHBOURS } = request.query
        const [older, newer] = await Promise.all([
          reader.neighbours(event, { order: 'desc', limit: before }, visible, read),
          reader.neighbours(event, { order: 'asc', limit: after }, visible, read),
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

async function findEvent({ context, reader, visible }: Reading, id: string, read: ReadOptions): Promise<StoredEvent> {
  const parsed = parseEventId(id)
  if (!parsed) throw new AppError('EVENT_NOT_FOUND', { detail: 'This is not the id of an event.' })
  const found = await reader.find(parsed, visible, read)
  if (found) return found
  const isWaiting = parsed.node === context.node && parsed.receivedNs > context.spool.storedThroughNs
  throw new AppError('EVENT_NOT_FOUND', isWaiting ? { hint: 'It may still be on its way to the store.' } : {})
}
