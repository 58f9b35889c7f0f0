import type { Statement } from '../core/statement.ts'

/** `SELECT max(received)` of a source's events, in nanoseconds; 0 when there are none. */
export function newestReceivedStatement(source: string): Statement {
  return {
    sql: 'SELECT toUnixTimestamp64Nano(max(received)) FROM events WHERE source = {source:String}',
    params: { source },
  }
}

/** `SELECT value` of an attribute of a source's events that were received at `sinceNs` or later. */
export function attributeValuesStatement(options: {
  source: string
  attribute: string
  sinceNs: bigint
  limit: number
}): Statement {
  const { source, attribute, sinceNs, limit } = options
  return {
    sql: `SELECT attributes[{attribute:String}] AS value FROM events
WHERE source = {source:String} AND received >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') AND value != ''
ORDER BY received DESC LIMIT {limit:UInt32}`,
    params: { source, attribute, since: sinceNs, limit },
  }
}
