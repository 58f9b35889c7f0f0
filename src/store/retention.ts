import type { Connection } from './connection.ts'
import type { Eraser } from './eraser.ts'
import { keepsLonger, longestAgeMs, type KeepRule } from './retention-filters.ts'
import type { SchemaTarget } from './schema/migration.ts'

/** Limits of what is kept. 0 means no limit. */
export interface RetentionRules {
  /** A partition is dropped when its newest event was received longer ago than this. */
  ageMs: number
  /**
   * Bytes on disk of events and their rollups; beyond it the partitions with the oldest `timestamp` are dropped, whatever
   * `keep` says. The newest one is always kept.
   */
  diskBytes: number
  /** How often the rules are applied. */
  everyMs: number
  /** What is kept longer or shorter than `ageMs`: the first that selects an event decides. */
  keep: (nowMs: number) => readonly KeepRule[]
  /** How often that is applied. */
  keepEveryMs: number
}

export const RETENTION_DEFAULTS: RetentionRules = {
  ageMs: 30 * 86_400_000,
  diskBytes: 0,
  everyMs: 60_000,
  keep: () => [],
  keepEveryMs: 3_600_000,
}

export interface RetentionRun {
  at: string
  rule: 'age' | 'diskBytes' | 'filter'
  /** Of the rule `filter`: which; `*` is what no filter selects. */
  filter?: string
  /** Empty for `filter`, which deletes within partitions. */
  partition: string
  rows: number
  /** 0 for `filter`. */
  bytes: number
}

interface PartitionRow {
  id: string
  rows: string
  bytes: string
  newestReceivedMs: string
  oldest: string
  newest: string
  oldestReceived: string
  newestReceived: string
}

/** Tables partitioned like events that count them. */
export const ROLLUPS = ['fields', 'eventlog_stats', 'hosts'] as const

/** Oldest timestamp first. Answered from the parts' metadata: no event is read. */
function partitionsSql(target: SchemaTarget): string {
  return `
SELECT sizes.id AS id, sizes.rows AS rows, sizes.bytes AS bytes, spans.newestMs AS newestReceivedMs,
  spans.oldest AS oldest, spans.newest AS newest, spans.oldestReceived AS oldestReceived,
  spans.newestReceived AS newestReceived
FROM (
  SELECT partition_id AS id, sumIf(rows, startsWith(table, 'events')) AS rows, sum(bytes_on_disk) AS bytes
  FROM ${target.parts(['events', ...ROLLUPS])} GROUP BY id
) AS sizes
INNER JOIN (
  SELECT _partition_id AS id, toUnixTimestamp64Milli(max(received)) AS newestMs,
    toUnixTimestamp64Nano(min(timestamp)) AS oldest, toUnixTimestamp64Nano(max(timestamp)) AS newest,
    toUnixTimestamp64Nano(min(received)) AS oldestReceived, toUnixTimestamp64Nano(max(received)) AS newestReceived
  FROM events GROUP BY id
) AS spans ON sizes.id = spans.id
ORDER BY spans.oldest, newestReceivedMs`
}

export interface RetentionContext {
  connection: Connection
  target: SchemaTarget
  eraser: Pick<Eraser, 'dropping'>
}

/** Drops whole partitions: by age first, then by size. Returns what was dropped, in that order. */
export async function enforceRetention(
  context: RetentionContext,
  rules: Pick<RetentionRules, 'ageMs' | 'diskBytes'> & { keep: readonly KeepRule[] },
  nowMs: number,
): Promise<RetentionRun[]> {
  if (rules.ageMs <= 0 && rules.diskBytes <= 0) return []
  const runs: RetentionRun[] = []
  const drop = async (partition: PartitionRow, rule: RetentionRun['rule']): Promise<void> => {
    await dropPartition(context, partition, rule)
    runs.push({
      at: new Date(nowMs).toISOString(),
      rule,
      partition: partition.id,
      rows: Number(partition.rows),
      bytes: Number(partition.bytes),
    })
  }
  // What a rule keeps longer is not dropped with the rest: that is then deleted by itself.
  const ageMs = keepsLonger(rules.ageMs, rules.keep) ? longestAgeMs(rules.ageMs, rules.keep) : rules.ageMs
  const kept: PartitionRow[] = []
  for (const partition of await context.connection.rows<PartitionRow>(partitionsSql(context.target))) {
    const isOld = ageMs > 0 && Number(partition.newestReceivedMs) < nowMs - ageMs
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

async function dropPartition(
  { connection, target, eraser }: RetentionContext,
  partition: PartitionRow,
  rule: RetentionRun['rule'],
): Promise<void> {
  const dropped = {
    by: 'retention',
    what: JSON.stringify({ rule, partition: partition.id }),
    events: Number(partition.rows),
    timestamps: [BigInt(partition.oldest), BigInt(partition.newest)],
    received: [BigInt(partition.oldestReceived), BigInt(partition.newestReceived)],
  } as const
  await eraser.dropping(connection, dropped, async () => {
    // The rollups first: a partition is found again only as long as its events are there.
    for (const rollup of ROLLUPS) await connection.command(target.dropPartition(rollup, Number(partition.id)))
    await connection.command(target.dropPartition('events', Number(partition.id)))
  })
}
