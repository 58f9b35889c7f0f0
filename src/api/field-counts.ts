/** Names and values of fields with their counts, in SQL: from the rollup where that is enough, else from events. */
import type { Statement } from '../core/statement.ts'
import { toFilterSql } from '../query/query.ts'
import type { ReadOptions, Store } from '../store/store.ts'
import type { fieldNamesStatement, fieldValuesStatement } from '../store/rollup.ts'
import type { Counted, FieldsQuestion, ValuesQuestion } from './event-reader.ts'
import { fieldExpression, type FieldExpression } from './field-expression.ts'
import { joinConditions, within, type Condition } from './stored-events.ts'

/** Matching events that are looked at for the values of a field under a query. */
export const SCANNED_EVENTS_MAX = 1_000_000

/** Fields whose values the rollup does not keep: they differ from event to event. */
const NOT_ROLLED_UP: ReadonlySet<string> = new Set(['message', 'trace_id', 'span_id', 'node'])

/** The store's own: what it keeps about fields and their values. */
export interface Rollup {
  fieldNames: typeof fieldNamesStatement
  fieldValues: typeof fieldValuesStatement
}

export interface FieldStore {
  store: Pick<Store, 'select'>
  rollup: Rollup
}

export async function countNames(
  { store, rollup }: FieldStore,
  { range, limit }: FieldsQuestion,
  options: ReadOptions,
): Promise<Counted> {
  const { rows } = await store.select(rollup.fieldNames({ range, limit }), options)
  return { counts: counted(rows), isApproximate: true }
}

export async function countValues(
  { store, rollup }: FieldStore,
  { visible, query, field, prefix, range, limit }: ValuesQuestion,
  read: ReadOptions,
): Promise<Counted> {
  const options = { ...read, rowsMax: limit }
  if (query === undefined && visible.filter === '' && !NOT_ROLLED_UP.has(field)) {
    const { rows } = await store.select(rollup.fieldValues({ field, prefix, range, limit }), options)
    return { counts: counted(rows), isApproximate: true }
  }
  const matching = joinConditions([within('timestamp', range), toFilterSql(query ?? visible.everything)])
  const { rows } = await store.select(scanStatement(fieldExpression(field), matching, prefix, limit), options)
  return { counts: counted(rows), isApproximate: Number(rows[0]?.[2] ?? 0) >= SCANNED_EVENTS_MAX }
}

function counted(rows: readonly unknown[][]): Counted['counts'] {
  return rows.map(([name, events]) => ({ name: String(name), events: Number(events) }))
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
