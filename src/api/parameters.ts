import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../core/errors.ts'
import { didYouMean } from '../core/suggest.ts'
import type { ApiServer } from './schemas.ts'

export const QueryText = Type.String({ description: 'A query in the query language; empty selects everything' })
export const Start = Type.String({
  description: 'Earliest timestamp, inclusive: RFC 3339, an epoch number in s, ms, µs or ns, or a time ago (-15m)',
})
export const End = Type.String({ description: 'Latest timestamp, exclusive; the same forms' })
export const Timeout = Type.String({
  description: 'Longest time the query may take, such as 10s; bounded by the server',
})

export const QueryParameters = Type.Object({
  query: Type.Optional(QueryText),
  start: Type.Optional(Start),
  end: Type.Optional(End),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Most events or rows to answer with; unless given 100, or the most the server allows',
    }),
  ),
  cursor: Type.Optional(Type.String({ description: 'From the answer before: the page that follows it' })),
  order: Type.Optional(
    Type.String({ enum: ['desc', 'asc'], description: 'By timestamp, newest first (desc) unless given' }),
  ),
  format: Type.Optional(
    Type.String({ enum: ['json', 'ndjson', 'csv'], description: 'json unless given; ndjson and csv are streamed' }),
  ),
  timeout: Type.Optional(Timeout),
})
export type QueryParameters = Static<typeof QueryParameters>

/**
 * Refuses parameters that the route does not have: a misspelt `start` must not silently answer from all of time.
 * For routes whose schema names their parameters.
 */
export async function refuseUnknownParameters(request: FastifyRequest): Promise<void> {
  const { querystring, body } = request.routeOptions.schema ?? {}
  check(request.query, querystring, 'parameter')
  if (request.body !== undefined && request.body !== null) check(request.body, body, 'field')
}

function check(given: unknown, schema: unknown, kind: string): void {
  const known = Object.keys((schema as { properties?: object } | undefined)?.properties ?? {})
  for (const name of Object.keys(given as object)) {
    if (known.includes(name)) continue
    throw new AppError('REQUEST_INVALID', {
      detail: `There is no ${kind} ${JSON.stringify(name.slice(0, 100))} here${didYouMean(name.slice(0, 100), known)}.`,
      hint: known.length === 0 ? 'This address takes none.' : `Known: ${known.join(', ')}.`,
    })
  }
}

export interface BodyOptions {
  /** As sent. */
  bytesMax: number
  /** Whether a form will do, as `curl -d 'query=…'` and pages send it. Pages of others send forms, too. */
  takesForms: boolean
}

/** JSON, and nothing else but forms. */
export function acceptSmallBodies(app: ApiServer, { bytesMax, takesForms }: BodyOptions): void {
  app.removeAllContentTypeParsers()
  const options = { parseAs: 'string', bodyLimit: bytesMax } as const
  app.addContentTypeParser<string>('application/json', options, (_request, body, done) => {
    try {
      done(null, body === '' ? {} : JSON.parse(body))
    } catch (error) {
      done(new AppError('BODY_UNREADABLE', { cause: error, detail: 'The body is not JSON.' }))
    }
  })
  if (!takesForms) return
  app.addContentTypeParser<string>('application/x-www-form-urlencoded', options, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body)))
  })
}
