import { AppError } from '../core/errors.ts'
import type { CompileOptions, ProblemCode, QueryProblem, TimeRange } from '../query/query.ts'
import type { ApiContext, ApiLimits } from './context.ts'
import { parseCursor, type PageCursor } from './cursor.ts'
import type { QueryParameters } from './parameters.ts'
import { parseRange, parseTimeoutMs } from './times.ts'
import type { View, VisibleQuery } from './view.ts'

export const LIMIT = 100

export type Format = 'json' | 'ndjson' | 'csv'

/** A request to `/api/v1/query` that makes sense. */
export interface Question {
  query: VisibleQuery
  /** What whoever asks may see. */
  view: View
  range: TimeRange
  order: 'asc' | 'desc'
  limit: number
  /** Rows of a table are cut off only where the request says so itself. */
  tableRowsMax: number
  format: Format
  timeoutMs: number
  /** Where the page before ended. */
  cursor: PageCursor | undefined
  /** Up to this received time it was settled which events there are, when the first page was asked for. */
  settledNs: bigint
  /** What relative times count from. */
  nowNs: bigint
  /** What a cursor belongs to. */
  asked: readonly string[]
  /** What it took so far, for the list of slow queries. */
  spent: { rowsRead: number | null }
}

export interface QuestionOptions {
  view: View
  context: Pick<ApiContext, 'clock' | 'limits' | 'spool'>
}

export function parseQuestion(parameters: QueryParameters, { view, context }: QuestionOptions): Question {
  const { query: text = '', start = '', end = '', cursor: cursorText = '' } = parameters
  const order = parameters.order === 'asc' ? 'asc' : 'desc'
  const format = parameters.format === 'ndjson' || parameters.format === 'csv' ? parameters.format : 'json'
  const asked = [text, start, end, order, ...(view.filter === '' ? [] : [view.filter])]
  const cursor = cursorText === '' ? undefined : parseCursor(cursorText, asked)
  const nowNs = cursor?.nowNs ?? context.clock()
  return {
    query: checkedQuery(view, text, { nowNs, target: 'search' }),
    view,
    range: parseRange(start, end, nowNs),
    order,
    limit: checkedLimit(parameters.limit, format, context.limits),
    tableRowsMax: parameters.limit ?? Infinity,
    format,
    timeoutMs: parseTimeoutMs(parameters.timeout, context.limits.queryTimeoutMsMax),
    cursor,
    settledNs: cursor?.snapshotNs ?? settledThrough(context, view.filter !== ''),
    nowNs,
    asked,
    spent: { rowsRead: null },
  }
}

function checkedLimit(
  wanted: number | undefined,
  format: Format,
  { jsonEventsMax, streamEventsMax }: ApiLimits,
): number {
  const limitMax = format === 'json' ? jsonEventsMax : streamEventsMax
  const limit = wanted ?? Math.min(LIMIT, limitMax)
  if (limit <= limitMax) return limit
  throw new AppError('REQUEST_INVALID', {
    detail: `limit may be ${limitMax} at most for ${format}.`,
    hint: format === 'json' ? 'Page with cursor, or ask for format=ndjson or csv.' : 'Page with start and end.',
  })
}

/** How long an event may be on its way between its received time and its being counted as durable. */
const IN_FLIGHT_NS = 500_000_000n
const NS_PER_SECOND = 1_000_000_000n

/**
 * Up to where it is settled which events exist: what was received later may still arrive in the store while pages are
 * being read. While events wait for the store that is the newest known to be stored; else a moment ago.
 */
function settledThrough({ spool, clock }: Pick<ApiContext, 'spool' | 'clock'>, isFiltered: boolean): bigint {
  const { storedThroughNs, durableThroughNs } = spool
  if (storedThroughNs > 0n && storedThroughNs < durableThroughNs) {
    // A cursor shows it: not the very time at which a hidden event came.
    return isFiltered ? storedThroughNs - (storedThroughNs % NS_PER_SECOND) : storedThroughNs
  }
  const settledNs = clock() - IN_FLIGHT_NS
  return settledNs > storedThroughNs ? settledNs : storedThroughNs
}

/** What a text finds in a view. Throws QUERY_SYNTAX, QUERY_INVALID or QUERY_TOO_LARGE with every problem found. */
export function checkedQuery(view: View, text: string, options: CompileOptions): VisibleQuery {
  const result = view.compile(text, options)
  if (result.query) return result.query
  throw queryError(result.problems)
}

const TOO_LARGE: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'QUERY_TEXT_TOO_LONG',
  'QUERY_TOO_DEEP',
  'QUERY_TOO_MANY_TERMS',
  'QUERY_TOO_MANY_PIPES',
])
const SYNTAX: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'QUERY_UNCLOSED_QUOTE',
  'QUERY_UNCLOSED_PARENTHESIS',
  'QUERY_UNEXPECTED_TEXT',
  'QUERY_OPERAND_MISSING',
  'QUERY_VALUE_MISSING',
])

function queryError(problems: readonly QueryProblem[]): AppError {
  const codes = problems.map(({ code }) => code)
  let code: 'QUERY_INVALID' | 'QUERY_SYNTAX' | 'QUERY_TOO_LARGE' = 'QUERY_INVALID'
  if (codes.some((code) => TOO_LARGE.has(code))) code = 'QUERY_TOO_LARGE'
  else if (codes.some((code) => SYNTAX.has(code))) code = 'QUERY_SYNTAX'
  const [first] = problems
  return new AppError(code, {
    problems,
    ...(first === undefined ? {} : { detail: first.message }),
    ...(first?.hint === undefined ? {} : { hint: first.hint }),
  })
}

/** Our own faults, for answers that can no longer be an error response. */
export function asAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError('INTERNAL', { cause: error })
}
