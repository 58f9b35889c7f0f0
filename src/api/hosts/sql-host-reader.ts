/** Hosts and files in SQL: from the rollup where all events may be seen, else from events. */
import type { Statement } from '../../core/statement.ts'
import type { hostFilesStatement, hostIsKnownStatement, hostNamesStatement } from '../../store/hosts.ts'
import type { ReadOptions, Store } from '../../store/store.ts'
import type { StoredEvent, Visible } from '../event-reader.ts'
import { equals, joinConditions, type Condition, type WalkQuestion } from '../stored-events.ts'
import { visibleCondition } from '../view.ts'
import type { HostReader } from './host-reader.ts'

/** The store's own: what it keeps about all events, so it answers only those who may see all events. */
export interface HostRollup {
  hostNames: typeof hostNamesStatement
  hostFiles: typeof hostFilesStatement
  hostIsKnown: typeof hostIsKnownStatement
}

export interface SqlHostReaderOptions {
  store: Pick<Store, 'select'>
  rollup: HostRollup
  walk: (question: WalkQuestion, read: ReadOptions) => Promise<StoredEvent[]>
}

export function createSqlHostReader({ store, rollup, walk }: SqlHostReaderOptions): HostReader {
  const names = async (statement: Statement, read: ReadOptions): Promise<string[]> => {
    const { rows } = await store.select(statement, read)
    return rows.map(([name]) => String(name))
  }
  return {
    hosts: (visible, limit, read) =>
      names(visible.filter === '' ? rollup.hostNames(limit) : scannedNames('host', visible, [], limit), read),
    files: (host, visible, limit, read) => {
      if (visible.filter === '') return names(rollup.hostFiles(host, limit), read)
      return names(scannedNames('source', visible, [equals('host', host)], limit), read)
    },
    async isKnown(host, visible, read) {
      if (visible.filter === '') return (await names(rollup.hostIsKnown(host), read)).length > 0
      return (await names(scannedNames('host', visible, [equals('host', host)], 1), read)).length > 0
    },
    lines({ visible, host, file, text, limit }, read) {
      const conditions = [
        equals('host', host),
        ...(file === undefined ? [] : [equals('source', file)]),
        containing(text),
      ]
      return walk({ query: visible.everything, conditions, range: {}, order: 'desc', limit }, read)
    },
  }
}

/** `SELECT name` of the visible events. */
function scannedNames(
  column: 'host' | 'source',
  { everything }: Visible,
  conditions: readonly Condition[],
  limit: number,
): Statement {
  const { sql, params } = joinConditions([...conditions, visibleCondition(everything)])
  return {
    sql:
      `SELECT DISTINCT ${column} AS name FROM events WHERE ${sql} AND ${column} != '' ` +
      'ORDER BY name LIMIT {names_max:UInt32}',
    params: { ...params, names_max: limit },
  }
}

function containing(text: string): Condition {
  if (text === '') return { sql: '1', params: {} }
  return { sql: 'position(message, {text_contained:String}) > 0', params: { text_contained: text } }
}
