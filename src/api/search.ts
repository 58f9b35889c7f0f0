/**
 * How events are found newest first (or oldest first): through growing windows of time, in pieces of a bounded number
 * of rows, each piece one question of bounded cost. A query that cannot be cut into windows runs once.
 */
import { AppError } from '../core/errors.ts'
import { intersectRanges, rowPosition, type RowOptions, type RowPosition, type TimeRange } from '../query/query.ts'
import type { Question } from './questions.ts'

/** Rows of one piece of a long answer: bounds what must be sorted and held. */
const PIECE_ROWS_MAX = 50_000
const PIECE_ROWS_MIN = 10
/** How many times smaller a piece is tried again when it was more than the store gives at once. */
const SHRINKING = 8
/** Text that one piece should bring at most, judged by the rows before: well below what the store allows. */
const PIECE_CHARS = 64 * 1024 * 1024
/** Rows of the first piece of a streamed answer, when it is not known yet how long they are. */
export const FIRST_PIECE_ROWS = 100

/** Which rows to ask for next. The reader of its rows tells here what came. */
export interface Piece {
  options: RowOptions
  rows: number
  /** Text of the rows, 0 where the reader does not count. */
  chars: number
  last: readonly unknown[] | undefined
  /** It failed after these rows because it brought too much at once; a smaller one goes on behind them. */
  isTooLarge: boolean
}

/** How many events an answer may still have, by the request's limit and by the query's own. */
export function eventsWanted({ query, limit, cursor }: Pick<Question, 'query' | 'limit' | 'cursor'>): number {
  return query.limit === undefined ? limit : Math.min(limit, Math.max(0, query.limit - (cursor?.given ?? 0)))
}

/**
 * What to ask one after the other until `wanted` events have come, in windows that together are `rangeAhead`. Before
 * asking for the next, set `rows` and `last` of the one before.
 */
export function* searchPieces(
  question: Question,
  wanted: number,
  firstRows: number,
  windows: Iterable<TimeRange>,
): Generator<Piece> {
  const { query, order, cursor } = question
  if (!query.isPageable) {
    yield piece({ range: question.range, limit: wanted, order })
    return
  }
  const snapshot = cursor === undefined ? {} : { snapshotNs: cursor.snapshotNs }
  let after: RowPosition | undefined = cursor
  let left = wanted
  let rowsMax = firstRows
  for (const range of windows) {
    for (;;) {
      const limit = Math.min(left, rowsMax)
      const options = { range, limit, order, ...snapshot, ...(after === undefined ? {} : { after }) }
      const next = piece(options)
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

function piece(options: RowOptions): Piece {
  return { options, rows: 0, chars: 0, last: undefined, isTooLarge: false }
}

function rowsThatFit({ rows, chars }: Piece): number {
  const fitting = Math.floor((PIECE_CHARS * rows) / chars)
  return Math.max(PIECE_ROWS_MIN, Math.min(fitting, PIECE_ROWS_MAX))
}

/** Whether fewer rows at once may help against a failure. */
export function isWorthShrinking(error: unknown, { options }: Piece, { query }: Pick<Question, 'query'>): boolean {
  return query.isPageable && options.limit > 1 && error instanceof AppError && error.code === 'QUERY_TOO_COSTLY'
}

/** The part of the range that is not behind the cursor. */
export function rangeAhead({ query, range, order, cursor }: Question): TimeRange {
  const whole = intersectRanges(range, query.range)
  if (!cursor) return whole
  return intersectRanges(whole, order === 'desc' ? { toNs: cursor.timestampNs + 1n } : { fromNs: cursor.timestampNs })
}
