import type { ServerResponse } from 'node:http'

/**
 * Aborts when the reader goes away before the answer is complete: what still works for it should stop then. (The
 * request's own `close` comes as soon as its body has been read, so it says nothing.)
 */
export function disconnectSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  if (response.destroyed || response.socket?.destroyed === true) controller.abort()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}
