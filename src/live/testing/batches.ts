import { EventBatch, ROW_RECEIVED, type EventInput } from '../../core/batch.ts'

export interface StampedEvent extends EventInput {
  receivedNs: bigint
}

/** A batch as the pipeline hands it on: every row with its received time. */
export function stampedBatch(events: readonly StampedEvent[]): EventBatch {
  const batch = new EventBatch()
  for (const event of events) {
    batch.append(event)
    batch.bytes.writeBigInt64LE(event.receivedNs, (batch.offsets[batch.rows - 1] ?? 0) + ROW_RECEIVED)
  }
  return batch
}

/** Lets everything run that is ready now. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Runs turns until the condition holds; fails after very many. */
export async function turnsUntil(condition: () => boolean, what: string): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 200_000) throw new Error(`never happened: ${what}`)
    await turn()
  }
}
