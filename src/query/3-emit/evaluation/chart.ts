/** The buckets of a timechart in which nothing happened, as ORDER BY … WITH FILL puts them in. */
import { OrderedRows, valueKey, type SortKey } from './order.ts'
import { keptRow, type TableRow } from './grouping.ts'
import type { Cell, Charge, Stage, Steps } from './stage.ts'

const STEP_ROWS = 1000

export interface FillOptions {
  intervalNs: bigint
  /** Start of the first bucket; undefined: of each series' own first. */
  firstNs: bigint | undefined
  /** End of the last bucket; undefined: of each series' own last. */
  endNs: bigint | undefined
  /** Whether there is a series in the second column; the first is the time. */
  hasSeries: boolean
  /** The one series of a chart of nothing. */
  emptySeries: Cell
  /** What the functions give where nothing was. */
  filled: TableRow
  charge: Charge
}

/**
 * Rows `[time, series?, values…]` → the same with every bucket of every series. There may be any number of them where an
 * end is open: whoever runs the steps stops when it takes too long.
 */
export function withoutGaps(options: FillOptions, next: Stage<TableRow>): Stage<TableRow> {
  const { hasSeries, charge } = options
  const time = valueKey<TableRow>((row) => row[0] ?? null, false)
  const series: SortKey<TableRow>[] = hasSeries ? [valueKey((row) => row[1] ?? null, false)] : []
  const rows = new OrderedRows<TableRow, TableRow>({
    order: [...series, time],
    limit: Infinity,
    keep: keptRow,
    charge,
  })
  return {
    add: (row) => rows.add(row),
    *end() {
      yield* fill(rows.take(), options, next)
      yield* next.end()
    },
  }
}

function* fill(rows: Iterable<TableRow | undefined>, options: FillOptions, next: Stage<TableRow>): Steps {
  const { intervalNs, firstNs, endNs, hasSeries, emptySeries, filled } = options
  let count = 0
  /** Empty buckets of one series from `fromNs` to before `toNs`. */
  function* gap(fromNs: bigint, toNs: bigint, series: readonly Cell[]): Steps {
    for (let ns = fromNs; ns < toNs; ns += intervalNs) {
      next.add([ns, ...series, ...filled])
      if (++count % STEP_ROWS === 0) yield undefined
    }
  }
  /** Where the series that is being read goes on. */
  let at: { series: readonly Cell[]; nextNs: bigint } | undefined
  for (const row of rows) {
    if (row === undefined) {
      yield undefined
      continue
    }
    const startNs = BigInt(row[0] ?? 0)
    const series = row.slice(1, hasSeries ? 2 : 1)
    if (at && at.series[0] !== series[0]) {
      if (endNs !== undefined) yield* gap(at.nextNs, endNs, at.series)
      at = undefined
    }
    at ??= { series, nextNs: firstNs ?? startNs }
    yield* gap(at.nextNs, startNs, series)
    next.add(row)
    at.nextNs = startNs + intervalNs
  }
  if (at && endNs !== undefined) yield* gap(at.nextNs, endNs, at.series)
  else if (!at && firstNs !== undefined && endNs !== undefined) {
    yield* gap(firstNs, endNs, hasSeries ? [emptySeries] : [])
  }
}
