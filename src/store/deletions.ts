/**
 * What was deleted: kept in a table, and in memory for whoever has to know whether a page is still what it was. A
 * deletion is written down before it begins and again when it is done, so that one that was interrupted is completed.
 */
import { AppError } from '../core/errors.ts'
import type { Connection } from './connection.ts'
import type { DeletedScope, DeletionsKnown } from './store.ts'

/** Deletions that are known one by one; older ones count together. */
const KNOWN_MAX = 10_000

export interface Deletion extends DeletedScope {
  id: string
  /** Milliseconds since 1970. */
  atMs: number
  /** Who: a key's id, or a rule of retention. */
  by: string
  /** The conditions, for people. */
  what: string
  events: number
  /** Of the events, both inclusive, nanoseconds since 1970. */
  timestamps: readonly [fromNs: bigint, toNs: bigint]
  received: readonly [fromNs: bigint, toNs: bigint]
  isDone: boolean
  /** The condition on events; empty where whole partitions were dropped. */
  sql: string
  /** JSON. */
  params: string
}

interface DeletionRow {
  id: string
  state: number
  at_ms: string
  by: string
  what: string
  service: string[]
  severities: number[]
  events: string
  timestamp_from: string
  timestamp_to: string
  received_from: string
  received_to: string
  sql: string
  params: string
}

const NEWEST = `
SELECT id, state, toUnixTimestamp64Milli(at) AS at_ms, by, what, service, severities, events,
  timestamp_from, timestamp_to, received_from, received_to, sql, params
FROM deletions FINAL ORDER BY at DESC, id LIMIT ${KNOWN_MAX}`

/** All that are older, as if they were one. */
const OLDER = `
SELECT count() AS n, min(timestamp_from) AS timestamp_from, max(timestamp_to) AS timestamp_to,
  min(received_from) AS received_from, max(received_to) AS received_to
FROM (SELECT * FROM deletions FINAL ORDER BY at DESC, id LIMIT 10000000 OFFSET ${KNOWN_MAX})`

/** The deletions that are known, oldest of them counted together. */
export class Deletions implements DeletionsKnown {
  #list: readonly Deletion[] = []
  #isLoaded = false

  get list(): readonly Deletion[] {
    return this.#list
  }

  async load(connection: Connection): Promise<void> {
    const rows = await connection.rows<DeletionRow>(NEWEST)
    const list = rows.map(fromRow)
    if (rows.length === KNOWN_MAX) {
      const [older] = await connection.rows<DeletionRow & { n: string }>(OLDER)
      if (older && older.n !== '0') list.push(together(older))
    }
    this.#list = list
    this.#isLoaded = true
  }

  /** STORE_UNREACHABLE as long as it was never known. */
  touching(range: { fromNs: bigint; toNs: bigint }, scope: DeletedScope): { ids: string[]; isUnderWay: boolean } {
    if (!this.#isLoaded) throw new AppError('STORE_UNREACHABLE', { retryAfterSeconds: 2 })
    const found = this.#list.filter((deletion) => isTouched(deletion, range) && mayShare(deletion, scope))
    return { ids: found.map(({ id }) => id), isUnderWay: found.some(({ isDone }) => !isDone) }
  }
}

function isTouched({ timestamps, received }: Deletion, { fromNs, toNs }: { fromNs: bigint; toNs: bigint }): boolean {
  return [timestamps, received].some(([first, last]) => first < toNs && last >= fromNs)
}

function mayShare(deletion: DeletedScope, scope: DeletedScope): boolean {
  const { facility, severities } = scope
  if (facility !== undefined && deletion.facility !== undefined && facility !== deletion.facility) return false
  if (severities === undefined || deletion.severities === undefined) return true
  return severities.some((severity) => deletion.severities?.includes(severity))
}

function fromRow(row: DeletionRow): Deletion {
  return {
    id: row.id,
    atMs: Number(row.at_ms),
    by: row.by,
    what: row.what,
    facility: row.service[0],
    severities: row.severities.length === 0 ? undefined : row.severities,
    events: Number(row.events),
    timestamps: [BigInt(row.timestamp_from), BigInt(row.timestamp_to)],
    received: [BigInt(row.received_from), BigInt(row.received_to)],
    isDone: row.state === 1,
    sql: row.sql,
    params: row.params,
  }
}

function together(older: DeletionRow & { n: string }): Deletion {
  const none = { service: [], severities: [], events: '0', sql: '', params: '{}', by: '', what: '', at_ms: '0' }
  return fromRow({ ...older, ...none, id: `${older.n} older`, state: 1 })
}

/** Writes down that a deletion has begun, or is done. */
export async function noteDeletion(connection: Connection, deletion: Deletion): Promise<void> {
  const { id, isDone, atMs, by, what, facility, severities = [], events, timestamps, received, sql, params } = deletion
  await connection.command(
    {
      sql:
        'INSERT INTO deletions SELECT {id:String}, {state:UInt8}, fromUnixTimestamp64Milli({at:Int64}), {by:String}, ' +
        '{what:String}, {service:Array(String)}, {severities:Array(UInt8)}, {events:UInt64}, {timestamp_from:Int64}, ' +
        '{timestamp_to:Int64}, {received_from:Int64}, {received_to:Int64}, {sql:String}, {params:String}',
      params: {
        id,
        state: isDone ? 1 : 0,
        at: atMs,
        by,
        what,
        service: facility === undefined ? [] : [facility],
        severities,
        events,
        timestamp_from: timestamps[0],
        timestamp_to: timestamps[1],
        received_from: received[0],
        received_to: received[1],
        sql,
        params,
      },
    },
    { async_insert: 0, distributed_foreground_insert: 1 },
  )
}
