import { OrderedRows, type Order } from './order.ts'
import { keptRow, type TableRow } from './grouping.ts'
import type { Cell, Charge, Stage } from './stage.ts'

export interface FirstOptions {
  /** Rows that go on; of each series, if there is one in the first column. */
  count: number
  hasSeries: boolean
  order: Order<TableRow>
  charge: Charge
}

/** Only the first rows of an order, or of each series in it: LIMIT n BY. */
export function firstOfEach({ count, hasSeries, order, charge }: FirstOptions, next: Stage<TableRow>): Stage<TableRow> {
  const rows = new OrderedRows<TableRow, TableRow>({
    order,
    limit: hasSeries ? Infinity : count,
    keep: keptRow,
    charge,
  })
  return {
    add: (row) => rows.add(row),
    *end() {
      let series: Cell | undefined
      let given = 0
      for (const row of rows.take()) {
        if (row === undefined) {
          yield undefined
          continue
        }
        const name = hasSeries ? (row[0] ?? null) : null
        if (name !== series) [series, given] = [name, 0]
        if (given++ < count) next.add(row)
      }
      yield* next.end()
    },
  }
}
