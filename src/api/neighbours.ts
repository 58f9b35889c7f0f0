import { Type } from 'typebox'
import { AppError } from '../core/errors.ts'
import { eventJson, parseEventId, type EventJson } from '../core/event.ts'
import type { ReadOptions } from '../store/store.ts'
import type { StoredEvent } from './event-reader.ts'
import { whileConnected, type Reader, type Reading } from './reading.ts'
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
      whileConnected(reading, request, reply, async ({ view, signal }) => {
        const { context, events } = reading
        const read = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
        const event = await findEvent(reading, request.params.id, view, read)
        const { before = NEIGHBOURS, after = NEIGHBOURS } = request.query
        const [older, newer] = await Promise.all([
          events.neighbours(event, { order: 'desc', limit: before }, view, read),
          events.neighbours(event, { order: 'asc', limit: after }, view, read),
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
async function findEvent(
  { context, events }: Reading,
  id: string,
  view: Reader['view'],
  read: ReadOptions,
): Promise<StoredEvent> {
  const parsed = parseEventId(id)
  if (!parsed) throw new AppError('EVENT_NOT_FOUND', { detail: 'This is not the id of an event.' })
  const found = await events.find(parsed, view, read)
  if (found) return found
  const { node, receivedNs } = parsed
  // Who sees only some events is not to learn when the others came.
  const isWaiting = view.filter === '' && node === context.node && receivedNs > context.spool.storedThroughNs
  throw new AppError('EVENT_NOT_FOUND', isWaiting ? { hint: 'It may still be on its way to the store.' } : {})
}
