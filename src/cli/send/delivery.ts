import { backoffMs, PATIENCE, type Patience } from '../../client/backoff.ts'
import type { IngestAnswer, RejectedLine } from '../../client/answers.ts'
import { ServerAway, ServerProblem } from '../../client/failures.ts'
import type { HttpClient } from '../../client/http-client.ts'
import type { LineBatch } from './input-batches.ts'

export interface DeliveryFields {
  service?: string | undefined
  host?: string | undefined
  source?: string | undefined
  level?: string | undefined
}

export interface DeliveryOptions {
  fields: DeliveryFields
  /** How long one batch is tried before giving up. */
  retryMsMax: number
  /** Ends the waiting between tries. */
  signal?: AbortSignal | undefined
  /** The first failed try of a batch. */
  onOutage?: (reason: string) => void
  /** It went through after all. */
  onRecovery?: () => void
  patience?: Patience
  /** Milliseconds, from any start. */
  clock?: () => number
}

/** A server that asks to wait longer is asked again after this. */
const ASKED_WAIT_MS_MAX = 60_000

/**
 * Sends one batch until it is acknowledged, however often that takes. A batch whose acknowledgement got lost on the
 * way is sent again, so its events may be stored twice: at least once, never not at all. Rejects with the last failure
 * when the time is up, the signal aborts or trying again cannot help.
 */
export async function deliver(client: HttpClient, batch: LineBatch, options: DeliveryOptions): Promise<IngestAnswer> {
  const { fields, retryMsMax, signal, patience = PATIENCE, clock = () => performance.now() } = options
  const startedMs = clock()
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await client.ingest(batch.pieces, { ...fields, contentType: batch.contentType })
      if (attempt > 0) options.onRecovery?.()
      return answer
    } catch (error) {
      const rejection = wholeRejection(error, batch)
      if (rejection) return rejection
      if (!(isTemporary(error) || mayBeSignedAnew(error, attempt)) || signal?.aborted) throw error
      const askedMs = error instanceof ServerProblem ? Math.min(error.retryAfterMs ?? 0, ASKED_WAIT_MS_MAX) : 0
      const waitMs = Math.max(askedMs, backoffMs(attempt, patience.random))
      if (clock() - startedMs + waitMs > retryMsMax) throw error
      if (attempt === 0) options.onOutage?.(error instanceof ServerAway ? error.reason : error.message)
      try {
        await patience.wait(waitMs, signal)
      } catch {
        // Interrupted while waiting: the reason for the waiting is the failure.
        throw error
      }
    }
  }
}

function isTemporary(error: unknown): error is ServerAway | ServerProblem {
  if (error instanceof ServerAway) return error.obstacle === undefined
  return error instanceof ServerProblem && error.isTemporary
}

/** How often a batch is signed anew whose signature is refused. */
const SIGNATURE_TRIES = 5

/**
 * A server that has just started takes no signature from before, by its clock; and of two senders with the same key,
 * body and millisecond it takes one. Both pass, and the server says when. A wrong key does not become right.
 */
function mayBeSignedAnew(error: unknown, attempt: number): error is ServerProblem {
  if (!(error instanceof ServerProblem) || error.code !== 'SIGNATURE_REFUSED') return false
  return attempt + 1 < SIGNATURE_TRIES && error.retryAfterMs !== undefined
}

/** Not one line could be accepted: an error to the server, here a batch like any other with rejected lines. */
function wholeRejection(error: unknown, batch: LineBatch): IngestAnswer | undefined {
  if (!(error instanceof ServerProblem) || error.code !== 'NOTHING_ACCEPTED') return undefined
  const rejected = error.problems.filter(isRejectedLine)
  const named = rejected.length > 0 ? rejected : [{ line: 1, reason: error.message }]
  return { accepted: 0, rejected: named, rejectedTotal: batch.events }
}

function isRejectedLine(value: unknown): value is RejectedLine {
  const { line, reason } = value as Partial<RejectedLine>
  return typeof line === 'number' && typeof reason === 'string'
}
