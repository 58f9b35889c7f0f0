/** What makes a table: `stats`, `top` and `timechart`, of events or of the rows of a table before. */
import type { Aggregate, CheckedQuery, Column, Group, Pipe } from '../../2-check/checked.ts'
import { bucketOffsetNs, bucketStartNs, checkBuckets, chooseIntervalNs } from '../../interval.ts'
import type { TimeRange } from '../../query.ts'
import { aggregateMaker, presenceOf, severityName, type AggregateMaker, type RowFields } from './aggregate.ts'
import { withoutGaps } from './chart.ts'
import { grouped, type TableRow } from './grouping.ts'
import { valueKey, type Order } from './order.ts'
import { filtered, type Cell, type Charge, type Stage } from './stage.ts'
import { columnKey, tableStages, type TableContext } from './table.ts'
import { firstOfEach } from './top.ts'

type TablePipe = Extract<Pipe, { kind: 'stats' | 'top' | 'timechart' }>

/** Rows, how their fields are read, and the timestamp of each, which only events have. */
type MakeTable = <Row>(index: number, fields: RowFields<Row>, timestampNs: (row: Row) => bigint) => Stage<Row>

interface Making<Row> {
  fields: RowFields<Row>
  timestampNs: (row: Row) => bigint
  range: TimeRange
  charge: Charge
  /** The pipes after this one, on a table whose rows are meant to be in this order. */
  rest(meant: Order<TableRow>): Stage<TableRow>
}

/** Makes the table that a pipe asks for; the pipes after it follow. */
export function tableMaker(query: CheckedQuery, range: TimeRange, charge: Charge): MakeTable {
  const { pipes, columns } = query
  const make: MakeTable = (index, fields, timestampNs) => {
    const pipe = pipes[index] as TablePipe
    const rest = (meant: Order<TableRow>): Stage<TableRow> => {
      const places = pipe.columns.map((_, place) => place)
      return tableStages(index + 1, { places, meant, sorted: undefined, limit: undefined }, context)
    }
    const making = { fields, timestampNs, range, charge, rest }
    if (pipe.kind === 'stats') return stats(pipe, making)
    return pipe.kind === 'top' ? top(pipe, making) : timechart(pipe, making)
  }
  const context: TableContext = { pipes, columns, charge, aggregate: (index, fields) => make(index, fields, noTime) }
  return make
}

function noTime(): bigint {
  throw new TypeError('the rows of a table have no timestamp')
}

function stats<Row>(pipe: Extract<Pipe, { kind: 'stats' }>, making: Making<Row>): Stage<Row> {
  const { range, charge } = making
  const bin = pipe.by.find((group) => group.kind === 'bin')
  const seconds = bin === undefined ? secondsOf(range) : Number(bin.intervalNs) / 1e9
  const keys = pipe.by.map((group) => keyReader(group, making))
  const aggregates = makers(pipe.aggregates, seconds, making)
  const byTime = pipe.by.flatMap((group, place) => (group.kind === 'bin' ? [ascending(place)] : []))
  const first = pipe.aggregates[0]?.column
  const byValue = first === undefined || byTime.length > 0 ? [] : [valueOrder(keys.length, first)]
  const byKeys = keys.map((_, place) => ascending(place))
  return grouped({ keys, aggregates, charge }, making.rest([...byTime, ...byValue, ...byKeys]))
}

function top<Row>(pipe: Extract<Pipe, { kind: 'top' }>, making: Making<Row>): Stage<Row> {
  const { fields, charge } = making
  const groups = [...(pipe.by ? [pipe.by] : []), pipe.field]
  const keys = groups.map((group) => keyReader(group, making))
  const count = makers([{ name: 'count', field: undefined, column: COUNT }], undefined, making)
  const by = pipe.by ? [ascending(0)] : []
  const meant = [...by, valueKey<TableRow>((row) => row[keys.length] ?? null, true), ascending(keys.length - 1)]
  const next = firstOfEach(
    { count: pipe.count, hasSeries: pipe.by !== undefined, order: meant, charge },
    making.rest(meant),
  )
  const counted = grouped({ keys, aggregates: count, charge }, next)
  if (pipe.field.kind !== 'field') return counted
  const read = fields.read(pipe.field.field)
  const isPresent = presenceOf(pipe.field.field)
  return filtered([(row) => isPresent(read(row))], counted)
}

const COUNT: Column = { name: 'count()', type: 'number' }

function timechart<Row>(pipe: Extract<Pipe, { kind: 'timechart' }>, making: Making<Row>): Stage<Row> {
  const { range, charge, timestampNs } = making
  const intervalNs = pipe.intervalNs ?? chooseIntervalNs(range)
  checkBuckets(range, intervalNs)
  const hasSeries = pipe.by !== undefined
  const keys = [binReader(intervalNs, timestampNs), ...(pipe.by ? [keyReader(pipe.by, making)] : [])]
  const aggregates = makers(pipe.aggregates, Number(intervalNs) / 1e9, making)
  const { fromNs, toNs } = range
  const options = {
    intervalNs,
    firstNs: fromNs === undefined ? undefined : bucketStartNs(fromNs, intervalNs),
    endNs: toNs === undefined ? undefined : bucketStartNs(toNs - 1n, intervalNs) + intervalNs,
    hasSeries,
    emptySeries: pipe.by?.column.type === 'time' ? 0n : '',
    filled: aggregates.map((aggregate) => aggregate.filled),
    charge,
  }
  const meant = [ascending(0), ...(hasSeries ? [ascending(1)] : [])]
  return grouped({ keys, aggregates, charge }, withoutGaps(options, making.rest(meant)))
}

function makers<Row>(
  aggregates: readonly Aggregate[],
  rateSeconds: number | undefined,
  { fields, charge, timestampNs }: Making<Row>,
): AggregateMaker<Row>[] {
  return aggregates.map((aggregate) => aggregateMaker(aggregate, { fields, charge, rateSeconds, timestampNs }))
}

/** What `rate()` divides by without buckets; undefined: what lies between the first and the last event. */
function secondsOf({ fromNs, toNs }: TimeRange): number | undefined {
  return fromNs !== undefined && toNs !== undefined && toNs > fromNs ? Number(toNs - fromNs) / 1e9 : undefined
}

function ascending(place: number): Order<TableRow>[number] {
  return valueKey((row) => row[place] ?? null, false)
}

/** The highest first; levels by rank. */
function valueOrder(place: number, { type }: Column): Order<TableRow>[number] {
  return columnKey(place, type === 'level' ? 'level' : 'number', true)
}

function keyReader<Row>(group: Group, { fields, timestampNs }: Making<Row>): (row: Row) => Cell {
  if (group.kind === 'bin') return binReader(group.intervalNs, timestampNs)
  const read = fields.read(group.field)
  return group.field.kind === 'level' ? (row) => severityName(Number(read(row))) : read
}

/** As the store divides: towards 1970. */
function binReader<Row>(intervalNs: bigint, timestampNs: (row: Row) => bigint): (row: Row) => bigint {
  const offsetNs = bucketOffsetNs(intervalNs)
  return (row) => ((timestampNs(row) - offsetNs) / intervalNs) * intervalNs + offsetNs
}
