import { DEDUPLICATED, PARTITION } from './001-events.ts'
import type { Migration } from './migration.ts'

/** Kinds of rows in `eventlog_stats`. */
export const KIND_COUNT = 0
export const KIND_TEXT = 1

/** Most frequent texts kept, per load and hour. */
const TEXTS_PER_LOAD_MAX = 1000
/** Longer texts are counted under their beginning. */
const TEXT_CHARS_MAX = 256

/** What `first` and `last` are where a row says nothing about them. */
const NO_FIRST = '9223372036854775807'
const NO_LAST = '-9223372036854775808'

/**
 * Rows for `eventlog_stats` about the events of the event log that a condition selects: one for each minute, facility and
 * level, and one for each hour, facility, level and text. `sign` −1 makes rows that take as much away again.
 */
export function eventlogStatsSelect(sign: 1 | -1, condition = '1'): string {
  const [first, last] = sign === 1 ? ['min(oldest)', 'max(newest)'] : [`toInt64(${NO_FIRST})`, `toInt64(${NO_LAST})`]
  return `
SELECT part, kind, time, service, severity, text, total AS count, first, last
FROM (
  SELECT part, entry.1 AS kind, entry.2 AS time, service, severity, entry.3 AS text,
    ${sign} * toInt64(sum(n)) AS total, ${first} AS first, ${last} AS last,
    row_number() OVER (PARTITION BY part, kind, time ORDER BY sum(n) DESC, service, severity, text) AS place
  FROM (
    SELECT part, service, severity, n, oldest, newest,
      arrayJoin([(toUInt8(${KIND_COUNT}), minute, ''), (toUInt8(${KIND_TEXT}), toStartOfHour(minute), text)]) AS entry
    FROM (
      SELECT ${PARTITION} AS part, toStartOfMinute(timestamp) AS minute, service, severity,
        substringUTF8(message, 1, ${TEXT_CHARS_MAX}) AS text, count() AS n,
        min(toUnixTimestamp64Nano(timestamp)) AS oldest, max(toUnixTimestamp64Nano(timestamp)) AS newest
      FROM events WHERE source = 'eventlog' AND (${condition})
      GROUP BY part, minute, service, severity, text
    )
  ) GROUP BY part, kind, time, service, severity, text
) WHERE kind = ${KIND_COUNT} OR place <= ${TEXTS_PER_LOAD_MAX}`
}

/** The columns in the order of that SELECT. */
export const EVENTLOG_STATS_COLUMNS = 'part, kind, time, service, severity, text, count, first, last'

/**
 * Counts of the event log by minute, and its texts by hour, written with each load by one view. Loads without events of
 * the event log cost it the comparison of one column. `part` is the partition of the events that were counted, so that
 * retention drops both together; a deletion adds rows with negative counts of what it deletes.
 *
 * Not synced, as `fields`: after a power loss the counts of the last half minute may be missing.
 */
export const EVENTLOG: Migration = {
  name: '003-eventlog',
  statements: (target) => [
    ...target.create(
      'eventlog_stats',
      `(
  part UInt32,
  kind UInt8,
  time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  severity UInt8 CODEC(ZSTD(1)),
  text String CODEC(ZSTD(1)),
  count SimpleAggregateFunction(sum, Int64) CODEC(ZSTD(1)),
  first SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1)),
  last SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1))
)`,
      'AggregatingMergeTree()',
      `PARTITION BY part ORDER BY (kind, time, service, severity, text)
SETTINGS ${DEDUPLICATED}, max_suspicious_broken_parts = 100000, max_suspicious_broken_parts_bytes = 100000000000`,
      'cityHash64(service, text)',
    ),
    ...target.view('eventlog_stats_of_events', 'eventlog_stats', eventlogStatsSelect(1)),
  ],
}
