import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { severityFromName } from '../../core/severity.ts'
import { decompressed } from '../../net/decompress.ts'
import { eventDefaults, type EventDefaults } from '../../wire/transcode/row-writer.ts'
import { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import { problemResponses } from '../problem-responses.ts'
import { senderHost } from '../sender-host.ts'
import type { SourceContext, SourceDefinition } from '../source.ts'
import { CONTENT_TYPES, streamFormat } from './content-type.ts'
import { Ingest, type IngestState } from './ingest.ts'

const NAME = 'http'

const ParametersSchema = Type.Object({
  service: Type.Optional(Type.String({ maxLength: 1024, description: 'Service of events that name none' })),
  host: Type.Optional(Type.String({ maxLength: 1024, description: 'Host of events that name none' })),
  source: Type.Optional(Type.String({ maxLength: 1024, description: 'Source of events that name none' })),
  level: Type.Optional(Type.String({ maxLength: 32, description: 'Level of events that have none' })),
})

const AnswerSchema = Type.Object({
  accepted: Type.Integer({ description: 'Events that are durable now' }),
  rejected: Type.Array(Type.Object({ line: Type.Integer(), reason: Type.String() }), {
    description: 'The first lines (or array elements) that were not taken, from 1',
  }),
  rejectedTotal: Type.Integer({ description: 'How many were not taken in all' }),
})

/** For the description alone: a stream is valid whatever it is. */
const BodySchema = {
  description:
    'Events, one a line, or JSON. Content-Encoding may be gzip, deflate, br, and zstd where the runtime has it.',
  content: Object.fromEntries(CONTENT_TYPES.map((type) => [type, { schema: {} }])),
}

const problems = problemResponses({
  400: 'Nothing could be accepted, the body is damaged, or a parameter is wrong',
  408: 'Nothing of the body came for too long',
  413: 'The body is too large',
  415: 'This content type or encoding is not accepted',
  429: 'Too many requests at once; Retry-After',
  503: 'Nothing can be taken now; Retry-After',
})

/** `POST /api/v1/ingest`: NDJSON, JSON or text, streamed into the sink, answered once durable. docs/sources/http.md. */
export const httpSource: SourceDefinition = {
  name: NAME,
  attach(app, context) {
    void app.register((scope, _options, done) => {
      addRoute(scope, context)
      done()
    })
  },
}

function addRoute(scope: FastifyInstance, context: SourceContext): void {
  const state: IngestState = {
    name: NAME,
    context,
    transcoder: new LineTranscoder(context.limits.event),
    active: 0,
    events: context.counters.counter('ingest_events_total', { source: NAME }),
    bytes: context.counters.counter('ingest_bytes_total', { source: NAME }),
  }
  // The body reaches the handler as a stream, whatever it is.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  scope.withTypeProvider<TypeBoxTypeProvider>().post(
    '/api/v1/ingest',
    {
      config: { access: 'write' },
      schema: {
        summary: 'Takes log events in; answers once they are durable',
        tags: ['ingest'],
        querystring: ParametersSchema,
        body: BodySchema,
        response: { 200: AnswerSchema, ...problems },
      },
    },
    (request) => take(request, request.query, state),
  )
}

async function take(
  request: FastifyRequest,
  parameters: Static<typeof ParametersSchema>,
  state: IngestState,
): Promise<Static<typeof AnswerSchema>> {
  const { limits } = state.context
  const format = streamFormat(request.headers['content-type'])
  const defaults = requestDefaults(request, parameters, state.context)
  const sizeBytes = Number(request.headers['content-length'] ?? Number.NaN)
  if (sizeBytes > limits.bodyBytesMax) {
    throw new AppError('BODY_TOO_LARGE', { detail: `${sizeBytes} bytes; the limit is ${limits.bodyBytesMax}` })
  }
  if (state.active >= limits.requestsMax) {
    const detail = `${state.active} requests are being taken already`
    throw new AppError('TOO_MANY_REQUESTS', { detail, retryAfterSeconds: 1 })
  }
  const body = decompressed(request.body, request.headers['content-encoding'], limits)
  const sink = state.context.sinkFor(request.principal)
  const ingest = new Ingest(state, { sink, format, defaults, sizeBytes: body.isCompressed ? Number.NaN : sizeBytes })
  const result = await ingest.run(body)
  if (result.accepted === 0 && result.rejectedTotal > 0) {
    throw new AppError('NOTHING_ACCEPTED', {
      detail: `none of ${result.rejectedTotal} lines could be accepted; line ${result.rejected[0]?.line}: ${result.rejected[0]?.reason}`,
      problems: result.rejected,
    })
  }
  return result
}

function requestDefaults(
  request: FastifyRequest,
  parameters: Static<typeof ParametersSchema>,
  context: SourceContext,
): EventDefaults {
  const { level, ...texts } = parameters
  const severity = level === undefined ? 0 : severityFromName(level)
  if (severity === undefined) {
    throw new AppError('REQUEST_INVALID', {
      detail: `parameter level: "${level}" is no level`,
      hint: 'one of trace, debug, info, notice, warn, error, crit, alert, fatal',
    })
  }
  return eventDefaults({ source: NAME, host: senderHost(request.ip, context.hostname), ...texts }, severity)
}
