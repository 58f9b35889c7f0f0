import type { Statement } from '../core/statement.ts'

/** `SELECT max(received)` of a source's events, or of all, in nanoseconds; 0 when there are none. */
export function newestReceivedStatement(source?: string): Statement {
  if (source === undefined) return { sql: 'SELECT toUnixTimestamp64Nano(max(received)) FROM events', params: {} }
  return {
    sql: 'SELECT toUnixTimestamp64Nano(max(received)) FROM events WHERE source = {source:String}',
    params: { source },
  }
}

/** `SELECT value` of an attribute of events, newest first, that were received at `sinceNs` or later. */
export function attributeValuesStatement(options: {
  source: string | undefined
  attribute: string
  sinceNs: bigint
  limit: number
  where?: { attribute: string; value: string } | undefined
}): Statement {
  const { source, attribute, sinceNs, limit, where } = options
  const ofSource = source === undefined ? '' : 'source = {source:String} AND '
  const ofOthers = where ? ' AND attributes[{whereAttribute:String}] = {whereValue:String}' : ''
  return {
    sql: `SELECT attributes[{attribute:String}] AS value FROM events
WHERE ${ofSource}received >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') AND value != ''${ofOthers}
ORDER BY received DESC LIMIT {limit:UInt32}`,
    params: {
      ...(source !== undefined && { source }),
      ...(where && { whereAttribute: where.attribute, whereValue: where.value }),
      attribute,
      since: sinceNs,
      limit,
    },
  }
}
