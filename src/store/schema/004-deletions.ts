import { DURABLE } from './001-events.ts'
import type { Migration } from './migration.ts'

/** What was deleted, by whom, and which events that can have touched. A row with state 1 replaces the one with 0. */
export const DELETIONS: Migration = {
  name: '004-deletions',
  statements: (target) =>
    target.create(
      'deletions',
      `(
  id String,
  state UInt8,
  at DateTime64(3, 'UTC'),
  by String,
  what String,
  service Array(String),
  severities Array(UInt8),
  events UInt64,
  timestamp_from Int64,
  timestamp_to Int64,
  received_from Int64,
  received_to Int64,
  sql String,
  params String
)`,
      'ReplacingMergeTree(state)',
      `ORDER BY id SETTINGS ${DURABLE}`,
      'cityHash64(id)',
    ),
}
