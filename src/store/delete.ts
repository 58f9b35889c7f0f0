import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../core/errors.ts'
import type { Statement, StatementParameter } from '../core/statement.ts'
import type { Connection } from './connection.ts'
import { noteDeletion, type Deletion, type Deletions } from './deletions.ts'
import { EVENTLOG_STATS_COLUMNS, eventlogStatsSelect } from './schema/003-eventlog.ts'
import type { SchemaTarget } from './schema/migration.ts'
import type { DeletedScope } from './store.ts'

const POLL_MS_MIN = 20
const POLL_MS_MAX = 500
const COUNT_SECONDS_MAX = 300

/** Which events, and what they have in common. */
export interface Doomed extends DeletedScope {
  /** On the table `events`; must select the same events whenever it is asked. */
  condition: Statement
  by: string
  what: string
}

interface Counted {
  events: number
  timestamps: readonly [bigint, bigint]
  received: readonly [bigint, bigint]
}

/** How many events a condition selects, and from when to when they are. */
export async function countDoomed(connection: Connection, { sql, params }: Statement): Promise<Counted> {
  const [row] = await connection.rows<Record<'n' | 'a' | 'b' | 'c' | 'd', string>>({
    sql:
      'SELECT count() AS n, toUnixTimestamp64Nano(min(timestamp)) AS a, toUnixTimestamp64Nano(max(timestamp)) AS b, ' +
      'toUnixTimestamp64Nano(min(received)) AS c, toUnixTimestamp64Nano(max(received)) AS d ' +
      `FROM events WHERE ${sql} SETTINGS max_execution_time = ${COUNT_SECONDS_MAX}`,
    params,
  })
  const { n, a, b, c, d } = row ?? { n: '0', a: '0', b: '0', c: '0', d: '0' }
  return { events: Number(n), timestamps: [BigInt(a), BigInt(b)], received: [BigInt(c), BigInt(d)] }
}

export interface DeletingContext {
  connection: Connection
  target: SchemaTarget
  deletions: Deletions
  /** Ends the waiting; what has begun goes on in the engine, and is completed at the next start. */
  signal: AbortSignal
}

/** Writes down what is going to be deleted. `undefined` when there is nothing. */
export async function beginDeletion(
  { connection, deletions }: DeletingContext,
  { condition, by, what, facility, severities }: Doomed,
  { id, atMs }: { id: string; atMs: number },
): Promise<Deletion | undefined> {
  const counted = await countDoomed(connection, condition)
  if (counted.events === 0) return undefined
  const params = JSON.stringify(condition.params, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  const deletion = { id, atMs, by, what, facility, severities, ...counted, isDone: false, sql: condition.sql, params }
  await noteDeletion(connection, deletion)
  await deletions.load(connection)
  return deletion
}

/**
 * Deletes what was written down: once more if it was interrupted, with the same result. Resolves when no event of it is
 * left on the disk, and the statistics no longer count them.
 */
export async function completeDeletion(context: DeletingContext, deletion: Deletion): Promise<void> {
  const { connection, target, deletions } = context
  if (deletion.sql !== '') {
    const params = JSON.parse(deletion.params) as Record<string, StatementParameter>
    // First, while the events can still be counted. A second time the token keeps it from counting twice.
    await connection.command(
      {
        sql: `INSERT INTO eventlog_stats (${EVENTLOG_STATS_COLUMNS}) ${eventlogStatsSelect(-1, deletion.sql)}`,
        params,
      },
      {
        async_insert: 0,
        insert_deduplicate: 1,
        insert_deduplication_token: deletion.id,
        distributed_foreground_insert: 1,
        max_insert_threads: 1,
        max_partitions_per_insert_block: 0,
      },
    )
    // A whole rewrite, not a mask: figures stay readable from the parts, and what is deleted is gone from the disk.
    await connection.command({ sql: target.deleteFrom('events', deletion.sql), params }, { mutations_sync: 0 })
    await untilMutated(context)
  }
  await noteDeletion(connection, { ...deletion, isDone: true })
  await deletions.load(connection)
}

/** Resolves when no deletion is under way in the engine. */
async function untilMutated({ connection, target, signal }: DeletingContext): Promise<void> {
  for (let waitMs = POLL_MS_MIN; ; waitMs = Math.min(waitMs * 2, POLL_MS_MAX)) {
    const [row] = await connection.rows<{ n: string; reason: string }>(
      `SELECT count() AS n, max(latest_fail_reason) AS reason FROM ${target.mutations('events')}`,
    )
    if (!row || row.n === '0') return
    if (row.reason !== '') {
      await connection.command(target.killMutations('events'))
      throw new AppError('STORE_FAILED', { detail: `The store could not delete: ${row.reason.slice(0, 500)}` })
    }
    await delay(waitMs, undefined, { signal })
  }
}
