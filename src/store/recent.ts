import type { Statement } from '../core/statement.ts'

/** `SELECT max(received)` of a source's events, or of all, in nanoseconds; 0 when there are none. */
export function newestReceivedStatement(source?: string): Statement {
  if (source === undefined) return { sql: 'SELECT toUnixTimestamp64Nano(max(received)) FROM events', params: {} }
  return {
    sql: 'SELECT toUnixTimestamp64Nano(max(received)) FROM events WHERE source = {source:String}',
    params: { source },
  }
}

/** `SELECT value` of an attribute of a source's events, or of all, that were received at `sinceNs` or later. */
export function attributeValuesStatement(options: {
  source: string | undefined
  attribute: string
  sinceNs: bigint
  limit: number
}): Statement {
  const { source, attribute, sinceNs, limit } = options
  const ofSource = source === undefined ? '' : 'source = {source:String} AND '
  return {
    sql: `SELECT attributes[{attribute:String}] AS value FROM events
WHERE ${ofSource}received >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') AND value != ''
ORDER BY received DESC LIMIT {limit:UInt32}`,
    params: { ...(source === undefined ? {} : { source }), attribute, since: sinceNs, limit },
  }
}
