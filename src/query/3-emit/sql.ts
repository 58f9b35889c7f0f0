import { AppError } from '../../core/errors.ts'
import type { Statement } from '../../core/statement.ts'
import type { CheckedQuery, Column, Field, Pipe } from '../2-check/checked.ts'
import { TABLE_ROWS_MAX } from '../limits.ts'
import { checkBuckets, chooseIntervalNs } from '../interval.ts'
import type { TimeRange } from '../query.ts'
import { forwards, intersectRanges } from '../range.ts'
import { Parameters } from './parameters.ts'
import { eventFilters } from './predicate.ts'
import type { RowOptions } from './rows.ts'
import { eventColumnsSql } from './sql-events.ts'
import { fieldSql, levelRankSql, type SqlContext } from './sql-fields.ts'
import { filterSql } from './sql-filter.ts'
import { rangeSql, timeSql, timestampSql } from './sql-time.ts'
import { shownSql, tableSql, type TableSql } from './sql-table.ts'

export interface SqlOptions extends RowOptions {
  /** SQL name of the events table: from the program, never from a user. */
  table?: string
}

export interface SqlQuery {
  statement: Statement
  kind: 'events' | 'table'
  /** For a table: its columns, in the order of the row. For events: empty, the row is as `readEventRow` expects. */
  columns: readonly Column[]
}

const RAW = 'timestamp, received, node, severity, service, host, source, message, trace_id, span_id, attributes'
/** ClickHouse refuses longer texts (`max_query_size` is 256 KiB). */
const SQL_LENGTH_MAX = 250_000

/**
 * Checked query → one SELECT. Throws `AppError` QUERY_TOO_LARGE when the text would be longer than the engine takes,
 * QUERY_INVALID when a timechart would have too many buckets over this range.
 */
export function toSql(query: CheckedQuery, options: SqlOptions): SqlQuery {
  const builder = new SqlBuilder(query, options)
  for (const pipe of query.pipes) builder.apply(pipe)
  const sql = builder.finish()
  const statement = builder.context.parameters.statement(sql)
  if (statement.sql.length > SQL_LENGTH_MAX) {
    throw new AppError('QUERY_TOO_LARGE', {
      detail: 'the query is too large once translated',
      hint: 'use fewer terms or fewer extract and parse pipes',
    })
  }
  return { statement, kind: query.kind, columns: query.columns }
}

/** The row filter of a query (its filter, `where` pipes and time bounds) as one condition on the events table. */
export function toFilterSql(query: CheckedQuery): Statement {
  const context: SqlContext = { parameters: new Parameters(), pipes: query.pipes, columns: [] }
  const filters = eventFilters(query).map((filter) => filterSql(filter, context))
  const conditions = [...rangeSql(query.range, context.parameters), ...filters]
  const wanted = conditions.filter((condition) => condition !== '1')
  return context.parameters.statement(wanted.length === 0 ? '1' : wanted.join(' AND '))
}

/** Goes along the pipes; holds what has not been written into `#from` yet. */
class SqlBuilder {
  readonly context: SqlContext & { columns: readonly string[] }
  readonly #query: CheckedQuery
  readonly #range: TimeRange
  readonly #direction: 'ASC' | 'DESC'
  readonly #options: SqlOptions
  #from: string
  #where: string[]
  #order: string | undefined
  #limit: number | undefined
  #table: TableSql | undefined
  #depth = 0

  constructor(query: CheckedQuery, options: SqlOptions) {
    const context: SqlContext = { parameters: new Parameters(), pipes: query.pipes, columns: [] }
    this.context = context
    this.#query = query
    this.#options = options
    this.#range = forwards(intersectRanges(query.range, options.range ?? {}))
    this.#direction = options.order === 'asc' ? 'ASC' : 'DESC'
    this.#from = options.table ?? 'events'
    this.#where = rangeSql(this.#range, context.parameters)
    if (options.snapshotNs !== undefined)
      this.#where.push(`received <= ${timeSql(options.snapshotNs, context.parameters)}`)
    if (options.after && query.isPageable) this.#where.push(...this.#afterSql(options.after))
    this.#filter(filterSql(query.filter, context))
  }

  apply(pipe: Pipe): void {
    switch (pipe.kind) {
      case 'where':
        if (this.#limit !== undefined) this.#wrap()
        this.#filter(filterSql(pipe.filter, this.context))
        return
      case 'sort':
        if (this.#limit !== undefined) this.#wrap()
        this.#order = this.#sortSql(pipe)
        return
      case 'limit':
        this.#limit = Math.min(this.#limit ?? pipe.count, pipe.count)
        return
      case 'fields':
        if (this.#table) this.#pick(pipe.fields.map(({ field }) => field))
        return
      case 'stats':
      case 'top':
      case 'timechart':
        this.#aggregate(pipe)
        return
      case 'extract':
      case 'parse':
        // Found where a field that they make is named: see fieldSql.
        return
    }
  }

  finish(): string {
    const { columns, kind } = this.#query
    if (kind === 'table' && this.#table) {
      const shown = this.#table.names.map((name, index) => shownSql(name, columns[index] ?? { name, type: 'text' }))
      const limit = Math.min(this.#limit ?? TABLE_ROWS_MAX, TABLE_ROWS_MAX)
      const list = shown.map((expression, index) => `${expression} AS r${index}`).join(', ')
      return `SELECT ${list} FROM ${this.#from}${this.#whereSql()} ORDER BY ${this.#order ?? this.#table.order} LIMIT ${limit}`
    }
    const limit = Math.max(0, Math.min(this.#limit ?? this.#options.limit, this.#options.limit))
    return `SELECT ${eventColumnsSql(this.#query, this.context)} FROM ${this.#from}${this.#whereSql()} ORDER BY ${this.#order ?? this.#newestFirst()} LIMIT ${limit}`
  }

  #filter(condition: string): void {
    if (condition !== '1') this.#where.push(condition)
  }

  #whereSql(): string {
    return this.#where.length === 0 ? '' : ` WHERE ${this.#where.join(' AND ')}`
  }

  /** The sort key of the table begins with the five minutes, so that the order is read, not made. */
  #newestFirst(): string {
    const direction = this.#direction
    return `toStartOfFiveMinutes(timestamp) ${direction}, timestamp ${direction}, received ${direction}, node ${direction}`
  }

  #afterSql({ timestampNs, receivedNs, node }: NonNullable<SqlOptions['after']>): string[] {
    const { parameters } = this.context
    const timestamp = timeSql(timestampNs, parameters)
    const received = timeSql(receivedNs, parameters)
    const op = this.#direction === 'ASC' ? '>' : '<'
    // The first conditions say nothing new; they are what the sort key and the partitions can use.
    return [
      ...timestampSql(`${op}=`, timestampNs, parameters),
      `(timestamp ${op} ${timestamp} OR received ${op} ${received} OR (received = ${received} AND node ${op} ${parameters.text(node)}))`,
    ]
  }

  /** Closes what there is into a subquery. */
  #wrap(): void {
    const order = this.#order ?? this.#table?.order ?? this.#newestFirst()
    const limit = this.#limit === undefined ? '' : ` ORDER BY ${order} LIMIT ${this.#limit}`
    this.#from = `(SELECT ${this.#table ? '*' : RAW} FROM ${this.#from}${this.#whereSql()}${limit})`
    this.#where = []
    this.#limit = undefined
  }

  #aggregate(pipe: Extract<Pipe, { kind: 'stats' | 'top' | 'timechart' }>): void {
    if (this.#limit !== undefined) this.#wrap()
    const chartIntervalNs = chooseIntervalNs(this.#range)
    if (pipe.kind === 'timechart') checkBuckets(this.#range, pipe.intervalNs ?? chartIntervalNs)
    const source = { from: this.#from, where: this.#where }
    const options = { depth: this.#depth++, range: this.#range, chartIntervalNs }
    this.#table = tableSql(pipe, source, this.context, options)
    this.#from = `(${this.#table.sql})`
    this.#where = []
    this.#order = undefined
    this.context.columns = this.#table.names
  }

  #pick(fields: readonly Field[]): void {
    if (!this.#table) return
    this.#table = { ...this.#table, names: fields.map((field) => fieldSql(field, this.context)) }
    this.context.columns = this.#table.names
  }

  #sortSql(pipe: Extract<Pipe, { kind: 'sort' }>): string {
    const keys = pipe.keys.map(({ field, descending }) => sortKeySql(field, descending ? 'DESC' : 'ASC', this.context))
    return [...keys, this.#table ? this.#table.order : this.#newestFirst()].join(', ')
  }
}

/** Absent last, then numbers by value, then texts: in either direction. */
function sortKeySql(field: Field, direction: 'ASC' | 'DESC', context: SqlContext): string {
  const value = fieldSql(field, context)
  if (field.kind === 'time' || field.kind === 'level') return `${value} ${direction}`
  if (field.kind === 'column' && field.type === 'level') {
    return `${levelRankSql(value)} ${direction}`
  }
  if (field.kind === 'column' && field.type !== 'text') return `${value} ${direction} NULLS LAST`
  return `${value} = '' ASC, toFloat64OrNull(${value}) ${direction} NULLS LAST, lower(${value}) ${direction}`
}
