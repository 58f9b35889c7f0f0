/** For tests: a real store in which everything takes a minute. */
import type { Statement } from '../../core/statement.ts'
import type { TemporaryStore } from '../../store/testing/temporary-store.ts'
import type { SqlStore } from './open-api.ts'

/** Its mark in the list of what the engine is doing. */
const MARK = 'takes_a_minute'

const slow = ({ sql, params }: Statement): Statement => ({
  sql:
    `SELECT answer.* FROM (SELECT sleepEachRow(0.05) AS slept FROM numbers(1200)) AS ${MARK} CROSS JOIN (${sql}) AS answer ` +
    `WHERE slept = 0 SETTINGS max_block_size = 2`,
  params,
})

/** Every statement that finds something gives its rows again and again for a minute. */
export function slowedStore({ store }: TemporaryStore): SqlStore {
  return {
    isReady: true,
    deletions: store.deletions,
    delete: (request) => store.delete(request),
    status: () => store.status(),
    select: (statement, options) => store.select(slow(statement), { ...options, rowsMax: 1_000_000 }),
    stream: (statement, options) => store.stream(slow(statement), { ...options, rowsMax: 1_000_000 }),
    texts: (statement, separator, options) =>
      store.texts(slow(statement), separator, { ...options, rowsMax: 1_000_000 }),
  }
}

/** How many such statements the engine is working on. */
export async function slowQueries({ store }: TemporaryStore): Promise<number> {
  const rows = await store.inspect<{ n: string }>({
    sql: "SELECT count() AS n FROM system.processes WHERE user = 'reader' AND position(query, {mark:String}) > 0",
    params: { mark: MARK },
  })
  return Number(rows[0]?.n)
}
