import type { Readable } from 'node:stream'

/** Takes a piece of a body. Returns a promise when it has to be awaited before the next piece. */
export type TakeBytes = (bytes: Buffer) => Promise<void> | undefined

/**
 * Hands a body on piece by piece, as fast as it is taken. Resolves at its end; rejects with what the body or `take` fail
 * with, or with the reason of the signal. What is left of the body then is not read.
 */
export function copyBody(body: Readable, take: TakeBytes, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const finish = (settle: () => void): void => {
      if (isOver) return
      isOver = true
      body.off('data', onData)
      body.off('end', onEnd)
      body.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      body.pause()
      settle()
    }
    const fail = (error: unknown): void => finish(() => reject(error))
    const onData = (bytes: Buffer): void => {
      try {
        const waiting = take(bytes)
        if (!waiting) return
        body.pause()
        const goOn = (): void => {
          if (!isOver) body.resume()
        }
        waiting.then(goOn, fail)
      } catch (error) {
        fail(error)
      }
    }
    const onEnd = (): void => finish(resolve)
    const onClose = (): void => fail(new Error('the connection ended before the body was complete'))
    const onAbort = (): void => fail(signal.reason)
    body.on('data', onData)
    body.once('end', onEnd)
    // It may fail after this is over: without a listener that would end the process.
    body.on('error', fail)
    body.once('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else if (body.readableEnded) onEnd()
    else if (body.destroyed) fail(body.errored ?? new Error('the connection ended before the body was complete'))
  })
}
