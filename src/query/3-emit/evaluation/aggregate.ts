/** The functions of `stats` and `timechart` over rows in memory; `sql-table.ts` says the same in SQL. */
import { levelOf, LEVELS } from '../../../core/severity.ts'
import { typeOf } from '../../2-check/aggregates.ts'
import type { Aggregate, Field } from '../../2-check/checked.ts'
import { numberOf } from '../../text.ts'
import { cellBytes, OBJECT_BYTES, type Cell, type Charge } from './stage.ts'

/** How the fields of one kind of rows are read: level as severity number in events, by name in tables. */
export interface RowFields<Row> {
  read(field: Field): (row: Row) => Cell
}

/** What one function has seen of one group. */
export interface Accumulator<Row> {
  add(row: Row): void
  value(): Cell
}

/** One function of a table, ready to be used for each group. */
export interface AggregateMaker<Row> {
  create(): Accumulator<Row>
  /** Memory of each, to begin with. */
  bytes: number
  /** What stands in a bucket that was filled in. */
  filled: Cell
}

export interface AggregateOptions<Row> {
  fields: RowFields<Row>
  charge: Charge
  /** What `rate()` divides by; undefined: from the first to the last event of the group. */
  rateSeconds: number | undefined
  timestampNs: (row: Row) => bigint
}

export function aggregateMaker<Row>(aggregate: Aggregate, options: AggregateOptions<Row>): AggregateMaker<Row> {
  const { fields, charge, rateSeconds, timestampNs } = options
  const { name, field } = aggregate
  const maker = (create: () => Accumulator<Row>, filled: Cell): AggregateMaker<Row> => ({
    create,
    filled,
    bytes: OBJECT_BYTES,
  })
  if (name === 'rate') {
    return rateSeconds === undefined
      ? maker(() => rateOverSpan(timestampNs), 0)
      : maker(() => counter((count) => count / rateSeconds), 0)
  }
  if (field === undefined) return maker(() => counter(), 0)
  const read = fields.read(field)
  const isPresent = presenceOf(field)
  if (name === 'count') return maker(() => counterIf((row) => isPresent(read(row))), 0)
  if (name === 'uniq') return maker(() => distinct(read, isPresent, charge), 0)
  const type = typeOf(field)
  if (type === 'level' && (name === 'min' || name === 'max')) {
    return maker(() => extremeLevel(name, read, field.kind === 'column'), '')
  }
  if (type === 'time' && (name === 'min' || name === 'max')) return maker(() => extreme(name, read), null)
  const number = type === 'number' ? read : (row: Row) => finiteNumber(read(row))
  if (name === 'quantile') return maker(() => quantile(aggregate.level ?? 0.5, number, charge), null)
  return maker(() => (name === 'sum' || name === 'avg' ? summed(name, number) : extreme(name, number)), null)
}

/** Whether a value counts as there, by the type of its field. */
export function presenceOf(field: Field): (cell: Cell) => boolean {
  switch (typeOf(field)) {
    case 'time':
    case 'number':
      return (cell) => cell !== null
    case 'level':
      return field.kind === 'column' ? (cell) => cell !== 'unknown' : (cell) => cell !== 0
    case 'text':
      return (cell) => cell !== ''
  }
}

/** Never a negative zero, as in the SQL. */
function finiteNumber(cell: Cell): number | null {
  const number = numberOf(String(cell))
  return number !== undefined && Number.isFinite(number) ? number + 0 : null
}

function counter<Row>(result: (count: number) => number = (count) => count): Accumulator<Row> {
  let count = 0
  return { add: () => void count++, value: () => result(count) }
}

function counterIf<Row>(test: (row: Row) => boolean): Accumulator<Row> {
  let count = 0
  return {
    add(row) {
      if (test(row)) count++
    },
    value: () => count,
  }
}

function rateOverSpan<Row>(timestampNs: (row: Row) => bigint): Accumulator<Row> {
  let count = 0
  let [firstNs, lastNs] = [0n, 0n]
  return {
    add(row) {
      const ns = timestampNs(row)
      if (count === 0 || ns < firstNs) firstNs = ns
      if (count === 0 || ns > lastNs) lastNs = ns
      count++
    },
    value: () => count / Math.max(1, Number(lastNs - firstNs) / 1e9),
  }
}

function distinct<Row>(read: (row: Row) => Cell, isPresent: (cell: Cell) => boolean, charge: Charge): Accumulator<Row> {
  const seen = new Set<Cell>()
  return {
    add(row) {
      const cell = read(row)
      if (!isPresent(cell) || seen.has(cell)) return
      charge(OBJECT_BYTES + cellBytes(cell))
      seen.add(cell)
    },
    value: () => seen.size,
  }
}

function summed<Row>(name: 'sum' | 'avg', read: (row: Row) => Cell): Accumulator<Row> {
  let count = 0
  let sum = 0
  return {
    add(row) {
      const number = read(row)
      if (number === null) return
      sum += Number(number)
      count++
    },
    value: () => (count === 0 ? null : name === 'sum' ? sum : sum / count),
  }
}

function extreme<Row>(name: 'min' | 'max', read: (row: Row) => Cell): Accumulator<Row> {
  let found: Cell = null
  return {
    add(row) {
      const cell = read(row)
      if (cell === null || Number.isNaN(cell)) return
      if (found === null || (name === 'min' ? cell < found : cell > found)) found = cell
    },
    value: () => found,
  }
}

/** By severity in events, by the rank of the name in tables; without any row the least there is. */
function extremeLevel<Row>(name: 'min' | 'max', read: (row: Row) => Cell, isName: boolean): Accumulator<Row> {
  const rankOf: (cell: Cell) => number = isName ? (cell) => levelRank(String(cell)) : Number
  let found: number | undefined
  return {
    add(row) {
      const rank = rankOf(read(row))
      if (found === undefined || (name === 'min' ? rank < found : rank > found)) found = rank
    },
    value: () => (isName ? (LEVELS[(found ?? 0) - 1] ?? '') : severityName(found ?? 0)),
  }
}

/** The place of a level's name in rising order, from 1; 0 for anything else. */
export function levelRank(name: string): number {
  return LEVELS.findIndex((level) => level === name) + 1
}

/** Severity number → level name, as the store has it: what lies above the highest is the highest. */
export function severityName(severity: number): string {
  return levelOf(Math.min(severity, 24))
}

/** Numbers kept of one group to begin with. */
const SAMPLES_MIN = 16

/** Exact, interpolated between the two nearest ranks. */
function quantile<Row>(level: number, read: (row: Row) => Cell, charge: Charge): Accumulator<Row> {
  let numbers = new Float64Array(0)
  let count = 0
  return {
    add(row) {
      const number = read(row)
      if (number === null || Number.isNaN(number)) return
      if (count === numbers.length) {
        const grown = new Float64Array(Math.max(SAMPLES_MIN, count * 2))
        charge(grown.byteLength - numbers.byteLength)
        grown.set(numbers)
        numbers = grown
      }
      numbers[count++] = Number(number)
    },
    value() {
      if (count === 0) return null
      const sorted = numbers.subarray(0, count).sort()
      const place = level * (count - 1)
      const below = Math.floor(place)
      const [low = 0, high] = [sorted[below], sorted[below + 1]]
      return high === undefined ? low : low * (below + 1 - place) + high * (place - below)
    },
  }
}
