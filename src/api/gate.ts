import { AppError } from '../core/errors.ts'

/** Lets a number of requests through at a time; a number more may wait, each for a bounded time. */
export interface Gate {
  /**
   * Resolves to the function that gives the place back; call it exactly once. Rejects with TOO_MANY_REQUESTS when too
   * many wait already or the wait was too long, with QUERY_CANCELLED when the signal aborts.
   */
  enter(signal: AbortSignal): Promise<() => void>
}

export interface GateOptions {
  insideMax: number
  waitingMax: number
  waitMsMax: number
  /** What is limited, for the error's text: `queries`. */
  what: string
}

const RETRY_AFTER_SECONDS = 1

export function createGate(options: GateOptions): Gate {
  let inside = 0
  /** In order of arrival. */
  const waiting = new Set<() => void>()

  function leave(): void {
    inside--
    const [next] = waiting
    if (next && inside < options.insideMax) {
      waiting.delete(next)
      next()
    }
  }

  function place(): () => void {
    inside++
    let isLeft = false
    return () => {
      if (!isLeft) leave()
      isLeft = true
    }
  }

  function wait(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        waiting.delete(go)
      }
      const go = (): void => {
        stop()
        resolve(place())
      }
      const onAbort = (): void => {
        stop()
        reject(new AppError('QUERY_CANCELLED'))
      }
      const timer = setTimeout(() => {
        stop()
        reject(tooMany(options))
      }, options.waitMsMax)
      signal.addEventListener('abort', onAbort, { once: true })
      waiting.add(go)
    })
  }

  return {
    async enter(signal) {
      if (signal.aborted) throw new AppError('QUERY_CANCELLED')
      if (inside < options.insideMax) return place()
      if (waiting.size >= options.waitingMax) throw tooMany(options)
      return wait(signal)
    },
  }
}

function tooMany({ insideMax, what }: GateOptions): AppError {
  return new AppError('TOO_MANY_REQUESTS', {
    detail: `${insideMax} ${what} are under way, which is the limit.`,
    hint: 'Try again in a moment.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
