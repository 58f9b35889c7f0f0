import type { ServerResponse } from 'node:http'
import type { Principal } from '../core/principal.ts'

/** Whether an answer is still wanted, and may still be given. */
export interface Presence {
  /** Aborts when the reader goes away before the answer is complete, or when the principal ends. */
  readonly signal: AbortSignal
  /** Aborts when the reader goes away. */
  readonly gone: AbortSignal
  /** Aborts when the principal is no longer valid: nothing more may be shown. */
  readonly ended: AbortSignal
}

/**
 * What works for an answer should stop when nobody waits for it any more. (The request's own `close` comes as soon as
 * its body has been read, so it says nothing.) When the answer is over, nothing listens to the principal any more.
 */
export function watchReader(principal: Pick<Principal, 'onEnded'>, response: ServerResponse): Presence {
  const gone = new AbortController()
  const ended = new AbortController()
  if (response.destroyed || response.socket?.destroyed === true) gone.abort()
  const forget = principal.onEnded(() => ended.abort())
  response.once('close', () => {
    forget()
    if (!response.writableFinished) gone.abort()
  })
  return { signal: AbortSignal.any([gone.signal, ended.signal]), gone: gone.signal, ended: ended.signal }
}
