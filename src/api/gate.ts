import { AppError } from '../core/errors.ts'
import { createPlaces } from './places.ts'

/** Lets a number of requests through at a time, and fewer of one key; a number more may wait, each for a bounded time. */
export interface Gate {
  /**
   * Resolves to the function that gives the place back; call it exactly once. Rejects with TOO_MANY_REQUESTS when too
   * many wait already or the wait was too long, with QUERY_CANCELLED when the signal aborts. The empty key is nobody's:
   * only the limit of all together holds for it.
   */
  enter(signal: AbortSignal, key: string): Promise<() => void>
  /** The same for those whose number is limited elsewhere: they wait for as long as it takes, and crowd nobody out. */
  enterPatiently(signal: AbortSignal, key: string): Promise<() => void>
}

export interface GateOptions {
  insideMax: number
  perKeyMax: number
  /** Of which one key may take half. */
  waitingMax: number
  waitMsMax: number
  /** What is limited, for the error's text: `queries`. */
  what: string
  /** Names of the two limits, for `onRefused`. */
  limit: string
  limitPerKey: string
  /** Told the name of the limit at each refusal. */
  onRefused: (limit: string) => void
}

interface Waiter {
  key: string
  isPatient: boolean
  go: () => void
}

const RETRY_AFTER_SECONDS = 1
const WAITING = 'queriesWaitingMax'

export function createGate(options: GateOptions): Gate {
  const { insideMax, perKeyMax, waitingMax, waitMsMax } = options
  const places = createPlaces(insideMax, perKeyMax)
  /** In order of arrival. */
  const waiting = new Set<Waiter>()

  function place(key: string): () => void {
    places.take(key)
    let isLeft = false
    return () => {
      if (isLeft) return
      isLeft = true
      places.give(key)
      for (const waiter of waiting) {
        if (places.refusal(waiter.key)) continue
        waiter.go()
        return
      }
    }
  }

  function refuse(limit: string, refusal: 'all' | 'key'): AppError {
    options.onRefused(limit)
    return tooMany(options, refusal)
  }

  function wait(signal: AbortSignal, key: string, isPatient: boolean): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        waiting.delete(waiter)
      }
      const waiter: Waiter = {
        key,
        isPatient,
        go() {
          stop()
          resolve(place(key))
        },
      }
      const onAbort = (): void => {
        stop()
        reject(new AppError('QUERY_CANCELLED'))
      }
      const giveUp = (): void => {
        stop()
        const refusal = places.refusal(key) ?? 'all'
        reject(refuse(refusal === 'key' ? options.limitPerKey : options.limit, refusal))
      }
      const timer = isPatient ? undefined : setTimeout(giveUp, waitMsMax)
      signal.addEventListener('abort', onAbort, { once: true })
      waiting.add(waiter)
    })
  }

  return {
    async enter(signal, key) {
      if (signal.aborted) throw new AppError('QUERY_CANCELLED')
      const refusal = places.refusal(key)
      if (refusal === undefined) return place(key)
      const others = [...waiting].filter(({ isPatient }) => !isPatient)
      const own = others.filter((waiter) => waiter.key === key)
      const isFull = others.length >= waitingMax || (key !== '' && own.length >= Math.ceil(waitingMax / 2))
      if (isFull) throw refuse(WAITING, refusal)
      return wait(signal, key, false)
    },
    async enterPatiently(signal, key) {
      if (signal.aborted) throw new AppError('QUERY_CANCELLED')
      return places.refusal(key) === undefined ? place(key) : wait(signal, key, true)
    },
  }
}

function tooMany({ insideMax, perKeyMax, what }: GateOptions, refusal: 'all' | 'key'): AppError {
  const under = refusal === 'key' ? `${perKeyMax} ${what} with this key` : `${insideMax} ${what}`
  return new AppError('TOO_MANY_REQUESTS', {
    detail: `${under} are under way, which is the limit.`,
    hint: 'Try again in a moment.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
