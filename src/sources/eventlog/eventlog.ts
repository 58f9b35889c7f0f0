import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { AppError } from '../../core/errors.ts'
import { formatSize } from '../../core/units.ts'
import { decompressed } from '../../net/decompress.ts'
import { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import { senderHost } from '../sender-host.ts'
import { problemResponses } from '../problem-responses.ts'
import type { SourceContext, SourceDefinition } from '../source.ts'
import { EventBatch } from '../../core/batch.ts'
import { parseId } from './event-ids.ts'
import { IdWindow } from './id-window.ts'
import { ID_ATTRIBUTE } from './rows.ts'
import { submit, type SubmissionState } from './submission.ts'

const NAME = 'eventlog'
const RETRY_AFTER_SECONDS = 1
/** Number of the last write before numbers begin again. */
const WRITES_MAX = 2 ** 32 - 2
/** Stands for the write of an event that was stored before the server started. */
const WRITE_BEFORE = 0

const AnswerSchema = Type.Object({
  ids: Type.Array(Type.String(), { description: 'In the order of the events; the same event has the same id' }),
  repeated: Type.Array(Type.Integer(), { description: 'Positions, from 0, of events that had been submitted before' }),
})

const EventSchema = Type.Object(
  {
    facility: Type.String({ description: 'Unique name of the sender' }),
    timestamp: Type.Optional(
      Type.String({ format: 'date-time', description: 'UTC; the received time where it is missing' }),
    ),
    level: Type.String({ enum: ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] }),
    event: Type.String({ description: 'What happened, without variable parts' }),
  },
  {
    title: 'LoggedEvent',
    description: 'Any further names and values, nested or not, are context',
    additionalProperties: true,
    examples: [
      {
        facility: 'shop/billing',
        timestamp: '2026-01-05T10:11:12.345Z',
        level: 'error',
        event: 'payment declined',
        'user-id': 42,
        exception: { type: 'CardError', message: 'insufficient funds' },
      },
    ],
  },
)

const ParameterSchema = Type.Object({
  skew: Type.Optional(
    Type.String({
      enum: ['reject', 'replace'],
      description:
        'What becomes of a timestamp that cannot be. reject, unless given: one further ahead than ingest.futureSkewMax, ' +
        'or before 1970, is a mistake. replace: the received time takes the place of any that lies after it, or ' +
        'before 1970, and attribute clock.skewed keeps it',
    }),
  ),
})

const BodySchema = Type.Union([EventSchema, Type.Array(EventSchema)], {
  description: 'One event or an array of them. Content-Encoding may be gzip, deflate or br.',
})

const problems = problemResponses({
  400: 'An event is not valid: `problems` names position and field; nothing was kept',
  408: 'Nothing of the body came for too long',
  413: 'The body is too large',
  415: 'This content type or encoding is not accepted',
  429: 'Too many requests at once; Retry-After',
  503: 'Nothing can be taken now; Retry-After',
})

/** `POST /api/v1/eventlog`: events with a facility, a level and a fixed text, each stored once. docs/sources/eventlog.md. */
export const eventlogSource: SourceDefinition = {
  name: NAME,
  attach(app, context) {
    const state = createState(context)
    let isKnown = false
    app.addHook('onListen', (done) => {
      done()
      void recall(state).then(
        () => (isKnown = true),
        (err: unknown) => context.logger.warn({ err }, 'The event log could not learn what was submitted before'),
      )
    })
    void app.register((scope, _options, done) => {
      addRoute(scope, state, () => isKnown)
      done()
    })
  },
}

function createState(context: SourceContext): SubmissionState {
  const { counters, limits } = context
  let number = 0
  let writes = 0
  return {
    name: NAME,
    context,
    transcoder: new LineTranscoder(limits.event, undefined, ['facility', 'event', 'level']),
    window: new IdWindow({
      windowMs: limits.eventlog.repeatWindowMs,
      idsMax: limits.eventlog.idsMax,
      now: () => performance.now(),
      onForgotten: (count) => counters.add('eventlog_ids_forgotten_total', {}, count),
    }),
    rows: new EventBatch(),
    writes: new Map(),
    nextWrite: () => (writes = writes === WRITES_MAX ? 1 : writes + 1),
    active: 0,
    bytes: 0,
    unique: () => `${context.clock()}-${process.pid}-${++number}`,
    events: counters.counter('ingest_events_total', { source: NAME }),
    repeats: counters.counter('eventlog_repeated_total'),
  }
}

/** Ids of the last events before the restart, so that what was acknowledged to nobody and is sent again is known. */
async function recall({ context, window }: SubmissionState): Promise<void> {
  const { repeatWindowMs, idsMax } = context.limits.eventlog
  const found = await context.recentValues({
    source: NAME,
    attribute: ID_ATTRIBUTE,
    windowMs: repeatWindowMs,
    valuesMax: Math.floor(idsMax / 2),
  })
  for (const text of found) {
    const id = parseId(text)
    if (!id) continue
    window.expect(1)
    window.add(id, 0, WRITE_BEFORE)
  }
}

function addRoute(scope: FastifyInstance, state: SubmissionState, isKnown: () => boolean): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', (_request, payload, done) => done(null, payload))
  scope.post(
    '/api/v1/eventlog',
    {
      config: { access: 'write' },
      // The schema is for the description: what is not valid is told field by field.
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Submits events to the event log; answers once they are durable',
        tags: ['eventlog'],
        querystring: ParameterSchema,
        body: BodySchema,
        response: { 201: AnswerSchema, ...problems },
      },
    },
    async (request, reply) => {
      if (!isKnown()) {
        throw new AppError('EVENTLOG_STARTING', { retryAfterSeconds: RETRY_AFTER_SECONDS })
      }
      const answer = await take(request, state)
      return reply.code(201).type('application/json; charset=utf-8').send(answer)
    },
  )
}

async function take(request: FastifyRequest, state: SubmissionState): Promise<Buffer> {
  const { counters, hostname, limits, sinkFor } = state.context
  const isSkewReplaced = parseSkew(request.query)
  if (state.active >= limits.requestsMax) throw tooMany(`${limits.requestsMax} submissions are under way`)
  const sink = sinkFor(request.principal)
  state.active++
  let bytes = 0
  try {
    const release = sink.hold()
    let submitted: Promise<Buffer>
    try {
      const body = await whole(request, state, (size) => (bytes += size))
      counters.add('ingest_bytes_total', { source: NAME }, body.length)
      // Hands its batch over before it waits: from here on others need not wait for this one.
      submitted = submit(body, state, { sink, host: senderHost(request.ip, hostname), isSkewReplaced })
    } finally {
      release()
    }
    return await submitted
  } finally {
    state.active--
    state.bytes -= bytes
  }
}

function parseSkew(query: unknown): boolean {
  const { skew = 'reject' } = query as { skew?: unknown }
  if (skew === 'reject' || skew === 'replace') return skew === 'replace'
  throw new AppError('REQUEST_INVALID', {
    detail: `skew: ${JSON.stringify(skew)?.slice(0, 100)} is neither reject nor replace.`,
  })
}

/** The body, as long as there is room for it beside all others. */
async function whole(
  request: FastifyRequest,
  state: SubmissionState,
  onBytes: (size: number) => void,
): Promise<Buffer> {
  const { bodyBytesMax, bytesMax } = state.context.limits.eventlog
  const limits = { ...state.context.limits, bodyBytesMax, decompressedBytesMax: bodyBytesMax }
  const chunks: Buffer[] = []
  for await (const chunk of decompressed(request.body, request.headers['content-encoding'], limits)) {
    if (state.bytes + chunk.length > bytesMax) throw tooMany(`submissions of ${formatSize(bytesMax)} are under way`)
    state.bytes += chunk.length
    onBytes(chunk.length)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

function tooMany(what: string): AppError {
  return new AppError('TOO_MANY_REQUESTS', {
    detail: `${what}, which is the limit`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
