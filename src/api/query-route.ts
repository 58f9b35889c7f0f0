import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { AuditRecord } from '../core/audit.ts'
import { AppError, problemDocument } from '../core/errors.ts'
import { withoutEmpty } from './audit-details.ts'
import { QueryParameters } from './parameters.ts'
import { answerJson } from './json-answer.ts'
import { asAppError, parseQuestion, type Question } from './questions.ts'
import { whileConnected, type Reading } from './reading.ts'
import { EventSchema, problems, StatsSchema, type ApiServer } from './schemas.ts'
import { streamLines } from './line-answer.ts'
import { streamBody } from './streamed-body.ts'
import { endedError } from '../core/principal.ts'
import { watchReader } from './disconnect.ts'
import { discreet } from './discretion.ts'

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

const CONTENT_TYPES = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
}

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
    answer(reading, request.query, request, reply),
  )
  server.post<{ Querystring: QueryParameters; Body?: QueryParameters }>(
    '/api/v1/query',
    { config, schema: { ...schema, body: QueryParameters }, preValidation: emptyBodyIfNone },
    (request, reply) => answer(reading, { ...request.query, ...request.body }, request, reply),
  )
}

/** A POST may have all of its parameters in the address. */
async function emptyBodyIfNone(request: FastifyRequest): Promise<void> {
  request.body ??= {}
}

async function answer(
  reading: Reading,
  parameters: QueryParameters,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { context } = reading
  const question = parseQuestion(parameters, { view: reading.view(request.principal), context })
  const { format } = question
  reply.header('cache-control', 'no-store').type(CONTENT_TYPES[format])
  // Only a reader of the answer is worth the store's work.
  if (request.method === 'HEAD') return reply.send(Readable.from([]))
  if (format !== 'json') return answerStream(reading, question, { format, parameters }, request, reply)
  try {
    const text = await whileConnected(reading, request, reply, ({ signal }) => answerJson(reading, question, signal))
    return reply.send(text)
  } finally {
    request.rowsRead = question.spent.rowsRead
  }
}

interface Export {
  format: 'ndjson' | 'csv'
  parameters: QueryParameters
}

/**
 * The place is given back when the last line is read, or when the reader is gone. When the principal ends, the
 * connection is cut.
 */
async function answerStream(
  reading: Reading,
  question: Question,
  { format, parameters }: Export,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { principal } = request
  const { signal, ended } = watchReader(principal, reply.raw)
  let leave: (() => void) | undefined
  try {
    leave = await reading.streams.enter(signal, principal.keyId)
    const body = await streamBody(streamLines(reading, question, format, signal), (error) => {
      if (signal.aborted) return undefined
      reading.context.logger.warn({ err: error }, 'A streamed answer failed')
      const problem = problemDocument(discreet(asAppError(error), principal))
      return format === 'ndjson' ? `${JSON.stringify({ error: problem })}\n` : undefined
    })
    await reading.context.audit(exportRecord(request, question, parameters))
    signal.throwIfAborted()
    ended.addEventListener('abort', () => reply.raw.destroy(), { once: true })
    body.once('close', leave)
    return reply.send(body)
  } catch (error) {
    leave?.()
    if (ended.aborted) throw endedError(principal, error)
    throw signal.aborted ? new AppError('QUERY_CANCELLED', { cause: error }) : error
  }
}

/** Characters of a query that the audit trail keeps. */
const AUDITED_CHARS_MAX = 4096

function exportRecord(
  request: FastifyRequest,
  { format, limit, view }: Question,
  { query = '', start, end }: QueryParameters,
): AuditRecord {
  const details = {
    format,
    limit: String(limit),
    query: query.slice(0, AUDITED_CHARS_MAX),
    start,
    end,
    filter: view.filter,
  }
  return {
    action: 'events.exported',
    principal: request.principal,
    address: request.ip,
    details: withoutEmpty(details),
  }
}
