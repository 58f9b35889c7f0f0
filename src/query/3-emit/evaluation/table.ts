/** The stages of a query once its rows are a table. */
import type { Column, Field, Filter, Pipe, Test } from '../../2-check/checked.ts'
import { typeOf } from '../../2-check/aggregates.ts'
import { levelOf } from '../../../core/severity.ts'
import { TABLE_ROWS_MAX } from '../../limits.ts'
import { isBetween, predicateOf, type Predicate } from '../predicate.ts'
import { holds, textTest } from '../text-test.ts'
import { levelRank, type RowFields } from './aggregate.ts'
import { keptRow, type TableRow } from './grouping.ts'
import { OrderedRows, textKey, valueKey, type Order, type SortKey } from './order.ts'
import { filtered, type Cell, type Charge, type Stage } from './stage.ts'

/** A table on its way along the pipes. */
export interface TableState {
  /** Where each of its columns stands in the row. */
  places: readonly number[]
  /** The order that its rows are meant to have, and that of `sort` if there was one. */
  meant: Order<TableRow>
  sorted: Order<TableRow> | undefined
  limit: number | undefined
}

export interface TableContext {
  pipes: readonly Pipe[]
  /** Columns of the answer. */
  columns: readonly Column[]
  charge: Charge
  /** A table made of this one; the rest of the pipes follow it. */
  aggregate(index: number, fields: RowFields<TableRow>): Stage<TableRow>
}

/** The stages from the `index`-th pipe to the end. */
export function tableStages(index: number, state: TableState, context: TableContext): Stage<TableRow> {
  const pipe = context.pipes[index]
  if (pipe === undefined) return answer(state, context)
  const isCut = state.limit !== undefined
  const rest = (changes: Partial<TableState>): Stage<TableRow> =>
    tableStages(index + 1, { ...state, ...changes }, context)
  switch (pipe.kind) {
    case 'where':
      if (isCut) return cut(index, state, context)
      return filtered([tablePredicate(pipe.filter, state.places)], rest({}))
    case 'sort':
      if (isCut) return cut(index, state, context)
      return rest({ sorted: [...pipe.keys.map((key) => sortKey(key.field, key.descending, state)), ...state.meant] })
    case 'limit':
      return rest({ limit: Math.min(state.limit ?? pipe.count, pipe.count) })
    case 'fields':
      return rest({ places: pipe.fields.map(({ field }) => placeOf(field, state.places)) })
    case 'stats':
    case 'top':
    case 'timechart':
      if (isCut) return cut(index, state, context)
      return context.aggregate(index, { read: (field) => cellReader(field, state.places) })
    case 'extract':
    case 'parse':
      throw new TypeError(`${pipe.kind} needs events`)
  }
}

/** The first rows alone go on to the `index`-th pipe. */
function cut(index: number, state: TableState, context: TableContext): Stage<TableRow> {
  const next = tableStages(index, { ...state, limit: undefined }, context)
  const rows = orderedRows(state, state.limit ?? Infinity, context)
  return {
    add: (row) => rows.add(row),
    *end() {
      for (const row of rows.take()) {
        if (row === undefined) yield undefined
        else next.add(row)
      }
      yield* next.end()
    },
  }
}

function answer(state: TableState, context: TableContext): Stage<TableRow> {
  const limit = Math.min(state.limit ?? TABLE_ROWS_MAX, TABLE_ROWS_MAX)
  const rows = orderedRows(state, limit, context)
  return {
    add: (row) => rows.add(row),
    *end() {
      for (const row of rows.take()) yield row && state.places.map((place) => shown(row[place] ?? null))
    },
  }
}

/** As JSONCompact has it: nanoseconds as text, what is no finite number as null. */
function shown(cell: Cell): string | number | null {
  if (typeof cell === 'bigint') return cell.toString()
  return typeof cell === 'number' && !Number.isFinite(cell) ? null : cell
}

function orderedRows(
  { sorted, meant }: TableState,
  limit: number,
  { charge }: TableContext,
): OrderedRows<TableRow, TableRow> {
  return new OrderedRows({
    order: sorted ?? meant,
    limit,
    keep: keptRow,
    charge,
  })
}

function placeOf(field: Field, places: readonly number[]): number {
  return (field.kind === 'column' ? places[field.index] : undefined) ?? -1
}

function cellReader(field: Field, places: readonly number[]): (row: TableRow) => Cell {
  const place = placeOf(field, places)
  return (row) => row[place] ?? null
}

/** Levels by rank, texts as `sort` has them, times and numbers by value. */
export function columnKey(place: number, type: Column['type'], isDescending: boolean): SortKey<TableRow> {
  if (type === 'level') return valueKey((row) => levelRank(String(row[place])), isDescending)
  const read = (row: TableRow): Cell => row[place] ?? null
  return type === 'text' ? textKey(read, isDescending) : valueKey(read, isDescending)
}

function sortKey(field: Field, isDescending: boolean, { places }: TableState): SortKey<TableRow> {
  return columnKey(placeOf(field, places), typeOf(field), isDescending)
}

function tablePredicate(filter: Filter, places: readonly number[]): Predicate<TableRow> {
  return predicateOf(filter, (field, test) => {
    const matches = cellTest(field, test)
    const place = placeOf(field, places)
    return (row) => matches(row[place] ?? null)
  })
}

/** NULL passes nothing. */
function cellTest(field: Field, test: Test): (cell: Cell) => boolean {
  switch (test.kind) {
    case 'severities': {
      const names = new Set<string>(test.numbers.map(levelOf))
      return (cell) => names.has(String(cell))
    }
    case 'time': {
      const { fromNs, toNs } = test
      return (cell) => typeof cell === 'bigint' && isBetween(cell, fromNs, toNs)
    }
    case 'number': {
      const { op, number } = test
      if (!Number.isFinite(number)) return () => false
      if (op === '=') return (cell) => cell === number
      return (cell) => typeof cell === 'number' && holds(op, cell, number)
    }
    case 'present':
      if (typeOf(field) === 'time' || typeOf(field) === 'number') return (cell) => cell !== null
      return (cell) => cell !== ''
    case 'equals':
    case 'parts':
    case 'compare':
    case 'regex': {
      const matches = textTest(test)
      return (cell) => matches(String(cell ?? ''))
    }
  }
}
