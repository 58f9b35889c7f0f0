import type { Statement, StatementParameter } from '../core/statement.ts'
import type { Connection } from './connection.ts'
import type { Eraser } from './eraser.ts'
import type { RetentionRules, RetentionRun } from './retention.ts'
import type { SchemaTarget } from './schema/migration.ts'

/** How long events are kept that a condition selects, unless an earlier rule does. */
export interface KeepRule {
  /** The filter, for people. */
  filter: string
  /** Since they were received; 0: for ever. */
  ageMs: number
  /** On the table `events`. */
  condition: Statement
}

const HOUR_MS = 3_600_000

/** The longest that any rule keeps something; `Infinity` for ever. */
export function longestAgeMs(ageMs: number, keep: readonly KeepRule[]): number {
  return Math.max(...[ageMs, ...keep.map((rule) => rule.ageMs)].map((age) => (age <= 0 ? Infinity : age)))
}

/** Some rule keeps what it selects longer than the rest. */
export function keepsLonger(ageMs: number, keep: readonly KeepRule[]): boolean {
  return ageMs > 0 && longestAgeMs(ageMs, keep) > ageMs
}

/**
 * Deletes what the rules no longer keep, and the rest where a rule keeps partitions from being dropped. Counts in whole
 * hours, so that what is deleted at a time is worth it.
 */
export async function enforceFilters(
  connection: Connection,
  eraser: Pick<Eraser, 'erase'>,
  { ageMs, keep }: Pick<RetentionRules, 'ageMs'> & { keep: readonly KeepRule[] },
  nowMs: number,
): Promise<RetentionRun[]> {
  const runs: RetentionRun[] = []
  for (const { rule, condition } of doomedBy(ageMs, keep, nowMs)) {
    const doomed = {
      condition,
      facility: undefined,
      severities: undefined,
      by: 'retention',
      what: JSON.stringify({ filter: rule.filter, ageMs: rule.ageMs }),
    }
    const deletion = await eraser.erase(connection, doomed)
    if (!deletion) continue
    const { events: rows } = deletion
    runs.push({ at: new Date(nowMs).toISOString(), rule: 'filter', filter: rule.filter, partition: '', rows, bytes: 0 })
  }
  return runs
}

/** What each rule deletes, and the rest where a rule keeps partitions from being dropped. */
export function doomedBy(
  ageMs: number,
  keep: readonly KeepRule[],
  nowMs: number,
): { rule: KeepRule; condition: Statement }[] {
  const rest = keepsLonger(ageMs, keep) ? [{ filter: '*', ageMs, condition: { sql: '1', params: {} } }] : []
  const rules = [...keep, ...rest]
  return rules.flatMap((rule, index) =>
    rule.ageMs <= 0 ? [] : [{ rule, condition: conditionOf(rules, index, nowMs) }],
  )
}

function conditionOf(rules: readonly KeepRule[], index: number, nowMs: number): Statement {
  const params: Record<string, StatementParameter> = {}
  const parts = rules.slice(0, index + 1).map(({ condition }, at) => {
    // The parameters of each are named alike.
    const sql = condition.sql.replaceAll(/\{(\w+):/g, `{rule${at}_$1:`)
    for (const [name, value] of Object.entries(condition.params)) params[`rule${at}_${name}`] = value
    return at === index ? `(${sql})` : `NOT ifNull((${sql}), 0)`
  })
  const endMs = nowMs - (rules[index]?.ageMs ?? 0)
  params['rule_end'] = Math.floor(endMs / HOUR_MS) * HOUR_MS
  return { sql: ["received < fromUnixTimestamp64Milli({rule_end:Int64}, 'UTC')", ...parts].join(' AND '), params }
}

/** What is counted of partitions whose events have all been deleted. */
export async function dropOrphans(
  connection: Connection,
  target: SchemaTarget,
  rollups: readonly string[],
): Promise<void> {
  for (const rollup of rollups) {
    const orphans = await connection.rows<{ id: string }>(
      // Not the newest: a load may have brought the one and not yet the other.
      `SELECT partition_id AS id FROM ${target.parts([rollup])} GROUP BY id ` +
        'HAVING max(modification_time) < now() - INTERVAL 1 HOUR ' +
        `AND id NOT IN (SELECT partition_id FROM ${target.parts(['events'])})`,
    )
    for (const { id } of orphans) await connection.command(target.dropPartition(rollup, Number(id)))
  }
}
