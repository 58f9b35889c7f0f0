import type { Statement } from '../core/statement.ts'

/** `SELECT name`: every host that events came from, in order. */
export function hostNamesStatement(limit: number): Statement {
  return { sql: 'SELECT DISTINCT host AS name FROM hosts ORDER BY name LIMIT {limit:UInt32}', params: { limit } }
}

/** `SELECT name`: every source of events of one host that has a name, in order. */
export function hostFilesStatement(host: string, limit: number): Statement {
  return {
    sql:
      "SELECT DISTINCT source AS name FROM hosts WHERE host = {host:String} AND source != '' " +
      'ORDER BY name LIMIT {limit:UInt32}',
    params: { host, limit },
  }
}

/** `SELECT 1` if events came from this host. */
export function hostIsKnownStatement(host: string): Statement {
  return { sql: 'SELECT 1 FROM hosts WHERE host = {host:String} LIMIT 1', params: { host } }
}
