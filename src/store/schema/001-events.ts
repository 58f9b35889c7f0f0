import type { Migration } from './migration.ts'

/**
 * The partition of an event: its day (20261121) when it was recent on arrival, so that old days can be dropped whole;
 * its month (202611) when it came more than a week late, so that ten thousand days in one body are not ten thousand
 * parts. Both columns are in the expression, so every partition knows its least and greatest timestamp and received.
 */
export const PARTITION = 'if(timestamp >= received - INTERVAL 7 DAY, toYYYYMMDD(timestamp), toYYYYMM(timestamp))'

/**
 * The events. Why each codec, index and setting is here, with figures: docs/decisions/001-store-schema.md.
 *
 * What makes a SELECT fast here:
 * - Ranges on `timestamp` and `received` skip partitions by themselves. To skip within a day, a range on `timestamp`
 *   must be said twice: the engine does not derive `toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({from})`
 *   from `timestamp >= {from}`. `service = …` narrows further.
 * - Newest first: any `ORDER BY … timestamp DESC LIMIT n` over a bounded window. Only the times are read and sorted;
 *   the other columns are fetched for the n rows that won, so a window should hold 100,000 events rather than an hour.
 * - `trace_id = …` (case-sensitive) uses the bloom filter; `lower(trace_id) = …` cannot.
 * - `received` comparisons (cursor, event id) use its min-max index.
 * - `attributes['key']` reads one of eight buckets of the map, not all of it; `mapContains(attributes, key)` reads the
 *   keys only. `SELECT attributes` reads everything: name it only where it is shown.
 * - Case-insensitive substring: `positionCaseInsensitive` for an ASCII needle is a fifth faster than the UTF8 variant
 *   and than ILIKE.
 */
export const EVENTS: Migration = {
  name: '001-events',
  statements: (target) =>
    target.create(
      'events',
      `(
  timestamp DateTime64(9, 'UTC') CODEC(GCD, Delta(8), ZSTD(1)),
  received DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  node LowCardinality(String) CODEC(ZSTD(1)),
  severity UInt8 CODEC(ZSTD(1)),
  service LowCardinality(String) CODEC(ZSTD(1)),
  host LowCardinality(String) CODEC(ZSTD(1)),
  source LowCardinality(String) CODEC(ZSTD(1)),
  message String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(3)),
  INDEX trace_id_bloom trace_id TYPE bloom_filter(0.1) GRANULARITY 1,
  INDEX received_range received TYPE minmax GRANULARITY 1
)`,
      'MergeTree()',
      `PARTITION BY ${PARTITION}
ORDER BY (toStartOfFiveMinutes(timestamp), service, timestamp)
SETTINGS ${DURABLE},
  min_bytes_for_wide_part = 25165824, merge_selector_base = 10,
  min_columns_to_activate_adaptive_write_buffer = 1,
  vertical_merge_algorithm_min_columns_to_activate = 1,
  map_serialization_version = 'with_buckets', map_serialization_version_for_zero_level_parts = 'with_buckets',
  map_buckets_strategy = 'constant', max_buckets_in_map = 8, map_buckets_min_avg_size = 0`,
      'cityHash64(received, node)',
    ),
}

/** Tokens of loads are remembered, so that a load that is repeated is stored once. */
export const DEDUPLICATED = 'non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000'

/**
 * Safe against power loss: parts are synced before an INSERT answers and before a merge replaces its sources, which
 * therefore need not be kept for long.
 */
export const DURABLE = `${DEDUPLICATED}, fsync_after_insert = 1, fsync_part_directory = 1,
  min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 30`
