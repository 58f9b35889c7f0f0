import { Type, type Static } from 'typebox'
import { LANGUAGE } from '../query/query.ts'
import { fieldExpression } from './field-expression.ts'
import { SCANNED_EVENTS_MAX, scannedNamesStatement, scannedValuesStatement } from './field-scan.ts'
import { End, Start, Timeout } from './parameters.ts'
import { checkedQuery } from './questions.ts'
import { whileConnected, type Reader, type Reading } from './reading.ts'
import { problems, type ApiServer } from './schemas.ts'
import { joinConditions, within } from './stored-events.ts'
import { parseRange, parseTimeoutMs } from './times.ts'
import { visibleCondition } from './view.ts'

const NAMES_MAX = 10_000
const NAMES = 1000
const VALUES_MAX = 1000
const VALUES = 100

/** Fields whose values the rollup does not keep: they differ from event to event. */
const NOT_ROLLED_UP: ReadonlySet<string> = new Set(['message', 'trace_id', 'span_id', 'node'])

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
  { context }: Reading,
  { start, end, timeout, limit = NAMES }: NamesParameters,
  { view, signal }: Reader,
): Promise<Static<typeof NamesSchema>> {
  const range = parseRange(start, end, context.clock())
  const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax) }
  const matching = joinConditions([within('timestamp', range), visibleCondition(view.everything)])
  const statement = view.rollup?.fieldNames({ range, limit }) ?? scannedNamesStatement({ matching, limit })
  const { rows } = await context.store.select(statement, options)
  const fields = rows.map(([name, count]) => ({
    name: String(name),
    count: Number(count),
    kind: EVENT_FIELD_NAMES.has(String(name)) ? 'field' : 'attribute',
  }))
  return { fields, approximate: view.rollup !== undefined || (fields[0]?.count ?? 0) >= SCANNED_EVENTS_MAX }
}

async function values(
  { context }: Reading,
  name: string,
  parameters: ValuesParameters,
  { view, signal }: Reader,
): Promise<Static<typeof ValuesSchema>> {
  const { query: text = '', start, end, timeout, prefix = '', limit = VALUES } = parameters
  const nowNs = context.clock()
  const query = checkedQuery(view, text, { nowNs, target: 'search' })
  const asked = parseRange(start, end, nowNs)
  const options = { signal, timeoutMs: parseTimeoutMs(timeout, context.limits.queryTimeoutMsMax), rowsMax: limit }
  const expression = fieldExpression(name)
  if (view.rollup && text.trim() === '' && !NOT_ROLLED_UP.has(expression.name)) {
    const statement = view.rollup.fieldValues({ field: expression.name, prefix, range: asked, limit })
    const { rows } = await context.store.select(statement, options)
    return { field: expression.name, values: counted(rows), approximate: true }
  }
  const matching = joinConditions([within('timestamp', asked), visibleCondition(query)])
  const { rows } = await context.store.select(scannedValuesStatement(expression, { matching, prefix, limit }), options)
  const approximate = Number(rows[0]?.[2] ?? 0) >= SCANNED_EVENTS_MAX
  return { field: expression.name, values: counted(rows), approximate }
}

function counted(rows: readonly unknown[][]): { value: string; count: number }[] {
  return rows.map(([value, count]) => ({ value: String(value), count: Number(count) }))
}
