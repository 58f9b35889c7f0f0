import type { Statement, StatementParameter } from '../core/statement.ts'
import { BUCKETS_END_NS, type TimeRange } from '../query/query.ts'
import { visibleCondition, type VisibleQuery } from './view.ts'

/** A piece of SQL and the values for its `{name:Type}`. */
export interface Condition {
  sql: string
  params: Readonly<Record<string, StatementParameter>>
}

export interface EventsQuestion {
  /** Whose filter and `where` pipes have to hold. */
  query: VisibleQuery
  /** What else has to hold. */
  conditions: readonly Condition[]
  /** By which time, and then by the other. */
  by: 'timestamp' | 'received'
  order: 'asc' | 'desc'
  limit: number
}

/** Events found by walking through windows of time from one end of the range. */
export interface WalkQuestion extends Pick<EventsQuestion, 'query' | 'conditions' | 'order' | 'limit'> {
  range: TimeRange
}

const COLUMNS =
  'toUnixTimestamp64Nano(timestamp), toUnixTimestamp64Nano(received), node, severity, ' +
  'service, host, source, message, trace_id, span_id, attributes'

/** SELECT of whole events, for the questions that are no query text. Rows are read with `readLogEvent`. */
export function eventsStatement({ query, conditions, by, order, limit }: EventsQuestion): Statement {
  const where = joinConditions([...conditions, visibleCondition(query)])
  const keys =
    by === 'timestamp' ? ['toStartOfFiveMinutes(timestamp)', 'timestamp', 'received', 'node'] : ['received', 'node']
  const orderBy = keys.map((key) => `${key} ${order}`).join(', ')
  return {
    sql: `SELECT ${COLUMNS} FROM events WHERE ${where.sql} ORDER BY ${orderBy} LIMIT {event_limit:UInt32}`,
    params: { ...where.params, event_limit: limit },
  }
}

/** All of them. Their parameters must have different names. */
export function joinConditions(conditions: readonly Condition[]): Condition {
  const params: Record<string, StatementParameter> = {}
  for (const condition of conditions) Object.assign(params, condition.params)
  return { sql: conditions.map(({ sql }) => `(${sql})`).join(' AND ') || '1', params }
}

/**
 * `from <= column < to`, whichever of them are given. For `timestamp` said a second time in the words of the sort key:
 * the engine does not conclude the one from the other.
 */
export function within(column: 'timestamp' | 'received', { fromNs, toNs }: TimeRange): Condition {
  const sql: string[] = []
  const params: Record<string, StatementParameter> = {}
  const bound = (op: '>=' | '<', ns: bigint, name: string): void => {
    const time = `fromUnixTimestamp64Nano({${name}:Int64}, 'UTC')`
    params[name] = ns
    sql.push(`${column} ${op} ${time}`)
    if (column === 'timestamp' && ns >= 0n && ns < BUCKETS_END_NS) {
      sql.push(`toStartOfFiveMinutes(timestamp) ${op === '<' ? '<=' : op} toStartOfFiveMinutes(${time})`)
    }
  }
  if (fromNs !== undefined) bound('>=', fromNs, `${column}_from`)
  if (toNs !== undefined) bound('<', toNs, `${column}_to`)
  return { sql: sql.join(' AND ') || '1', params }
}

/** `column = value` for a text column. */
export function equals(column: 'node' | 'host' | 'source', value: string): Condition {
  return { sql: `${column} = {${column}_is:String}`, params: { [`${column}_is`]: value } }
}
