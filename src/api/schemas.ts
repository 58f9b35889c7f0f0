/** The TypeBox schemas that several routes answer with. The OpenAPI document is derived from them. */
import { Type } from 'typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LEVELS } from '../core/severity.ts'

/** The server as routes see it: request types follow from the route's schemas. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export const EventSchema = Type.Object(
  {
    id: Type.String({ description: 'Identity of the event, and the cursor that a tail resumes after' }),
    timestamp: Type.String({ description: 'When it happened, as its sender says: RFC 3339 in UTC' }),
    received: Type.String({ description: 'When the server took it: RFC 3339 in UTC' }),
    severity: Type.Integer({ minimum: 0, maximum: 24, description: 'OpenTelemetry severity number; 0 is unknown' }),
    level: Type.String({ enum: LEVELS }),
    service: Type.String(),
    host: Type.String(),
    source: Type.String({ description: 'Log file, stream name, or the listener' }),
    message: Type.String(),
    trace_id: Type.String(),
    span_id: Type.String(),
    attributes: Type.Record(Type.String(), Type.String()),
  },
  { title: 'Event' },
)

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: see the error reference' }),
    detail: Type.String(),
    hint: Type.Optional(Type.String()),
    problems: Type.Optional(Type.Array(Type.Unknown())),
  },
  { title: 'Problem', description: 'RFC 9457 problem document' },
)

export const QueryProblemSchema = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    from: Type.Integer({ description: 'Where the mistake begins in the query text, in UTF-16 units' }),
    to: Type.Integer({ description: 'Where it ends, exclusive' }),
    hint: Type.Optional(Type.String()),
  },
  { title: 'QueryProblem' },
)

export const StatsSchema = Type.Object(
  { elapsedMs: Type.Number(), rowsRead: Type.Number(), bytesRead: Type.Number() },
  { title: 'QueryStats', description: 'What the store had to do' },
)

const PROBLEM_TEXTS: Readonly<Record<number, string>> = {
  400: 'The request, the query, a time or a cursor is not valid',
  401: 'Nothing that is shown as a key is valid',
  403: 'The key does not allow this, or a page of somebody else asks for it',
  404: 'There is nothing there',
  409: 'There are too many, or it has been changed meanwhile',
  408: 'The query took longer than the limit',
  410: 'What was there has been deleted',
  413: 'The query needs more than the limits allow',
  425: 'The page is not closed yet; Retry-After says when it will be',
  429: 'Too many requests at once',
  503: 'The store does not answer; events are still being taken',
}

/** The error responses of a route, for its `response` schema. */
export function problems(...statuses: (keyof typeof PROBLEM_TEXTS)[]): Record<string, unknown> {
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: PROBLEM_TEXTS[status] ?? 'An error',
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  )
}

/** A response body in one content type that is no JSON schema of its own. */
export function textResponse(description: string, contentType: string): unknown {
  return { description, content: { [contentType]: { schema: Type.String() } } }
}
