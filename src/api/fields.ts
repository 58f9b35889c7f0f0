import { Type, type Static } from 'typebox'
import { LANGUAGE } from '../query/query.ts'
import { fieldExpression } from './field-expression.ts'
import { SCANNED_EVENTS_MAX } from './field-scan.ts'
import { End, Start, Timeout } from './parameters.ts'
import { checkedQuery } from './questions.ts'
import { whileConnected, type Reader, type Reading } from './reading.ts'
import { problems, type ApiServer } from './schemas.ts'
import { parseRange, parseTimeoutMs } from './times.ts'

const NAMES_MAX = 10_000
const NAMES = 1000
const VALUES_MAX = 1000
const VALUES = 100

const isApproximate = Type.Boolean({
  description:
    'Counts of large loads are estimated from a sample, by whole hours; counts under a query or with a key that has ' +
    `a filter are exact, but of ${SCANNED_EVENTS_MAX} events at most`,
})

const NamesSchema = Type.Object(
  {
    fields: Type.Array(
      Type.Object({
        name: Type.String(),
        count: Type.Number({ description: 'Events that have it' }),
        kind: Type.String({ enum: ['field', 'attribute'] }),
      }),
    ),
    approximate: isApproximate,
  },
  { title: 'Fields' },
)

const ValuesSchema = Type.Object(
  {
    field: Type.String(),
    values: Type.Array(Type.Object({ value: Type.String(), count: Type.Number() })),
    approximate: isApproximate,
  },
  { title: 'FieldValues' },
)

const rangeParameters = { start: Type.Optional(Start), end: Type.Optional(End), timeout: Type.Optional(Timeout) }
const NamesParameters = Type.Object({
  ...rangeParameters,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: NAMES_MAX, description: `${NAMES} unless given` })),
})
type NamesParameters = Static<typeof NamesParameters>
const ValuesParameters = Type.Object({
  ...rangeParameters,
  prefix: Type.Optional(Type.String({ description: 'Values that begin so, in any case' })),
  query: Type.Optional(
    Type.String({ description: `Only among the events that this selects, ${SCANNED_EVENTS_MAX} of them at most` }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: VALUES_MAX, description: `${VALUES} unless given` })),
})
type ValuesParameters = Static<typeof ValuesParameters>

const EVENT_FIELD_NAMES: ReadonlySet<string> = new Set(LANGUAGE.fields.map(({ name }) => name))

/** `/api/v1/fields` and the values of one: from the rollup, so that no events are read; with a filter from events. */
export function registerFields(app: ApiServer, reading: Reading): void {
  app.get(
    '/api/v1/fields',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'Names of all fields and attributes',
        querystring: NamesParameters,
        response: { 200: NamesSchema, ...problems(400, 408, 429, 503) },
      },
    },
    (request, reply) => whileConnected(reading, request, reply, (reader) => names(reading, request.query, reader)),
  )
  app.get(
    '/api/v1/fields/:name/values',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'Most frequent values of a field or attribute',
        params: Type.Object({ name: Type.String({ description: 'Name of the field or attribute' }) }),
        querystring: ValuesParameters,
        response: { 200: ValuesSchema, ...problems(400, 408, 413, 429, 503) },
      },
    },
    (request, reply) =>
      whileConnected(reading, request, reply, (reader) => values(reading, request.params.name, request.query, reader)),
  )
}

async function names(
  { context, events }: Reading,
  { start, end, timeout, limit = NAMES }: NamesParameters,
  { view, signal }: Reader,
): Promise<Static<typeof NamesSchema>> {
  const range = parseRange(start, end, context.clock())
  const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax) }
  const { counts, isApproximate } = await events.fieldNames({ visible: view, range, limit }, options)
  const fields = counts.map(({ name, events: count }) => ({
    name,
    count,
    kind: EVENT_FIELD_NAMES.has(name) ? 'field' : 'attribute',
  }))
  return { fields, approximate: isApproximate }
}

async function values(
  { context, events }: Reading,
  name: string,
  parameters: ValuesParameters,
  { view, signal }: Reader,
): Promise<Static<typeof ValuesSchema>> {
  const { query: text = '', start, end, timeout, prefix = '', limit = VALUES } = parameters
  const nowNs = context.clock()
  const query = checkedQuery(view, text, { nowNs, target: 'search' })
  const range = parseRange(start, end, nowNs)
  const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax) }
  const { name: field } = fieldExpression(name)
  const question = { visible: view, query: text.trim() === '' ? undefined : query, field, prefix, range, limit }
  const { counts, isApproximate } = await events.fieldValues(question, options)
  return {
    field,
    values: counts.map(({ name: value, events: count }) => ({ value, count })),
    approximate: isApproximate,
  }
}
