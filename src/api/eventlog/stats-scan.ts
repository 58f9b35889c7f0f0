/** Statistics counted over events themselves, for those who may not see all of them. */
import type { Statement } from '../../core/statement.ts'
import type { CountedBy } from '../../store/eventlog-stats.ts'
import type { Condition } from '../stored-events.ts'

/** Events that are looked at. */
export const SCANNED_EVENTS_MAX = 1_000_000

const KEYS: readonly (readonly [CountedBy, string])[] = [
  ['facility', 'service'],
  ['level', 'severity'],
  ['minute', 'toUnixTimestamp(toStartOfMinute(timestamp))'],
  ['hour', 'toUnixTimestamp(toStartOfHour(timestamp))'],
  ['day', 'toUnixTimestamp(toStartOfDay(timestamp))'],
]

/** The columns of the rollup's statement, and how many events were looked at. */
export function scannedCountsStatement(by: readonly CountedBy[], matching: Condition, limit: number): Statement {
  const keys = KEYS.filter(([name]) => by.includes(name)).map(([, sql], index) => `${sql} AS k${index}`)
  const names = keys.map((_, index) => `k${index}`)
  const grouped = names.length === 0 ? '' : `GROUP BY ${names.join(', ')} `
  return {
    sql:
      `SELECT ${['count() AS n', ...names, 'sum(n) OVER ()'].join(', ')} FROM ` +
      `(SELECT ${[...keys, '1 AS one'].join(', ')} FROM events WHERE source = 'eventlog' AND ${matching.sql} ` +
      `LIMIT {scanned_max:UInt64}) ${grouped}HAVING n > 0 ` +
      `ORDER BY ${[...names.toReversed(), 'n'].join(', ')} LIMIT {rows_max:UInt32}`,
    params: { ...matching.params, scanned_max: SCANNED_EVENTS_MAX, rows_max: limit },
  }
}

export function scannedTextsStatement(matching: Condition, limit: number): Statement {
  return {
    sql:
      'SELECT text, service, severity, count() AS total, min(ns), max(ns), sum(total) OVER () FROM (' +
      'SELECT substringUTF8(message, 1, 256) AS text, service, severity, toUnixTimestamp64Nano(timestamp) AS ns ' +
      `FROM events WHERE source = 'eventlog' AND ${matching.sql} LIMIT {scanned_max:UInt64}` +
      ') GROUP BY text, service, severity ORDER BY total DESC, text, service, severity LIMIT {rows_max:UInt32}',
    params: { ...matching.params, scanned_max: SCANNED_EVENTS_MAX, rows_max: limit },
  }
}
