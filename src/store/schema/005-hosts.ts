import { DEDUPLICATED, PARTITION } from './001-events.ts'
import type { Migration } from './migration.ts'

const PLACES =
  `SELECT ${PARTITION} AS part, host, source, max(toUnixTimestamp64Nano(timestamp)) AS last ` +
  "FROM events WHERE host != '' GROUP BY part, host, source"

/**
 * Which hosts there are, and from which of their files events came: one row for each, and day. Written with each load by
 * one view, so that nobody scans events to list them. Unlike `fields` it forgets no rare one. `part` is the partition of
 * the events, so that retention drops both together; what a deletion empties stays listed until then.
 *
 * Not synced, as `fields`: after a power loss the hosts of the last half minute may be missing until they send again.
 */
export const HOSTS: Migration = {
  name: '005-hosts',
  statements: (target) => [
    ...target.create(
      'hosts',
      `(
  part UInt32,
  host LowCardinality(String) CODEC(ZSTD(1)),
  source LowCardinality(String) CODEC(ZSTD(1)),
  last SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1))
)`,
      'AggregatingMergeTree()',
      `PARTITION BY part ORDER BY (host, source)
SETTINGS ${DEDUPLICATED}, max_suspicious_broken_parts = 100000, max_suspicious_broken_parts_bytes = 100000000000`,
      'cityHash64(host)',
    ),
    ...target.view('hosts_of_events', 'hosts', PLACES),
    // Events from before this table. The same rows again change nothing.
    target.fill('hosts', 'part, host, source, last', PLACES),
  ],
}
