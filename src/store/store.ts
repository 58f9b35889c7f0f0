/**
 * store: the only room that speaks ClickHouse: engine, schema, load, queries, retention. It must never know protocols or
 * query text. Start here at the door, then `connect.ts` (which kind of store), `clickhouse-store.ts` (the store itself),
 * `schema/` (the tables), `engine/` (the embedded ClickHouse).
 */
import type { Statement } from '../core/statement.ts'

/** A set of spool files that go into the store in one INSERT, exactly once per `token`. */
export interface LoadRequest {
  /** Absolute paths of whole RowBinary files (`ROW_COLUMNS`). */
  files: readonly string[]
  /** Same token, same files: the store keeps them once, however often this is tried. Never reuse one for others. */
  token: string
  /** The node whose spool this is; becomes the `node` column. */
  node: string
}

export interface ReadOptions {
  /** Aborting cancels the query inside the engine. */
  signal?: AbortSignal
  timeoutMs?: number
  /** Highest number of rows the answer may have; more is an error `QUERY_TOO_COSTLY`. */
  rowsMax?: number
}

export interface ReadColumn {
  name: string
  type: string
}

export interface ReadResult {
  columns: ReadColumn[]
  /** As ClickHouse's JSONCompact gives them: 64-bit integers as strings. */
  rows: unknown[][]
  stats: ReadStats
}

export interface ReadStats {
  elapsedMs: number
  rowsRead: number
  bytesRead: number
}

export interface StoreStatus {
  /** `memory`: there is none; the rings are in its place. */
  kind: 'embedded' | 'remote' | 'memory'
  state: 'starting' | 'ready' | 'down' | 'closed'
  version: string | null
  /** Why it is not ready. */
  reason: string | null
  restarts: number
  rows: number
  bytesOnDisk: number
  oldest: string | null
  newest: string | null
  /** Resident memory of the embedded engine; of a remote one what it counts itself; of memory that of the rings. */
  memoryBytes: number | null
  diskFreeBytes: number | null
  /** Newest retention runs: what was dropped and why. */
  retention: { at: string; rule: string; partition: string; rows: number; bytes: number }[]
  /** Acknowledged events that the rings no longer hold; only of memory. */
  droppedEvents?: number
}

/** The one store behind everything. Errors are `AppError`: STORE_*, QUERY_TIMEOUT, QUERY_TOO_COSTLY, QUERY_CANCELLED. */
export interface Store {
  /**
   * Resolves when the rows are in the store and synced. Rejects with STORE_DATA_REFUSED when the rows themselves are
   * the cause (the caller then isolates them), with STORE_UNREACHABLE or STORE_FAILED when trying again may help.
   */
  load(request: LoadRequest): Promise<void>
  /** Runs a SELECT as the read-only user, bound by time, memory and rows. */
  select(statement: Statement, options?: ReadOptions): Promise<ReadResult>
  /**
   * The same, row by row, without holding the answer in memory. The first item is the columns, then one array per
   * row. Ending the iteration early cancels the query in the engine.
   */
  stream(statement: Statement, options?: ReadOptions): AsyncIterable<unknown[]>
  /** Gathers figures from system tables; cheap enough for once a second. */
  status(): Promise<StoreStatus>
  readonly isReady: boolean
  close(): Promise<void>
}
