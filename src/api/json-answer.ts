import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import {
  intersectRanges,
  readEventRow,
  readTableRow,
  rowPosition,
  TABLE_ROWS_MAX,
  type CheckedQuery,
  type TimeRange,
} from '../query/query.ts'
import type { ReadStats } from '../store/store.ts'
import { formatCursor } from './cursor.ts'
import type { Question } from './questions.ts'
import type { Reading } from './reading.ts'
import { eventsWanted, rangeAhead, searchPieces } from './search.ts'
import { countdown } from './times.ts'
import type { View } from './view.ts'

/** About two milliseconds of work. */
const EVENTS_PER_TURN = 500

/** The whole answer as JSON text. */
export function answerJson(reading: Reading, question: Question, signal: AbortSignal): Promise<string> {
  return question.query.kind === 'table'
    ? answerTable(reading, question, signal)
    : answerEvents(reading, question, signal)
}

/** Events in the wanted order, and the cursor of the next page. */
async function answerEvents(reading: Reading, question: Question, signal: AbortSignal): Promise<string> {
  const { query, order } = question
  const stats: ReadStats = { elapsedMs: 0, rowsRead: 0, bytesRead: 0 }
  const timeLeftMs = countdown(question.timeoutMs)
  const wanted = eventsWanted(question)
  const rows: unknown[][] = []
  if (wanted > 0) {
    // One more than wanted tells whether there is a further page.
    const windows = await reading.events.windows(rangeAhead(question), order)
    for (const piece of searchPieces(question, wanted + 1, wanted + 1, windows)) {
      const options = { signal, timeoutMs: timeLeftMs(), rowsMax: piece.options.limit }
      const result = await reading.events.select(query, piece.options, options)
      addStats(stats, result.stats)
      question.spent.rowsRead = stats.rowsRead
      for (const row of result.rows) rows.push(row)
      piece.rows = result.rows.length
      piece.last = result.rows.at(-1)
    }
  }
  const shown = rows.slice(0, wanted)
  const cursor = rows.length > wanted ? nextCursor(question, shown, rows) : null
  const events = await eventTexts(query, shown)
  return `{"events":[${events.join(',')}],"cursor":${JSON.stringify(cursor)},"stats":${JSON.stringify(shownStats(stats, question.view))}}`
}

/** Each event as JSON; others get their turn meanwhile. */
async function eventTexts(query: CheckedQuery, rows: readonly unknown[][]): Promise<string[]> {
  const texts: string[] = []
  for (const row of rows) {
    texts.push(JSON.stringify(readEventRow(query, row)))
    if (texts.length % EVENTS_PER_TURN === 0) await eventLoopTurn()
  }
  return texts
}

function nextCursor(
  { query, cursor, settledNs, nowNs, asked }: Question,
  shown: readonly unknown[][],
  rows: readonly unknown[][],
): string | null {
  const last = shown.at(-1)
  const given = (cursor?.given ?? 0) + shown.length
  const isAtLimit = query.limit !== undefined && given >= query.limit
  if (!last || !query.isPageable || isAtLimit) return null
  const snapshotNs = cursor?.snapshotNs ?? snapshot(settledNs, rows)
  return formatCursor({ ...rowPosition(last), snapshotNs, nowNs, given }, asked)
}

/** Later pages show what was settled when the first was asked for, and what stood on the first or beside it. */
function snapshot(settledNs: bigint, rows: readonly unknown[][]): bigint {
  let snapshotNs = settledNs
  for (const row of rows) {
    const { receivedNs } = rowPosition(row)
    if (receivedNs > snapshotNs) snapshotNs = receivedNs
  }
  return snapshotNs
}

async function answerTable(reading: Reading, question: Question, signal: AbortSignal): Promise<string> {
  const timeLeftMs = countdown(question.timeoutMs)
  const range = await tableRange(reading, question, signal, timeLeftMs)
  const { query, limit } = question
  const { columns } = query
  const { rows, stats } = await reading.events.select(query, { range, limit }, { signal, timeoutMs: timeLeftMs() })
  question.spent.rowsRead = stats.rowsRead
  const cells = rows.slice(0, question.tableRowsMax).map((row) => readTableRow(columns, row))
  const isCut = rows.length >= TABLE_ROWS_MAX || cells.length < rows.length
  return JSON.stringify({
    columns,
    rows: cells,
    ...(isCut ? { truncated: true } : {}),
    stats: shownStats({ ...stats, elapsedMs: roundMs(stats.elapsedMs) }, question.view),
  })
}

/** What the store had to read tells about all events: with a filter it stays untold. */
function shownStats(stats: ReadStats, { filter }: View): ReadStats {
  return filter === '' ? stats : { elapsedMs: stats.elapsedMs, rowsRead: 0, bytesRead: 0 }
}

/** A timechart that is to find its own interval needs both ends: what is open becomes the times of what may be seen. */
export async function tableRange(
  { events }: Reading,
  { query, range, view }: Pick<Question, 'query' | 'range' | 'view'>,
  signal: AbortSignal,
  timeLeftMs: () => number,
): Promise<TimeRange> {
  const whole = intersectRanges(range, query.range)
  if (!query.isRangeNeeded || (whole.fromNs !== undefined && whole.toNs !== undefined)) return range
  const times = await events.times(view, signal, timeLeftMs)
  if (!times) return range
  const held = { fromNs: times.oldestNs, toNs: times.newestNs + 1n }
  return { fromNs: whole.fromNs ?? held.fromNs, toNs: whole.toNs ?? held.toNs }
}

function addStats(sum: ReadStats, stats: ReadStats): void {
  sum.elapsedMs = roundMs(sum.elapsedMs + stats.elapsedMs)
  sum.rowsRead += stats.rowsRead
  sum.bytesRead += stats.bytesRead
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
