import { Type, type Static } from 'typebox'
import type { Statement } from '../core/statement.ts'
import { LANGUAGE, toFilterSql } from '../query/query.ts'
import { fieldExpression, type FieldExpression } from './field-expression.ts'
import { End, Start, Timeout } from './parameters.ts'
import { checkedQuery } from './questions.ts'
import { whileConnected, type Reading } from './reading.ts'
import { problems, type ApiServer } from './schemas.ts'
import { joinConditions, within, type Condition } from './stored-events.ts'
import { parseRange, parseTimeoutMs } from './times.ts'

const NAMES_MAX = 10_000
const NAMES = 1000
const VALUES_MAX = 1000
const VALUES = 100
/** Matching events that are looked at for the values of a field under a query. */
export const SCANNED_EVENTS_MAX = 1_000_000

/** Fields whose values the rollup does not keep: they differ from event to event. */
const NOT_ROLLED_UP: ReadonlySet<string> = new Set(['message', 'trace_id', 'span_id', 'node'])

const isApproximate = Type.Boolean({
  description: 'Counts of large loads are estimated from a sample, by whole hours; counts under a query are exact',
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

/** `/api/v1/fields` and the values of one: from the rollup, so that no events are read. */
export function registerFields(app: ApiServer, reading: Reading): void {
  const { context } = reading
  app.get(
    '/api/v1/fields',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'Names of all fields and attributes',
        querystring: Type.Object({
          ...rangeParameters,
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: NAMES_MAX, description: `${NAMES} unless given` })),
        }),
        response: { 200: NamesSchema, ...problems(400, 408, 429, 503) },
      },
    },
    (request, reply) =>
      whileConnected(reading, reply, async (signal) => {
        const { start, end, timeout, limit = NAMES } = request.query
        const range = parseRange(start, end, context.clock())
        const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax) }
        const { rows } = await context.store.select(context.rollup.fieldNames({ range, limit }), options)
        const fields = rows.map(([name, count]) => ({
          name: String(name),
          count: Number(count),
          kind: EVENT_FIELD_NAMES.has(String(name)) ? 'field' : 'attribute',
        }))
        return { fields, approximate: true }
      }),
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
      whileConnected(reading, reply, (signal) => values(reading, request.params.name, request.query, signal)),
  )
}

async function values(
  { context }: Reading,
  name: string,
  parameters: ValuesParameters,
  signal: AbortSignal,
): Promise<Static<typeof ValuesSchema>> {
  const { query: text = '', start, end, timeout, prefix = '', limit = VALUES } = parameters
  const nowNs = context.clock()
  const query = checkedQuery(text, { nowNs, target: 'search' })
  const asked = parseRange(start, end, nowNs)
  const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax), rowsMax: limit }
  const expression = fieldExpression(name)
  if (text.trim() === '' && !NOT_ROLLED_UP.has(expression.name)) {
    const statement = context.rollup.fieldValues({ field: expression.name, prefix, range: asked, limit })
    const { rows } = await context.store.select(statement, options)
    const found = rows.map(([value, count]) => ({ value: String(value), count: Number(count) }))
    return { field: expression.name, values: found, approximate: true }
  }
  const matching = joinConditions([within('timestamp', asked), toFilterSql(query)])
  const { rows } = await context.store.select(scanStatement(expression, matching, prefix, limit), options)
  const found = rows.map(([value, count]) => ({ value: String(value), count: Number(count) }))
  return { field: expression.name, values: found, approximate: Number(rows[0]?.[2] ?? 0) >= SCANNED_EVENTS_MAX }
}

/** `SELECT value, count, counted events`: the last is the same in every row. */
function scanStatement(field: FieldExpression, matching: Condition, prefix: string, limit: number): Statement {
  return {
    sql:
      'SELECT value, count() AS events, sum(count()) OVER () FROM (' +
      `SELECT ${field.sql} AS value FROM events WHERE ${matching.sql} ` +
      "AND value != '' AND startsWith(lowerUTF8(value), lowerUTF8({value_prefix:String})) " +
      'LIMIT {scanned_max:UInt64}) GROUP BY value ORDER BY events DESC, value LIMIT {values_max:UInt32}',
    params: {
      ...matching.params,
      ...field.params,
      value_prefix: prefix,
      scanned_max: SCANNED_EVENTS_MAX,
      values_max: limit,
    },
  }
}
