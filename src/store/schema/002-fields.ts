import { levelOf } from '../../core/severity.ts'
import { DURABLE, PARTITION } from './001-events.ts'
import type { Migration } from './migration.ts'

/** Rows of one load up to which values are counted exactly; of a larger load every n-th row is looked at. */
export const EXACT_ROWS_MAX = 32_768
/** Most frequent values kept of one attribute, per load and hour. */
export const VALUES_PER_LOAD_MAX = 100
export const VALUE_BYTES_MAX = 256

/** Kinds of rows in `fields`. */
export const KIND_NAME = 0
export const KIND_VALUE = 1

const LEVELS = `[${Array.from({ length: 25 }, (_, severity) => `'${levelOf(severity)}'`).join(', ')}]`

/** The rows that stand for a block: all of a small one, each `weight`-th of a large one. Same rows on every retry. */
function sample(columns: string): string {
  return `SELECT part, hour, weight, ${columns} FROM (
    SELECT ${PARTITION} AS part, toStartOfHour(timestamp) AS hour, ${columns},
      rowNumberInBlock() AS row, greatest(1, intDiv(blockSize(), ${EXACT_ROWS_MAX / 2})) AS weight
    FROM events
  ) WHERE row % weight = 0`
}

/**
 * Names and values of fields by hour, so that nobody scans events to list them. Written with each load by three views:
 * names of attributes and their counts are exact; counts of values (and of the columns' values) are exact for loads of
 * up to 32,768 rows, beyond that estimated from an even sample of at least 16,384 rows; of an attribute with many
 * values the 100 most frequent of each load are kept. `part` is the partition of the events that were counted, so that
 * retention drops both together.
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
      `PARTITION BY part ORDER BY (kind, field, value, hour) SETTINGS ${DURABLE}`,
    ),
    ...target.view('fields_of_columns', 'fields', COLUMNS),
    ...target.view('fields_of_attributes', 'fields', ATTRIBUTES),
    ...target.view('fields_of_values', 'fields', VALUES),
  ],
}

const COLUMNS = `
SELECT part, hour, kind, field, value, sum(entry.4) AS count FROM (
  SELECT part, hour, arrayJoin([
    (${KIND_VALUE}, 'service', toString(service), n), (${KIND_VALUE}, 'host', toString(host), n),
    (${KIND_VALUE}, 'source', toString(source), n), (${KIND_VALUE}, 'level', ${LEVELS}[severity + 1], n),
    (${KIND_NAME}, 'service', '', if(service = '', 0, n)), (${KIND_NAME}, 'host', '', if(host = '', 0, n)),
    (${KIND_NAME}, 'source', '', if(source = '', 0, n)), (${KIND_NAME}, 'level', '', n),
    (${KIND_NAME}, 'message', '', n), (${KIND_NAME}, 'trace_id', '', traces), (${KIND_NAME}, 'span_id', '', spans)
  ]) AS entry, entry.1 AS kind, entry.2 AS field, entry.3 AS value
  FROM (
    SELECT part, hour, service, host, source, severity, sum(weight) AS n,
      sumIf(weight, trace_id != '') AS traces, sumIf(weight, span_id != '') AS spans
    FROM (${sample('service, host, source, severity, trace_id, span_id')})
    GROUP BY part, hour, service, host, source, severity
  )
) WHERE entry.4 > 0 AND (kind = ${KIND_NAME} OR value != '')
GROUP BY part, hour, kind, field, value`

const ATTRIBUTES = `
SELECT ${PARTITION} AS part, toStartOfHour(timestamp) AS hour, ${KIND_NAME} AS kind,
  arrayJoin(mapKeys(attributes)) AS field, '' AS value, count() AS count
FROM events GROUP BY part, hour, field`

const VALUES = `
SELECT part, hour, ${KIND_VALUE} AS kind, field, value, count FROM (
  SELECT part, hour, entry.1 AS field, entry.2 AS value, sum(weight) AS count
  FROM (SELECT part, hour, weight, arrayJoin(attributes) AS entry FROM (${sample('attributes')}))
  WHERE length(value) BETWEEN 1 AND ${VALUE_BYTES_MAX}
  GROUP BY part, hour, field, value
)
ORDER BY part, hour, field, count DESC, value LIMIT ${VALUES_PER_LOAD_MAX} BY part, hour, field`
