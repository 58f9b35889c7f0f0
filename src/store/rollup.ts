import type { Statement } from '../core/statement.ts'
import { levelOf } from '../core/severity.ts'
import { KIND_NAME, KIND_VALUE } from './schema/002-fields.ts'

/** Half-open in nanoseconds; rounded outwards to whole hours, which is how finely the rollup counts. */
export interface RollupRange {
  fromNs?: bigint
  toNs?: bigint
}

const HOUR_SECONDS = 3600n
const NS_PER_SECOND = 1_000_000_000n
/** Last hour that a DateTime can hold. */
const SECONDS_MAX = 4_294_965_600n

/**
 * `SELECT name, count`: every field that occurs in the range, with the number of events that have it, most frequent
 * first. How exact the counts are: `schema/002-fields.ts`.
 */
export function fieldNamesStatement(options: { range?: RollupRange; limit: number }): Statement {
  return {
    sql: `SELECT field AS name, sum(count) AS count FROM fields
WHERE kind = ${KIND_NAME} AND ${HOURS}
GROUP BY field ORDER BY count DESC, name LIMIT {limit:UInt32}`,
    params: { ...hours(options.range), limit: options.limit },
  }
}

/**
 * `SELECT value, count`: values of one field (service, host, source, level, or an attribute by its plain name) that
 * start with `prefix` in any case, most frequent first. Other fields (message, trace_id …) have none.
 */
export function fieldValuesStatement(options: {
  field: string
  prefix?: string
  range?: RollupRange
  limit: number
}): Statement {
  const value = options.field === 'level' ? `${LEVELS}[toUInt8OrZero(value) + 1]` : 'value'
  return {
    sql: `SELECT shown AS value, sum(count) AS count FROM (
  SELECT ${value} AS shown, count FROM fields
  WHERE kind = ${KIND_VALUE} AND field = {field:String} AND ${HOURS}
)
WHERE startsWith(lowerUTF8(shown), lowerUTF8({prefix:String}))
GROUP BY shown ORDER BY count DESC, value LIMIT {limit:UInt32}`,
    params: { field: options.field, prefix: options.prefix ?? '', ...hours(options.range), limit: options.limit },
  }
}

/** Level names by severity number, as an SQL array. */
const LEVELS = `[${Array.from({ length: 25 }, (_, severity) => `'${levelOf(severity)}'`).join(', ')}]`

const HOURS = "hour >= toDateTime({from_hour:UInt32}, 'UTC') AND hour <= toDateTime({to_hour:UInt32}, 'UTC')"

function hours(range: RollupRange = {}): { from_hour: number; to_hour: number } {
  const first = range.fromNs === undefined ? 0n : range.fromNs / NS_PER_SECOND
  const last = range.toNs === undefined ? SECONDS_MAX : (range.toNs - 1n) / NS_PER_SECOND
  return { from_hour: hourOf(first), to_hour: hourOf(last) }
}

function hourOf(seconds: bigint): number {
  const clamped = seconds < 0n ? 0n : seconds > SECONDS_MAX ? SECONDS_MAX : seconds
  return Number(clamped - (clamped % HOUR_SECONDS))
}
