import type { Migration } from './migration.ts'

/**
 * The events themselves. Why each codec and index is here, with the figures: docs/decisions/001-store-schema.md.
 *
 * Partition: by day of timestamp for events that were recent when they came (so that old days can be dropped whole),
 * by month for those that came more than a week late (so that ten thousand days in one body are not ten thousand
 * parts). Both columns are in the expression, so each partition knows its least and greatest timestamp and received.
 */
export const EVENTS: Migration = {
  name: '001-events',
  statements: (target) => [
    `CREATE TABLE IF NOT EXISTS ${target.table('events')}
(
  timestamp DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  received DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  node LowCardinality(String) CODEC(ZSTD(1)),
  severity UInt8 CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  host LowCardinality(String) CODEC(ZSTD(1)),
  source LowCardinality(String) CODEC(ZSTD(1)),
  message String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = ${target.engine('MergeTree')}
PARTITION BY if(timestamp >= received - INTERVAL 7 DAY, toYYYYMMDD(timestamp), toYYYYMM(timestamp))
ORDER BY (toStartOfFiveMinutes(timestamp), service, timestamp)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1,
  min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30`,
  ],
}
