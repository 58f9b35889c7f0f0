/**
 * How events are found newest first (or oldest first): through growing windows of time, in pieces of a bounded number
 * of rows, each piece one statement of bounded cost. A query that cannot be cut into windows runs once.
 */
import { AppError } from '../core/errors.ts'
import type { Statement } from '../core/statement.ts'
import { intersectRanges, rowPosition, type RowPosition, type TimeRange } from '../query/query.ts'
import type { Question } from './questions.ts'
import { timeWindows, type Extent } from './time-windows.ts'
import { visibleSql } from './view.ts'

/** Rows of one statement of a long answer: bounds what the engine must sort and hold. */
const PIECE_ROWS_MAX = 50_000
const PIECE_ROWS_MIN = 10
/** How many times smaller a piece is tried again when it was more than the store gives at once. */
const SHRINKING = 8
/** Text that one statement should bring at most, judged by the rows before: well below what the store allows. */
const PIECE_CHARS = 64 * 1024 * 1024
/** Rows of the first piece of a streamed answer, when it is not known yet how long they are. */
export const FIRST_PIECE_ROWS = 100

/** One statement and how many rows it may bring. The reader of its rows tells here what came. */
export interface Piece {
  statement: Statement
  limit: number
  rows: number
  /** Text of the rows, 0 where the reader does not count. */
  chars: number
  last: readonly unknown[] | undefined
  /** The statement failed after these rows because it brought too much at once; a smaller one goes on behind them. */
  isTooLarge: boolean
}

/** How many events an answer may still have, by the request's limit and by the query's own. */
export function eventsWanted({ query, limit, cursor }: Pick<Question, 'query' | 'limit' | 'cursor'>): number {
  return query.limit === undefined ? limit : Math.min(limit, Math.max(0, query.limit - (cursor?.given ?? 0)))
}

/**
 * The statements to run one after the other until `wanted` events have come. Before asking for the next, set `rows`
 * and `last` of the one before.
 */
export function* searchPieces(
  question: Question,
  wanted: number,
  firstRows: number,
  extent: Extent | undefined,
): Generator<Piece> {
  const { query, order, cursor } = question
  if (!query.isPageable) {
    yield piece(visibleSql(query, { range: question.range, limit: wanted, order }).statement, wanted)
    return
  }
  const snapshot = cursor === undefined ? {} : { snapshotNs: cursor.snapshotNs }
  let after: RowPosition | undefined = cursor
  let left = wanted
  let rowsMax = firstRows
  for (const range of timeWindows(rangeAhead(question), order, extent)) {
    for (;;) {
      const limit = Math.min(left, rowsMax)
      const options = { range, limit, order, ...snapshot, ...(after === undefined ? {} : { after }) }
      const next = piece(visibleSql(query, options).statement, limit)
      yield next
      left -= next.rows
      if (next.last) after = rowPosition(next.last)
      if (next.isTooLarge) rowsMax = Math.max(1, Math.floor(limit / SHRINKING))
      else if (next.chars > 0) rowsMax = rowsThatFit(next)
      if (left <= 0) return
      if (next.rows < limit && !next.isTooLarge) break
    }
  }
}

function piece(statement: Statement, limit: number): Piece {
  return { statement, limit, rows: 0, chars: 0, last: undefined, isTooLarge: false }
}

function rowsThatFit({ rows, chars }: Piece): number {
  const fitting = Math.floor((PIECE_CHARS * rows) / chars)
  return Math.max(PIECE_ROWS_MIN, Math.min(fitting, PIECE_ROWS_MAX))
}

/** Whether fewer rows at once may help against a failure. */
export function isWorthShrinking(error: unknown, { limit }: Piece, { query }: Pick<Question, 'query'>): boolean {
  return query.isPageable && limit > 1 && error instanceof AppError && error.code === 'QUERY_TOO_COSTLY'
}

/** The part of the range that is not behind the cursor. */
function rangeAhead({ query, range, order, cursor }: Question): TimeRange {
  const whole = intersectRanges(range, query.range)
  if (!cursor) return whole
  return intersectRanges(whole, order === 'desc' ? { toNs: cursor.timestampNs + 1n } : { fromNs: cursor.timestampNs })
}
