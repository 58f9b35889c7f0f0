import { formatTimestamp } from '../core/time.ts'
import type { Connection } from './connection.ts'
import { ROLLUPS } from './retention.ts'
import type { SchemaTarget } from './schema/migration.ts'

export interface StoreFigures {
  version: string
  rows: number
  bytesOnDisk: number
  oldest: string | null
  newest: string | null
  memoryBytes: number | null
  diskFreeBytes: number | null
}

/** Answered from metadata of parts and from counters: no row of events is read. */
function figuresSql(target: SchemaTarget): string {
  return `
SELECT
  version() AS version,
  (SELECT sum(bytes_on_disk) FROM ${target.parts(['events', ...ROLLUPS])}) AS bytes,
  (SELECT max(value) FROM system.metrics WHERE metric = 'MemoryTracking') AS memory,
  (SELECT min(free_space) FROM system.disks) AS free`
}

const SPAN = `
SELECT count() AS rows, toUnixTimestamp64Nano(min(timestamp)) AS oldest, toUnixTimestamp64Nano(max(timestamp)) AS newest
FROM events`

export async function readFigures(connection: Connection, target: SchemaTarget): Promise<StoreFigures> {
  const [[figures], [span]] = await Promise.all([
    connection.rows<{ version: string; bytes: string; memory: string; free: string }>(figuresSql(target)),
    connection.rows<{ rows: string; oldest: string; newest: string }>(SPAN),
  ])
  const rows = Number(span?.rows ?? 0)
  return {
    version: figures?.version ?? '',
    rows,
    bytesOnDisk: Number(figures?.bytes ?? 0),
    oldest: rows > 0 ? formatTimestamp(BigInt(span?.oldest ?? 0)) : null,
    newest: rows > 0 ? formatTimestamp(BigInt(span?.newest ?? 0)) : null,
    memoryBytes: positive(figures?.memory),
    diskFreeBytes: positive(figures?.free),
  }
}

function positive(value: number | string | undefined): number | null {
  const number = Number(value ?? 0)
  return number > 0 ? number : null
}
