/** Names and values of fields with their counts, in SQL: from the rollup where that is enough, else from events. */
import type { ReadOptions, Store } from '../store/store.ts'
import type { fieldNamesStatement, fieldValuesStatement } from '../store/rollup.ts'
import type { Counted, FieldsQuestion, ValuesQuestion } from './event-reader.ts'
import { fieldExpression } from './field-expression.ts'
import { SCANNED_EVENTS_MAX, scannedNamesStatement, scannedValuesStatement } from './field-scan.ts'
import { joinConditions, within } from './stored-events.ts'
import { visibleCondition } from './view.ts'

/** Fields whose values the rollup does not keep: they differ from event to event. */
const NOT_ROLLED_UP: ReadonlySet<string> = new Set(['message', 'trace_id', 'span_id', 'node'])

/** The store's own: what it keeps about the fields of all events, so it answers only those who may see all events. */
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
  { visible, range, limit }: FieldsQuestion,
  options: ReadOptions,
): Promise<Counted> {
  if (visible.filter === '') {
    const { rows } = await store.select(rollup.fieldNames({ range, limit }), options)
    return { counts: counted(rows), isApproximate: true }
  }
  const matching = joinConditions([within('timestamp', range), visibleCondition(visible.everything)])
  const { rows } = await store.select(scannedNamesStatement({ matching, limit }), options)
  const counts = counted(rows)
  return { counts, isApproximate: (counts[0]?.events ?? 0) >= SCANNED_EVENTS_MAX }
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
  const matching = joinConditions([within('timestamp', range), visibleCondition(query ?? visible.everything)])
  const statement = scannedValuesStatement(fieldExpression(field), { matching, prefix, limit })
  const { rows } = await store.select(statement, options)
  return { counts: counted(rows), isApproximate: Number(rows[0]?.[2] ?? 0) >= SCANNED_EVENTS_MAX }
}

function counted(rows: readonly unknown[][]): Counted['counts'] {
  return rows.map(([name, events]) => ({ name: String(name), events: Number(events) }))
}
