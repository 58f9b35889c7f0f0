/** How many events there are in each bucket of time, by the values of a field: in SQL. */
import { levelOf } from '../core/severity.ts'
import type { ReadOptions, Store } from '../store/store.ts'
import type { BucketCount, BucketQuestion } from './event-reader.ts'
import { fieldExpression, type FieldExpression } from './field-expression.ts'
import { joinConditions, within, type Condition } from './stored-events.ts'
import { visibleCondition } from './view.ts'

/** Different severities that may be stored: more than there are values of any other field. */
const SEVERITIES = 256

/** Short types for bucket and value make the grouping three times as fast. */
const BUCKET = 'toUInt16(intDiv(toUnixTimestamp64Nano(timestamp) - {first:Int64}, {interval:Int64}))'

export async function countBuckets(
  store: Pick<Store, 'select'>,
  question: BucketQuestion,
  options: ReadOptions,
): Promise<BucketCount[]> {
  const { buckets, query, range, valuesMax } = question
  const by = fieldExpression(question.by)
  const matching = joinConditions([within('timestamp', range), visibleCondition(query)])
  const isLevel = by.name === 'level'
  const top = isLevel ? [] : await topValues(store, { matching, by, valuesMax }, options)
  if (!isLevel && top.length === 0) return []
  const places = `transform(${by.sql}, {top_values:Array(String)}, {top_places:Array(UInt8)}, 0)`
  const statement = {
    sql:
      `SELECT ${BUCKET} AS bucket, ${isLevel ? 'severity' : places} AS place, count() ` +
      `FROM events WHERE ${matching.sql} GROUP BY bucket, place`,
    params: {
      ...matching.params,
      first: buckets.firstNs,
      interval: buckets.intervalNs,
      ...(isLevel ? {} : { ...by.params, top_values: top, top_places: top.map((_, index) => index + 1) }),
    },
  }
  const { rows } = await store.select(statement, { ...options, rowsMax: buckets.count * SEVERITIES })
  return rows.map(([bucket, place, events]) => ({
    bucket: Number(bucket),
    value: isLevel ? levelOf(Number(place)) : top[Number(place) - 1],
    events: Number(events),
  }))
}

/** The most frequent values over the whole range. */
async function topValues(
  store: Pick<Store, 'select'>,
  { matching, by, valuesMax }: { matching: Condition; by: FieldExpression; valuesMax: number },
  options: ReadOptions,
): Promise<string[]> {
  const statement = {
    sql:
      `SELECT ${by.sql} AS value FROM events WHERE ${matching.sql} ` +
      `GROUP BY value ORDER BY count() DESC, value LIMIT ${valuesMax}`,
    params: { ...matching.params, ...by.params },
  }
  const { rows } = await store.select(statement, options)
  return rows.map(([value]) => String(value))
}
