/**
 * query: one small language (docs/query.md), as three pure phases: text → tree (`1-parse`), tree → checked query with
 * every problem found (`2-check`), checked query → SQL, row selector, explanation (`3-emit`). It knows no IO, no
 * clock and no database client. Start reading here: these are its doors.
 */
import type { EventView } from '../core/batch.ts'
import type { EventJson } from '../core/event.ts'
import type { Statement } from '../core/statement.ts'

/** A mistake in a query text; `from` and `to` are UTF-16 offsets into it, `to` exclusive. */
export interface QueryProblem {
  code: string
  message: string
  from: number
  to: number
  hint?: string
}

/** Half-open in nanoseconds: `fromNs <= timestamp < toNs`. */
export interface TimeRange {
  fromNs?: bigint
  toNs?: bigint
}
