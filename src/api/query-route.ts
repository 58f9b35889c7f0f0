import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { problemDocument } from '../core/errors.ts'
import { QueryParameters } from './parameters.ts'
import { answerJson } from './json-answer.ts'
import { asAppError, parseQuestion, type Question } from './questions.ts'
import { whileConnected, type Reading } from './reading.ts'
import { EventSchema, problems, StatsSchema, type ApiServer } from './schemas.ts'
import { streamLines } from './line-answer.ts'
import { streamBody } from './streamed-body.ts'
import { disconnectSignal } from './disconnect.ts'

const AnswerSchema = Type.Object(
  {
    columns: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), type: Type.String() }), { description: 'Of a table' }),
    ),
    events: Type.Optional(Type.Array(Type.Partial(EventSchema), { description: 'Unless the query makes a table' })),
    rows: Type.Optional(Type.Array(Type.Array(Type.Unknown()), { description: 'Of a table (stats, top, timechart)' })),
    cursor: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: 'For the next page of events; null on the last' }),
    ),
    truncated: Type.Optional(Type.Boolean({ description: 'The table may have had more rows than one answer holds' })),
    stats: StatsSchema,
  },
  { title: 'Answer' },
)

const CONTENT_TYPES = { ndjson: 'application/x-ndjson; charset=utf-8', csv: 'text/csv; charset=utf-8; header=present' }

const response = {
  200: {
    description: 'Events, or the table that the query makes. NDJSON: an event or row each line, CSV: after RFC 4180.',
    content: {
      'application/json': { schema: AnswerSchema },
      'application/x-ndjson': { schema: Type.String() },
      'text/csv': { schema: Type.String() },
    },
  },
  ...problems(400, 408, 413, 429, 503),
}

/** `/api/v1/query`: search, and tables. Everything can come as parameters or, with POST, in the body. */
export function registerQuery(app: ApiServer, reading: Reading): void {
  // The answers are text and streams already, which the types that follow from the response schema do not foresee.
  const server = app as unknown as FastifyInstance
  const schema = { tags: ['reading'], summary: 'Search', querystring: QueryParameters, response }
  const config = { access: 'read' } as const
  server.get<{ Querystring: QueryParameters }>('/api/v1/query', { config, schema }, (request, reply) =>
    answer(reading, request.query, reply),
  )
  server.post<{ Querystring: QueryParameters; Body?: QueryParameters }>(
    '/api/v1/query',
    { config, schema: { ...schema, body: QueryParameters }, preValidation: emptyBodyIfNone },
    (request, reply) => answer(reading, { ...request.query, ...request.body }, reply),
  )
}

/** A POST may have all of its parameters in the address. */
async function emptyBodyIfNone(request: FastifyRequest): Promise<void> {
  request.body ??= {}
}

async function answer(reading: Reading, parameters: QueryParameters, reply: FastifyReply): Promise<FastifyReply> {
  const question = parseQuestion(parameters, reading.context)
  reply.header('cache-control', 'no-store')
  if (question.format !== 'json') return answerStream(reading, question, question.format, reply)
  const text = await whileConnected(reading, reply, (signal) => answerJson(reading, question, signal))
  return reply.type('application/json; charset=utf-8').send(text)
}

/** The place is given back when the last line is read, or when the reader is gone. */
async function answerStream(
  reading: Reading,
  question: Question,
  format: 'ndjson' | 'csv',
  reply: FastifyReply,
): Promise<FastifyReply> {
  const signal = disconnectSignal(reply.raw)
  const leave = await reading.streams.enter(signal)
  try {
    const body = await streamBody(streamLines(reading, question, format, signal), (error) => {
      if (!signal.aborted) reply.log.warn({ err: error }, 'a streamed answer failed')
      return format === 'ndjson' ? `${JSON.stringify({ error: problemDocument(asAppError(error)) })}\n` : undefined
    })
    body.once('close', leave)
    return reply.type(CONTENT_TYPES[format]).send(body)
  } catch (error) {
    leave()
    throw error
  }
}
