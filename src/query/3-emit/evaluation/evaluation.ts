/**
 * A checked query run in memory: events in, the rows of the answer out, as the SQL of `toSql` gives them on a store
 * that holds the same events (docs/query.md; a test runs both). Percentiles are exact here however many values there
 * are. Pure: no clock, no turns of the event loop; whoever runs it takes them between steps. Start here; `events.ts`
 * and `table.ts` go along the pipes, `stage.ts` says what a stage is.
 */
import type { EventView } from '../../../core/batch.ts'
import type { CheckedQuery } from '../../2-check/checked.ts'
import type { RowOptions } from '../rows.ts'
import { eventStages } from './events.ts'
import type { Charge, Steps } from './stage.ts'

export interface EvaluationOptions extends RowOptions {
  /** The server whose events these are. */
  node: string
  /** See there: it may throw, and what it throws leaves `add` and `finish`. */
  charge: Charge
}

export interface Evaluation {
  /** Shows it an event, in any order. Nothing that belongs to the view is kept. */
  add(event: EventView): void
  /**
   * When it has seen every event. To be gone through to the end: gives each row of the answer in its order, and
   * undefined wherever a bounded piece of work is done.
   */
  finish(): Steps
}

/** Throws QUERY_INVALID when a timechart would have too many buckets over this range. For one run. */
export function createEvaluation(query: CheckedQuery, options: EvaluationOptions): Evaluation {
  const { readers, stages } = eventStages(query, options)
  return {
    add(event) {
      readers.next()
      stages.add(event)
    },
    finish: () => stages.end(),
  }
}
