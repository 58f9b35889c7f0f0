import type { EventBatch } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import type { Sink } from '../core/sink.ts'

export interface Patience {
  retryMs: number
  /** Asked after each refusal that may pass. */
  isEnding: () => boolean
  /** Told before each further try. */
  onRetry: () => void
}

/**
 * For events whose sender cannot be asked to send them again: what the sink cannot take at the moment is tried until it
 * can. Resolves with whether the batch is durable; why not is known to the sink, which says it.
 */
export async function writePatiently(sink: Sink, batch: EventBatch, patience: Patience): Promise<boolean> {
  // The sink may use the batch for something else as soon as it has refused it.
  const kept = batch.copy()
  let next = batch
  for (;;) {
    try {
      await sink.write(next)
      return true
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || patience.isEnding()) return false
      patience.onRetry()
      await new Promise((resolve) => setTimeout(resolve, patience.retryMs))
      next = kept.copy()
    }
  }
}
