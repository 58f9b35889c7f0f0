import type { Connection } from './connection.ts'

/** Limits of what is kept. 0 means no limit. */
export interface RetentionRules {
  /** Events are dropped when all of their partition was received longer ago than this. */
  ageMs: number
  /** Bytes on disk of all partitions; beyond it the oldest days of `timestamp` are dropped. */
  diskBytes: number
  /** How often the rules are applied. */
  everyMs: number
}

export const RETENTION_DEFAULTS: RetentionRules = { ageMs: 30 * 86_400_000, diskBytes: 0, everyMs: 60_000 }

export interface RetentionRun {
  at: string
  rule: string
  partition: string
  rows: number
  bytes: number
}

interface PartitionRow {
  partition: string
  rows: string
  bytes: string
  newestReceivedMs: string
  oldestMs: string
}

const PARTITIONS = `
SELECT p.partition AS partition, p.rows AS rows, p.bytes AS bytes, r.newest AS newestReceivedMs, r.oldest AS oldestMs
FROM
(
  SELECT partition_id, any(partition) AS partition, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
  FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events' GROUP BY partition_id
) AS p
INNER JOIN
(
  SELECT _partition_id AS partition_id, toUnixTimestamp64Milli(max(received)) AS newest,
    toUnixTimestamp64Milli(min(timestamp)) AS oldest
  FROM events GROUP BY partition_id
) AS r ON p.partition_id = r.partition_id
ORDER BY oldestMs, newestReceivedMs`

/** Applies the rules once: by age first, then by size. Returns what was dropped, in that order. */
export async function enforceRetention(
  connection: Connection,
  rules: RetentionRules,
  nowMs: number,
): Promise<RetentionRun[]> {
  if (rules.ageMs <= 0 && rules.diskBytes <= 0) return []
  const runs: RetentionRun[] = []
  const partitions = await connection.rows<PartitionRow>(PARTITIONS)
  let bytes = partitions.reduce((sum, partition) => sum + Number(partition.bytes), 0)
  for (const [index, partition] of partitions.entries()) {
    const isOld = rules.ageMs > 0 && Number(partition.newestReceivedMs) < nowMs - rules.ageMs
    const isTooMuch = rules.diskBytes > 0 && bytes > rules.diskBytes && index < partitions.length - 1
    if (!isOld && !isTooMuch) continue
    await connection.command({
      sql: `ALTER TABLE events DROP PARTITION {partition:String}`,
      params: { partition: partition.partition },
    })
    bytes -= Number(partition.bytes)
    runs.push({
      at: new Date(nowMs).toISOString(),
      rule: isOld ? 'age' : 'diskBytes',
      partition: partition.partition,
      rows: Number(partition.rows),
      bytes: Number(partition.bytes),
    })
  }
  return runs
}
