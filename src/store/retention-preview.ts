import { formatTimestamp } from '../core/time.ts'
import type { Connection } from './connection.ts'
import { readAll, type ReadLimits } from './read.ts'
import { doomedBy, type KeepRule } from './retention-filters.ts'
import { ROLLUPS } from './retention.ts'
import type { SchemaTarget } from './schema/migration.ts'
import type { DoomedByRule, ReadOptions } from './store.ts'

export interface PreviewContext {
  connection: Connection
  target: SchemaTarget
  limits: ReadLimits
  nowMs: number
}

/**
 * What rules would delete if they were applied now, one after the other. Bytes are those on disk: as many for an event
 * as others of its partition take.
 */
export async function previewFilters(
  { connection, target, limits, nowMs }: PreviewContext,
  { ageMs, keep }: { ageMs: number; keep: readonly KeepRule[] },
  options: ReadOptions,
): Promise<DoomedByRule[]> {
  const sizes = await bytesPerRow(connection, target)
  const answers: DoomedByRule[] = []
  for (const { rule, condition } of doomedBy(ageMs, keep, nowMs)) {
    const counted = {
      sql:
        'SELECT _partition_id, count(), toUnixTimestamp64Nano(min(timestamp)), toUnixTimestamp64Nano(max(timestamp)) ' +
        `FROM events WHERE ${condition.sql} GROUP BY _partition_id`,
      params: condition.params,
    }
    const { rows } = await readAll(connection, counted, options, limits)
    const found = rows.map(([partition, events, oldest, newest]) => ({
      events: Number(events),
      bytes: Number(events) * (sizes.get(String(partition)) ?? 0),
      oldestNs: BigInt(String(oldest)),
      newestNs: BigInt(String(newest)),
    }))
    answers.push({
      filter: rule.filter,
      ageMs: rule.ageMs,
      events: sum(found.map(({ events }) => events)),
      bytes: Math.round(sum(found.map(({ bytes }) => bytes))),
      oldest: timeOf(found.map(({ oldestNs }) => oldestNs).toSorted(compare)[0]),
      newest: timeOf(
        found
          .map(({ newestNs }) => newestNs)
          .toSorted(compare)
          .at(-1),
      ),
    })
  }
  return answers
}

/** On disk, with what is counted of them, by partition. */
async function bytesPerRow(connection: Connection, target: SchemaTarget): Promise<Map<string, number>> {
  const parts = await connection.rows<{ id: string; rows: string; bytes: string }>(
    "SELECT partition_id AS id, sumIf(rows, startsWith(table, 'events')) AS rows, sum(bytes_on_disk) AS bytes " +
      `FROM ${target.parts(['events', ...ROLLUPS])} GROUP BY id`,
  )
  return new Map(parts.map(({ id, rows, bytes }) => [id, Number(rows) === 0 ? 0 : Number(bytes) / Number(rows)]))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function timeOf(ns: bigint | undefined): string | null {
  return ns === undefined ? null : formatTimestamp(ns)
}
