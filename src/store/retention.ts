import type { Connection } from './connection.ts'
import type { SchemaTarget } from './schema/migration.ts'

/** Limits of what is kept. 0 means no limit. */
export interface RetentionRules {
  /** A partition is dropped when its newest event was received longer ago than this. */
  ageMs: number
  /**
   * Bytes on disk of events and their rollup; beyond it the partitions with the oldest `timestamp` are dropped. The
   * newest one is always kept.
   */
  diskBytes: number
  /** How often the rules are applied. */
  everyMs: number
}

export const RETENTION_DEFAULTS: RetentionRules = { ageMs: 30 * 86_400_000, diskBytes: 0, everyMs: 60_000 }

export interface RetentionRun {
  at: string
  rule: 'age' | 'diskBytes'
  partition: string
  rows: number
  bytes: number
}

interface PartitionRow {
  id: string
  rows: string
  bytes: string
  newestReceivedMs: string
}

/** Oldest timestamp first. Answered from the parts' metadata: no event is read. */
function partitionsSql(target: SchemaTarget): string {
  return `
SELECT sizes.id AS id, sizes.rows AS rows, sizes.bytes AS bytes, spans.newest AS newestReceivedMs
FROM (
  SELECT partition_id AS id, sumIf(rows, startsWith(table, 'events')) AS rows, sum(bytes_on_disk) AS bytes
  FROM ${target.parts(['events', 'fields'])} GROUP BY id
) AS sizes
INNER JOIN (
  SELECT _partition_id AS id, toUnixTimestamp64Milli(max(received)) AS newest, min(timestamp) AS oldest
  FROM events GROUP BY id
) AS spans ON sizes.id = spans.id
ORDER BY spans.oldest, newestReceivedMs`
}

/** Applies the rules once: by age first, then by size. Returns what was dropped, in that order. */
export async function enforceRetention(
  connection: Connection,
  target: SchemaTarget,
  rules: RetentionRules,
  nowMs: number,
): Promise<RetentionRun[]> {
  if (rules.ageMs <= 0 && rules.diskBytes <= 0) return []
  const runs: RetentionRun[] = []
  const drop = async (partition: PartitionRow, rule: RetentionRun['rule']): Promise<void> => {
    // The rollup first: a partition is found again only as long as its events are there.
    await connection.command(target.dropPartition('fields', Number(partition.id)))
    await connection.command(target.dropPartition('events', Number(partition.id)))
    runs.push({
      at: new Date(nowMs).toISOString(),
      rule,
      partition: partition.id,
      rows: Number(partition.rows),
      bytes: Number(partition.bytes),
    })
  }
  const kept: PartitionRow[] = []
  for (const partition of await connection.rows<PartitionRow>(partitionsSql(target))) {
    const isOld = rules.ageMs > 0 && Number(partition.newestReceivedMs) < nowMs - rules.ageMs
    if (isOld) await drop(partition, 'age')
    else kept.push(partition)
  }
  let bytes = kept.reduce((sum, partition) => sum + Number(partition.bytes), 0)
  for (const partition of kept.slice(0, -1)) {
    if (rules.diskBytes <= 0 || bytes <= rules.diskBytes) break
    await drop(partition, 'diskBytes')
    bytes -= Number(partition.bytes)
  }
  return runs
}
