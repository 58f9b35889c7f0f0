import { DEDUPLICATED, PARTITION } from './001-events.ts'
import type { Migration } from './migration.ts'

/** Loads of fewer rows are counted exactly; of a larger one every n-th row is looked at, at least half as many. */
export const EXACT_ROWS_MAX = 16_384
/** Most frequent values kept of one field, per load and hour. */
export const VALUES_PER_LOAD_MAX = 100
/** Longer values are counted under their field's name, and not listed. */
export const VALUE_BYTES_MAX = 256

/** Kinds of rows in `fields`. */
export const KIND_NAME = 0
export const KIND_VALUE = 1

/** Stands for a value that is there and not listed. */
const PRESENT = String.raw`'\0'`

/** What an event says about its fields: pairs of name and value. */
const PAIRS = `arrayConcat(
  arrayFilter(pair -> pair.2 != '', [
    ('service', toString(service)), ('host', toString(host)), ('source', toString(source)),
    ('level', toString(severity)), ('message', ${PRESENT}),
    ('trace_id', if(trace_id = '', '', ${PRESENT})), ('span_id', if(span_id = '', '', ${PRESENT}))]),
  arrayMap(pair -> (pair.1, if(pair.2 = '' OR length(pair.2) > ${VALUE_BYTES_MAX}, ${PRESENT}, pair.2)),
    CAST(attributes, 'Array(Tuple(String, String))')))`

/**
 * One row for each field's name and one for each of its most frequent values, per load and hour. The sample depends on
 * nothing but the position of a row in its block, so a load that is repeated counts the same rows.
 */
const COUNTS = `
SELECT part, hour, entry.1 AS kind, field, entry.2 AS value, entry.3 AS count
FROM (
  SELECT part, hour, field, arrayJoin(arrayPushFront(
    arraySlice(arrayReverseSort(entry -> entry.3, groupArrayIf((toUInt8(${KIND_VALUE}), value, n), value != ${PRESENT})),
      1, ${VALUES_PER_LOAD_MAX}),
    (toUInt8(${KIND_NAME}), '', sum(n)))) AS entry
  FROM (
    SELECT part, hour, pair.1 AS field, pair.2 AS value, sum(weight) AS n
    FROM (
      SELECT part, hour, weight, arrayJoin(${PAIRS}) AS pair
      FROM (
        SELECT ${PARTITION} AS part, toStartOfHour(timestamp) AS hour, severity, service, host, source, trace_id,
          span_id, attributes, rowNumberInBlock() AS row,
          toUInt64(greatest(1, intDiv(blockSize(), ${EXACT_ROWS_MAX / 2}))) AS weight
        FROM events
      ) WHERE row % weight = 0
    ) GROUP BY part, hour, field, value
  ) GROUP BY part, hour, field
)`

/**
 * Names and values of fields by hour, written with each load by one view, so that nobody scans events to list them.
 * Counts are exact for loads under 16,384 rows and estimated from an even sample beyond; of a field with many values
 * the 100 most frequent of each load are kept. `part` is the partition of the events that were counted, so that
 * retention drops both together. A severity is listed under the field `level`, by its number.
 *
 * Not synced: after a power loss the counts of the last half minute may be missing. A torn part is set aside then.
 */
export const FIELDS: Migration = {
  name: '002-fields',
  statements: (target) => [
    ...target.create(
      'fields',
      `(
  part UInt32,
  kind UInt8,
  field LowCardinality(String) CODEC(ZSTD(1)),
  value String CODEC(ZSTD(1)),
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  count UInt64 CODEC(T64, ZSTD(1))
)`,
      'SummingMergeTree(count)',
      `PARTITION BY part ORDER BY (kind, field, value, hour)
SETTINGS ${DEDUPLICATED}, max_suspicious_broken_parts = 100000, max_suspicious_broken_parts_bytes = 100000000000`,
    ),
    ...target.view('fields_of_events', 'fields', COUNTS),
  ],
}
