import type { EventJson } from '../core/event.ts'

/** What the server's API answers, as far as clients look at it. */

export interface IngestAnswer {
  accepted: number
  /** `line` counts from 1 within the body. The server may name only the first of many. */
  rejected: readonly RejectedLine[]
  /** How many in all, where `rejected` names only some. */
  rejectedTotal?: number
}

export interface RejectedLine {
  line: number
  reason: string
}

export interface QueryStats {
  elapsedMs: number
  rowsRead: number
  bytesRead: number
}

export interface ColumnJson {
  name: string
  /** `number`, `time` (RFC 3339) or `text`. */
  type: string
}

/** Events (after a `fields` pipe with only some of their fields), or the rows of a query with stats. */
export interface QueryAnswer {
  columns?: readonly ColumnJson[]
  events?: readonly Partial<EventJson>[]
  rows?: readonly (readonly unknown[])[]
  cursor?: string | null
  stats?: QueryStats
}

export interface QueryProblemJson {
  code: string
  message: string
  from: number
  to: number
  hint?: string
}

export interface ExplainAnswer {
  explanation: string
  problems: readonly QueryProblemJson[]
  sql?: string
}

export interface DeletionAnswer {
  deleted: number
  state: 'counted' | 'done' | 'running'
  before: string
}

export interface ReadyAnswer {
  status: 'ready' | 'not ready'
  reasons: readonly { part: string; reason: string; effect: string }[]
}

export interface StatusAnswer {
  version: string
  node: string
  startedAt: string
  uptimeSeconds: number
  listeners: Readonly<Record<string, string>>
  /** Not there before servers had keys. */
  access?: { open: boolean; keys: Readonly<Record<string, number>> }
  ingest: { accepted: { total: number }; rejected: { total: number } }
  lag: { newestReceived: string | null; newestStored: string | null; seconds: number }
  spool: Readonly<Record<string, unknown>>
  store: Readonly<Record<string, unknown>>
  disk: { usedBytes: number | null; freeBytes: number | null }
  /** Not there before servers had streams. */
  streams?: { live: number; interrupted: number; finished: number; bytes: number; bytesMax: number; readers: number }
  /** Not there before servers had agents. */
  agents?: readonly { host: string; lastSeen: string; isAway?: boolean; behindBytes: number; problems: number }[]
  process: { pid: number; residentBytes: number }
}

export interface WhoAnswer {
  open: boolean
  role?: string
  /** What is read has to pass it; empty: everything may be read. */
  filter?: string
}
