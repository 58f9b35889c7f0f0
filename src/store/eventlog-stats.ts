import type { Statement } from '../core/statement.ts'
import { KIND_COUNT, KIND_TEXT } from './schema/003-eventlog.ts'

/** What a count may be divided by. */
export type CountedBy = 'facility' | 'level' | 'minute' | 'hour' | 'day'

export interface EventCountsOptions {
  /** Seconds since 1970: from the minute (of texts: the hour) of the first to the last, both inclusive. */
  fromSeconds: number
  toSeconds: number
  facility?: string | undefined
  severities?: readonly number[] | undefined
  limit: number
}

const TIMES: Readonly<Record<string, string>> = {
  minute: 'time',
  hour: 'toStartOfHour(time)',
  day: 'toStartOfDay(time)',
}

/**
 * `SELECT count, facility, severity, seconds` in that order, of the last three those that `by` names: how many events of
 * the event log there are. Nothing is read but the rollup.
 */
export function eventCountsStatement(by: readonly CountedBy[], options: EventCountsOptions): Statement {
  const { sql, params } = asked(KIND_COUNT, 60, options)
  const keys = [
    ...(by.includes('facility') ? ['service'] : []),
    ...(by.includes('level') ? ['severity'] : []),
    ...by.flatMap((part) => (TIMES[part] === undefined ? [] : [`toUnixTimestamp(${TIMES[part]})`])),
  ].map((key, index) => `${key} AS k${index}`)
  const names = keys.map((_, index) => `k${index}`)
  const grouped = names.length === 0 ? '' : `GROUP BY ${names.join(', ')} `
  return {
    sql:
      `SELECT ${['sum(count) AS n', ...keys].join(', ')} FROM eventlog_stats WHERE ${sql} ${grouped}` +
      `HAVING n > 0 ORDER BY ${[...names.toReversed(), 'n'].join(', ')} LIMIT {limit:UInt32}`,
    params,
  }
}

/** `SELECT text, facility, severity, count, first, last` (nanoseconds), most frequent first. */
export function eventTextsStatement(options: EventCountsOptions): Statement {
  const { sql, params } = asked(KIND_TEXT, 3600, options)
  return {
    sql:
      'SELECT text, service, severity, sum(n) AS total, min(f), max(l) FROM (' +
      'SELECT text, service, severity, time, sum(count) AS n, min(first) AS f, max(last) AS l ' +
      // By the hour first: what was deleted leaves no trace of when it was seen.
      `FROM eventlog_stats WHERE ${sql} GROUP BY text, service, severity, time HAVING n > 0` +
      ') GROUP BY text, service, severity ORDER BY total DESC, text, service, severity LIMIT {limit:UInt32}',
    params,
  }
}

function asked(kind: number, stepSeconds: number, options: EventCountsOptions): Statement {
  const { fromSeconds, toSeconds, facility, severities, limit } = options
  const sql = [
    `kind = ${kind}`,
    "time >= toDateTime({from_seconds:UInt32}, 'UTC')",
    "time <= toDateTime({to_seconds:UInt32}, 'UTC')",
    ...(facility === undefined ? [] : ['service = {facility_is:String}']),
    ...(severities === undefined ? [] : ['has({severity_in:Array(UInt8)}, severity)']),
  ]
  return {
    sql: sql.join(' AND '),
    params: {
      from_seconds: fromSeconds - (fromSeconds % stepSeconds),
      to_seconds: toSeconds,
      limit,
      ...(facility === undefined ? {} : { facility_is: facility }),
      ...(severities === undefined ? {} : { severity_in: severities }),
    },
  }
}
