/** Rows → one row for each group: its keys, then what the functions found. */
import type { AggregateMaker, Accumulator } from './aggregate.ts'
import { cellBytes, OBJECT_BYTES, type Cell, type Charge, type Stage } from './stage.ts'

export type TableRow = readonly Cell[]

/** A row as `OrderedRows` keeps it: nobody changes it, so it needs no copy. */
export function keptRow(row: TableRow): { row: TableRow; bytes: number } {
  return { row, bytes: row.reduce<number>((bytes, cell) => bytes + cellBytes(cell), OBJECT_BYTES) }
}

export interface GroupingOptions<Row> {
  keys: readonly ((row: Row) => Cell)[]
  aggregates: readonly AggregateMaker<Row>[]
  charge: Charge
}

interface GroupState<Row> {
  keys: TableRow
  accumulators: readonly Accumulator<Row>[]
}

/** Groups given away between two steps. */
const STEP_GROUPS = 500

/** Without keys all rows are one group, which is there even when no row is. */
export function grouped<Row>(options: GroupingOptions<Row>, next: Stage<TableRow>): Stage<Row> {
  const { keys, aggregates, charge } = options
  const groups = new Map<Cell, GroupState<Row>>()
  const isSingle = keys.length === 1
  const groupBytes = aggregates.reduce((bytes, { bytes: more }) => bytes + more, OBJECT_BYTES * 2)

  const open = (name: Cell, cells: TableRow): GroupState<Row> => {
    charge(cells.reduce<number>((bytes, cell) => bytes + cellBytes(cell), groupBytes + cellBytes(name)))
    const group = { keys: cells, accumulators: aggregates.map((aggregate) => aggregate.create()) }
    groups.set(name, group)
    return group
  }
  if (keys.length === 0) open('', [])

  return {
    add(row) {
      const cells = keys.map((read) => read(row))
      const name = isSingle ? (cells[0] ?? null) : nameOf(cells)
      const group = groups.get(name) ?? open(name, cells)
      for (const accumulator of group.accumulators) accumulator.add(row)
    },
    *end() {
      let count = 0
      for (const { keys: cells, accumulators } of groups.values()) {
        next.add([...cells, ...accumulators.map((accumulator) => accumulator.value())])
        if (++count % STEP_GROUPS === 0) yield undefined
      }
      groups.clear()
      yield* next.end()
    },
  }
}

/** A text that no other combination of keys has. */
function nameOf(cells: TableRow): string {
  let name = ''
  for (const cell of cells) {
    const text = String(cell)
    name += `${typeof cell === 'string' ? text.length : typeof cell}:${text};`
  }
  return name
}
