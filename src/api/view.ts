import type { EventView } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import type { EventJson } from '../core/event.ts'
import type { Principal } from '../core/principal.ts'
import type { Statement } from '../core/statement.ts'
import {
  compile,
  restrict,
  toFilterSql,
  toSelector,
  toSql,
  type CheckedQuery,
  type CompileOptions,
  type QueryProblem,
  type SqlOptions,
  type SqlQuery,
} from '../query/query.ts'

declare const VISIBLE: unique symbol
/** A query over nothing but the events that somebody may see. Only a view makes one. */
export type VisibleQuery = CheckedQuery & { readonly [VISIBLE]: true }

/**
 * What one principal may see: its filter is part of every question that is asked for it. Nothing else in this room
 * turns text into a query or a query into what the store and the live flow are asked, so that no route can forget the
 * filter. Made for one request: relative times of the filter count from now.
 */
export interface View {
  /** The filter as its key has it; empty when nothing is hidden. */
  readonly filter: string
  /** Query text → the query among visible events, or everything that is wrong with the text. */
  compile(text: string, options: CompileOptions): { query?: VisibleQuery; problems: readonly QueryProblem[] }
  /** Every visible event. */
  readonly everything: VisibleQuery
}

export interface ViewOptions {
  /** What relative times of the filter count from. */
  nowNs: bigint
}

/** Throws ACCESS_DENIED when the principal's filter cannot be understood: then nothing may be seen. */
export function createView({ filter: text }: Pick<Principal, 'filter'>, { nowNs }: ViewOptions): View {
  const filter = text === '' ? undefined : understood(text, nowNs)
  const see = (query: CheckedQuery): VisibleQuery => (filter ? restrict(query, filter) : query) as VisibleQuery
  return {
    filter: text,
    compile(queryText, options) {
      const { query, problems } = compile(queryText, options)
      return query ? { query: see(query), problems } : { problems }
    },
    get everything() {
      return see(anything(nowNs))
    },
  }
}

function understood(text: string, nowNs: bigint): CheckedQuery {
  const { query } = compile(text, { nowNs, target: 'tail' })
  if (query && query.pipes.length === 0) return query
  throw new AppError('ACCESS_DENIED', {
    detail: 'The filter of this key cannot be understood, so it shows nothing.',
    hint: 'Make a new key with another filter.',
  })
}

function anything(nowNs: bigint): CheckedQuery {
  const { query } = compile('', { nowNs, target: 'tail' })
  if (!query) throw new Error('the empty query is not one')
  return query
}

/** The visible events that a query finds, as one SELECT: `toSql`. */
export function visibleSql(query: VisibleQuery, options: SqlOptions): SqlQuery {
  return toSql(query, options)
}

/** What a query asks of a stored event, visibility included, as one condition: `toFilterSql`. */
export function visibleCondition(query: VisibleQuery): Statement {
  return toFilterSql(query)
}

/** The same for an event in memory: `toSelector`. */
export function visibleSelector(
  query: VisibleQuery,
  options: { node: string },
): (event: EventView) => Partial<EventJson> | undefined {
  return toSelector(query, options)
}
