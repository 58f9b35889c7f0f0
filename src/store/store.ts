/**
 * store: the only room that speaks ClickHouse: engine, schema, load, queries, retention. It must never know protocols or
 * query text. Start here at the door, then `connect.ts` (which kind of store), `clickhouse-store.ts` (the store itself),
 * `schema/` (the tables), `engine/` (the embedded ClickHouse).
 */
import type { Statement } from '../core/statement.ts'
import type { KeepRule } from './retention-filters.ts'

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
  retention: { at: string; rule: string; filter?: string; partition: string; rows: number; bytes: number }[]
  /** Acknowledged events that the rings no longer hold; only of memory. */
  droppedEvents?: number
}

/** What deleted events have in common, or what somebody asks about; `undefined`: nothing in particular. */
export interface DeletedScope {
  facility: string | undefined
  severities: readonly number[] | undefined
}

export interface DeletionsKnown {
  /**
   * Deletions that may have touched events of this range (timestamps or received times, nanoseconds, half-open) and
   * scope. `isUnderWay`: one of them is not over.
   */
  touching(
    range: { fromNs: bigint; toNs: bigint },
    scope: DeletedScope,
  ): { ids: readonly string[]; isUnderWay: boolean }
}

export interface DeletionRequest extends DeletedScope {
  /** Condition on the table `events`, with bound parameters. */
  condition: Statement
  /** Who asks. */
  by: string
  /** The conditions as they were asked, for people. */
  what: string
  /** Only counts. */
  isDryRun: boolean
  /** How long to wait for the end. */
  timeoutMs: number
}

export interface DeletionAnswer {
  events: number
  /** `running`: it takes longer and goes on by itself. */
  state: 'counted' | 'done' | 'running'
}

/** What a rule of retention deletes. */
export interface DoomedByRule {
  /** `*`: what no rule selects. */
  filter: string
  ageMs: number
  events: number
  /** On disk, about. */
  bytes: number
  /** Timestamps; null where there is none. */
  oldest: string | null
  newest: string | null
}

/** What stands between two texts of an answer. */
export type RowSeparator = ',\n' | '\n'

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
  /**
   * The bytes of an answer that is one column of texts, with the separator between them, unread. What fails fails
   * before the first byte, or breaks off.
   */
  texts(statement: Statement, separator: RowSeparator, options?: ReadOptions): AsyncIterable<Buffer>
  /**
   * Deletes events for good. What it selects must not change meanwhile: no event that it selects may still be on its
   * way to the store. Durable when it answers; one that is interrupted is completed at the next start. One at a time:
   * TOO_MANY_REQUESTS while another is under way.
   */
  delete(request: DeletionRequest): Promise<DeletionAnswer>
  /** What was deleted so far. */
  readonly deletions: DeletionsKnown
  /** What these rules would delete if they were applied now; the first that selects an event decides. Deletes nothing. */
  previewRetention(keep: readonly KeepRule[], options?: ReadOptions): Promise<DoomedByRule[]>
  /** Gathers figures from system tables; cheap enough for once a second. */
  status(): Promise<StoreStatus>
  readonly isReady: boolean
  close(): Promise<void>
}
