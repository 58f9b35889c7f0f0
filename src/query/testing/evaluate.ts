/** For tests: a query over the events of a batch, in memory. */
import { EventView, type EventBatch } from '../../core/batch.ts'
import { createEvaluation, type CheckedQuery, type RowOptions } from '../query.ts'

/** The rows of the answer, as the store's JSONCompact has them. `bytesPeak`: what was kept at most, as it was charged. */
export function evaluate(
  query: CheckedQuery,
  batch: EventBatch,
  options: RowOptions & { node: string },
): { rows: unknown[][]; bytesPeak: number } {
  let bytes = 0
  let bytesPeak = 0
  const evaluation = createEvaluation(query, {
    ...options,
    charge(more) {
      bytes += more
      bytesPeak = Math.max(bytesPeak, bytes)
    },
  })
  const view = new EventView()
  for (let row = 0; row < batch.rows; row++) evaluation.add(view.at(batch.bytes, batch.offsets[row] ?? 0))
  const rows: unknown[][] = []
  for (const row of evaluation.finish()) if (row) rows.push(row)
  return { rows, bytesPeak }
}
