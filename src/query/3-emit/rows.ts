import { formatEventId, type EventJson, type LogEvent } from '../../core/event.ts'
import { levelOf } from '../../core/severity.ts'
import { formatTimestamp } from '../../core/time.ts'
import type { CheckedQuery, Column } from '../2-check/checked.ts'
import type { TimeRange } from '../query.ts'
import { ROW_TEXTS, shownOf } from './sql-events.ts'

/** Which rows an answer has, beside what the query itself says. */
export interface RowOptions {
  /** ANDed with what the query itself says about time. */
  range?: TimeRange
  /** Highest number of events; for a table only the query's own `limit` counts, and `TABLE_ROWS_MAX`. */
  limit: number
  order?: 'desc' | 'asc'
  /** Only events after this one in the order; for pageable queries. */
  after?: RowPosition
  /** Only events received up to this time, so that pages do not shift while new ones arrive. */
  snapshotNs?: bigint
}

/** Where a row stands in the total order of events. */
export interface RowPosition {
  timestampNs: bigint
  receivedNs: bigint
  node: string
}

/** The position of an event row, as a result of `toSql` of kind `events` gives it in JSONCompact. */
export function rowPosition(row: readonly unknown[]): RowPosition {
  return { timestampNs: BigInt(String(row[0])), receivedNs: BigInt(String(row[1])), node: String(row[2]) }
}

/** A row of a whole event → the event, and the node that took it. */
export function readLogEvent(row: readonly unknown[]): LogEvent & { node: string } {
  const texts = Object.fromEntries(ROW_TEXTS.map((name, index) => [name, String(row[4 + index])]))
  const attributes = row[4 + ROW_TEXTS.length] as Record<string, string>
  return {
    ...rowPosition(row),
    severity: Number(row[3]),
    ...(texts as Record<(typeof ROW_TEXTS)[number], string>),
    attributes: new Map(Object.entries(attributes)),
  }
}

/** An event row → the event as printed; with `fields` only those, and always `id`. */
export function readEventRow(query: CheckedQuery, row: readonly unknown[]): Partial<EventJson> {
  const { timestampNs, receivedNs, node } = rowPosition(row)
  const severity = Number(row[3])
  const texts = Object.fromEntries(ROW_TEXTS.map((name, index) => [name, String(row[4 + index])]))
  const event: Partial<EventJson> & { node?: string } = {
    id: formatEventId(receivedNs, node),
    timestamp: formatTimestamp(timestampNs),
    received: formatTimestamp(receivedNs),
    severity,
    level: levelOf(severity),
    ...texts,
    attributes: row[4 + ROW_TEXTS.length] as Record<string, string>,
  }
  return onlyShown(query, event, node)
}

/** Drops what `fields` leaves out. `attributes` must already be cut down. */
export function onlyShown(query: CheckedQuery, event: Partial<EventJson>, node: string): Partial<EventJson> {
  const shown = shownOf(query)
  if (!shown) return event
  const kept = Object.entries(event).filter(([name]) => {
    if (name === 'id') return true
    if (name === 'attributes') return shown.attributes === 'all' || shown.attributes.length > 0
    return shown.names.has(name === 'severity' ? 'level' : name)
  })
  if (shown.names.has('node')) kept.push(['node', node])
  return Object.fromEntries(kept)
}

export type TableCell = string | number | null

/** A table row as the engine gives it in JSONCompact → cells: numbers, texts, RFC 3339 times. */
export function readTableRow(columns: readonly Column[], row: readonly unknown[]): TableCell[] {
  return columns.map(({ type }, index) => {
    const value = row[index] as string | number | null | undefined
    if (value === null || value === undefined) return null
    if (type === 'number') return Number(value)
    return type === 'time' ? formatTimestamp(BigInt(String(value))) : String(value)
  })
}
