import type { Aggregate, Column, Field, Group, Pipe } from '../2-check/checked.ts'
import { typeOf } from '../2-check/aggregates.ts'
import { bucketOffsetNs, bucketStartNs } from '../interval.ts'
import type { TimeRange } from '../query.ts'
import { fieldSql, LEVEL_ORDER, levelNameSql, levelRankSql, type SqlContext } from './sql-fields.ts'

/** Rows to aggregate: what stands after FROM, and the conditions on it. */
export interface RowSource {
  from: string
  where: readonly string[]
}

/** A SELECT without outer ORDER BY and LIMIT, the SQL names of its columns, and the order its rows are meant to have. */
export interface TableSql {
  sql: string
  names: readonly string[]
  order: string
}

type TablePipe = Extract<Pipe, { kind: 'stats' | 'top' | 'timechart' }>

/** `depth` numbers the tables of one query, so that a column never bears the name of one it is made from. */
export function tableSql(
  pipe: TablePipe,
  source: RowSource,
  context: SqlContext,
  options: { depth: number; range: TimeRange; chartIntervalNs: bigint },
): TableSql {
  const names = pipe.columns.map((_, index) => `c${options.depth}_${index}`)
  if (pipe.kind === 'stats') return statsSql(pipe, names, source, context, options.range)
  if (pipe.kind === 'top') return topSql(pipe, names, source, context)
  return timechartSql(pipe, names, source, context, options)
}

function statsSql(
  pipe: Extract<Pipe, { kind: 'stats' }>,
  names: readonly string[],
  source: RowSource,
  context: SqlContext,
  range: TimeRange,
): TableSql {
  const bin = pipe.by.find((group) => group.kind === 'bin')
  const seconds = (): string => secondsSql(bin?.intervalNs, range, context)
  const groups = pipe.by.map((group) => groupSql(group, context))
  const values = pipe.aggregates.map((aggregate) => aggregateSql(aggregate, context, seconds))
  const keys = names.slice(0, groups.length)
  const sql = select([...groups, ...values], names, source) + groupBy(keys)
  const byTime = pipe.by.flatMap((group, index) => (group.kind === 'bin' ? [`${names[index]} ASC`] : []))
  const value = names[groups.length] ?? ''
  const rank = pipe.aggregates[0]?.column.type === 'level' ? levelRankSql(value) : value
  const byValue = byTime.length > 0 ? [] : [`${rank} DESC NULLS LAST`]
  return { sql, names, order: [...byTime, ...byValue, ...keys].join(', ') }
}

function topSql(
  pipe: Extract<Pipe, { kind: 'top' }>,
  names: readonly string[],
  source: RowSource,
  context: SqlContext,
): TableSql {
  const groups = [...(pipe.by ? [pipe.by] : []), pipe.field].map((group) => groupSql(group, context))
  const keys = names.slice(0, groups.length)
  const count = names[groups.length] ?? ''
  const value = keys.at(-1) ?? ''
  const by = pipe.by ? `${keys[0]}` : undefined
  const order = [...(by ? [by] : []), `${count} DESC`, value].join(', ')
  const present = pipe.field.kind === 'field' ? presentCondition(pipe.field.field, context) : []
  const rows = { from: source.from, where: [...source.where, ...present] }
  const limit = ` ORDER BY ${order} LIMIT ${pipe.count}${by ? ` BY ${by}` : ''}`
  return { sql: `${select([...groups, 'count()'], names, rows)}${groupBy(keys)}${limit}`, names, order }
}

function timechartSql(
  pipe: Extract<Pipe, { kind: 'timechart' }>,
  names: readonly string[],
  source: RowSource,
  context: SqlContext,
  { range, chartIntervalNs }: { range: TimeRange; chartIntervalNs: bigint },
): TableSql {
  const intervalNs = pipe.intervalNs ?? chartIntervalNs
  const seconds = (): string => secondsSql(intervalNs, range, context)
  const groups = [binSql(intervalNs), ...(pipe.by ? [groupSql(pipe.by, context)] : [])]
  const values = pipe.aggregates.map((aggregate) => aggregateSql(aggregate, context, seconds))
  const [time = '', series] = names.slice(0, groups.length)
  const from = range.fromNs === undefined ? '' : ` FROM ${bucketStartNs(range.fromNs, intervalNs)}`
  const to = range.toNs === undefined ? '' : ` TO ${bucketStartNs(range.toNs - 1n, intervalNs) + intervalNs}`
  const fill = `${time} ASC WITH FILL${from}${to} STEP ${intervalNs}`
  const order = pipe.by ? `${series} ASC, ${fill}` : fill
  const sql = `${select([...groups, ...values], names, source)}${groupBy(names.slice(0, groups.length))} ORDER BY ${order}`
  return { sql, names, order: pipe.by ? `${time}, ${series}` : time }
}

function select(expressions: readonly string[], names: readonly string[], source: RowSource): string {
  const columns = expressions.map((expression, index) => `${expression} AS ${names[index]}`).join(', ')
  const where = source.where.length === 0 ? '' : ` WHERE ${source.where.join(' AND ')}`
  return `SELECT ${columns} FROM ${source.from}${where}`
}

function groupBy(keys: readonly string[]): string {
  return keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`
}

function groupSql(group: Group, context: SqlContext): string {
  return group.kind === 'bin' ? binSql(group.intervalNs) : groupKeySql(group.field, context)
}

/** Times in tables are Int64 nanoseconds. */
function binSql(intervalNs: bigint): string {
  const offset = bucketOffsetNs(intervalNs)
  const shifted = offset === 0n ? 'toUnixTimestamp64Nano(timestamp)' : `toUnixTimestamp64Nano(timestamp) - ${offset}`
  const start = `intDiv(${shifted}, ${intervalNs}) * ${intervalNs}`
  return offset === 0n ? start : `${start} + ${offset}`
}

function groupKeySql(field: Field, context: SqlContext): string {
  const value = fieldSql(field, context)
  if (field.kind === 'level') return levelNameSql(value)
  if (field.kind === 'time') return `toUnixTimestamp64Nano(${value})`
  return field.kind === 'text' ? value : field.kind === 'column' ? value : `toString(${value})`
}

function presentCondition(field: Field, context: SqlContext): string[] {
  const value = fieldSql(field, context)
  switch (typeOf(field)) {
    case 'time':
      return field.kind === 'column' ? [`isNotNull(${value})`] : []
    case 'number':
      return [`isNotNull(${value})`]
    case 'level':
      return field.kind === 'column' ? [`${value} != 'unknown'`] : [`${value} > 0`]
    case 'text':
      return [`${value} != ''`]
  }
}

/** The length in seconds that `rate()` divides by: of a bucket, of the range, else from first to last event, at least 1. */
function secondsSql(intervalNs: bigint | undefined, range: TimeRange, { parameters }: SqlContext): string {
  if (intervalNs !== undefined) return parameters.number(Number(intervalNs) / 1e9)
  if (range.fromNs !== undefined && range.toNs !== undefined && range.toNs > range.fromNs) {
    return parameters.number(Number(range.toNs - range.fromNs) / 1e9)
  }
  return 'greatest(1, (toUnixTimestamp64Nano(max(timestamp)) - toUnixTimestamp64Nano(min(timestamp))) / 1e9)'
}

function aggregateSql(aggregate: Aggregate, context: SqlContext, seconds: () => string): string {
  const { field, name } = aggregate
  if (name === 'rate') return `count() / ${seconds()}`
  if (field === undefined) return 'count()'
  const value = fieldSql(field, context)
  const type = typeOf(field)
  const present = presentCondition(field, context)
  const only = present.length === 0 ? undefined : present[0]
  if (name === 'count') return only === undefined ? 'count()' : `countIf(${only})`
  if (name === 'uniq') return only === undefined ? `uniqExact(${value})` : `uniqExactIf(${value}, ${only})`
  if (type === 'level')
    return field.kind === 'column'
      ? `${LEVEL_ORDER}[${name}(${levelRankSql(value)})]`
      : levelNameSql(`${name}(${value})`)
  if (type === 'time')
    return field.kind === 'column' ? `${name}OrNull(${value})` : `toUnixTimestamp64Nano(${name}OrNull(${value}))`
  const number = type === 'number' ? value : numberSql(value)
  if (name === 'quantile') return `quantileOrNull(${aggregate.level ?? 0.5})(${number})`
  return `${name}OrNull(${number})`
}

/**
 * The number a text is, or NULL; `inf` and `nan` would swallow every sum and mean, so they do not count. The sum with 0
 * makes a negative zero positive: GROUP BY would tell them apart.
 */
function numberSql(value: string): string {
  const number = `toFloat64OrNull(${value})`
  return `if(isFinite(${number}), ${number} + 0, NULL)`
}

/** The shown type of a column as SQL for the outermost SELECT. */
export function shownSql(name: string, column: Column): string {
  return column.type === 'number' ? `toFloat64(${name})` : name
}
