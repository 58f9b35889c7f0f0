import { EventView } from '../core/batch.ts'
import type { RowRing } from './ring.ts'

/** Rows shown before the clock is looked at, and time before the event loop gets a turn. */
const STEP_ROWS = 64
const SLICE_MS_MAX = 10

/** What a walk came by. */
export interface Visited {
  rows: number
  /** Of the rows. */
  bytes: number
  /** Rows that were lost before the walk came to them. */
  missed: number
}

export interface VisitOptions {
  /** Is shown every event; it must not keep the view. What it throws ends the walk. */
  visit(event: EventView): void
  /** Called after each turn of the event loop. What it throws ends the walk as well. */
  onTurn(): void
}

/**
 * Shows what the rings hold at this moment, one ring after the other, each from its newest row to its oldest. The rings
 * may be written during the turns: what they lose before the walk comes to it is not shown, but counted.
 */
export async function visitRings(rings: Iterable<RowRing>, { visit, onTurn }: VisitOptions): Promise<Visited> {
  const readers = Array.from(rings, (ring) => ring.newestFirst())
  const view = new EventView()
  const visited = { rows: 0, bytes: 0, missed: 0 }
  let untilMs = performance.now() + SLICE_MS_MAX
  for (const reader of readers) {
    while (reader.next()) {
      visit(view.at(reader.bytes, reader.start, reader.end))
      visited.bytes += reader.end - reader.start
      if (++visited.rows % STEP_ROWS > 0 || performance.now() < untilMs) continue
      await new Promise((resolve) => setImmediate(resolve))
      onTurn()
      untilMs = performance.now() + SLICE_MS_MAX
    }
    visited.missed += reader.missed
  }
  return visited
}
