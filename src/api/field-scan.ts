/** Names and values of fields counted over events themselves, for questions that the rollup has no answer to. */
import type { Statement } from '../core/statement.ts'
import type { FieldExpression } from './field-expression.ts'
import type { Condition } from './stored-events.ts'

/** Matching events that are looked at. */
export const SCANNED_EVENTS_MAX = 1_000_000

/** `SELECT value, count, counted events`: the last is the same in every row. */
export function scannedValuesStatement(
  field: FieldExpression,
  { matching, prefix, limit }: { matching: Condition; prefix: string; limit: number },
): Statement {
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

/** Present in every event, as the rollup counts them too. */
const ALWAYS_PRESENT = ['level', 'message'] as const
const SOMETIMES_PRESENT = ['service', 'host', 'source', 'trace_id', 'span_id'] as const
const NAMES =
  `arrayConcat([${ALWAYS_PRESENT.map((name) => `'${name}'`).join(', ')}], ` +
  `arrayFilter(name -> name != '', [${SOMETIMES_PRESENT.map((name) => `if(${name} = '', '', '${name}')`).join(', ')}]), ` +
  'arrayMap(name -> toString(name), mapKeys(attributes)))'

/** `SELECT name, count`, most frequent first: what the rollup's statement gives. Every event has a `message`. */
export function scannedNamesStatement({ matching, limit }: { matching: Condition; limit: number }): Statement {
  return {
    sql:
      'SELECT name, count() AS events FROM (' +
      `SELECT ${NAMES} AS names FROM events WHERE ${matching.sql} LIMIT {scanned_max:UInt64}` +
      ') ARRAY JOIN names AS name GROUP BY name ORDER BY events DESC, name LIMIT {names_max:UInt32}',
    params: { ...matching.params, scanned_max: SCANNED_EVENTS_MAX, names_max: limit },
  }
}
