import { AppError } from '../../core/errors.ts'
import type { ApiContext } from '../context.ts'

/** How long a reader waits for what was received to reach the store. */
const WAIT_MS = 2000
const NS_PER_SECOND = 1_000_000_000n

export type ClosingContext = Pick<ApiContext, 'clock' | 'spool' | 'eventlog'>

/** What ends by then is over. */
export function closedNs({ clock, eventlog }: Pick<ApiContext, 'clock' | 'eventlog'>): bigint {
  const overNs = clock() - eventlog.graceNs
  return overNs > 0n ? overNs : 0n
}

/** PAGE_OPEN while events that belong into pages that end here may still be received. */
export function requireOver(endNs: bigint, { clock, eventlog }: ClosingContext): void {
  const leftNs = endNs + eventlog.graceNs - clock()
  if (leftNs <= 0n) return
  throw new AppError('PAGE_OPEN', {
    detail: 'The page is not closed yet: events may still come into it.',
    hint: 'Ask again after the seconds that Retry-After says.',
    retryAfterSeconds: Number((leftNs + NS_PER_SECOND - 1n) / NS_PER_SECOND),
  })
}

/** What is told when events were deleted between the first look at a page and the last. */
export function changedMeanwhile(): AppError {
  return new AppError('PAGE_OPEN', {
    detail: 'Events of the page were deleted while it was read.',
    retryAfterSeconds: 1,
  })
}

/** Resolves when all that was received before pages that end here were closed is in the store. PAGE_OPEN after a while. */
export async function waitComplete(endNs: bigint, context: ClosingContext, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(WAIT_MS)
  try {
    await context.spool.waitStored(endNs + context.eventlog.graceNs, AbortSignal.any([timeout, signal]))
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error
    throw new AppError('PAGE_OPEN', {
      cause: error,
      detail: 'The page is over, but events that were received for it are not in the store yet.',
      retryAfterSeconds: 1,
    })
  }
}
