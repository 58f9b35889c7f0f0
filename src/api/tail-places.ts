import { AppError } from '../core/errors.ts'
import type { ApiContext } from './context.ts'
import { createPlaces } from './places.ts'

const RETRY_AFTER_SECONDS = 5

/**
 * Takes a place for a tail with this key and returns what gives it back; call that once. TOO_MANY_REQUESTS when all
 * are taken, or as many as one key may have. The empty key is nobody's.
 */
export type TailPlaces = (key: string) => () => void

function tailCount(count: number): string {
  return count === 1 ? '1 tail is' : `${count} tails are`
}

export function createTailPlaces({ limits, counters }: Pick<ApiContext, 'limits' | 'counters'>): TailPlaces {
  const { tailsMax, tailsPerKeyMax } = limits
  const places = createPlaces(tailsMax, tailsPerKeyMax)
  return (key) => {
    const refusal = places.refusal(key)
    if (refusal !== undefined) {
      counters.add('tail_limited_total', { limit: refusal === 'key' ? 'tailsPerKeyMax' : 'tailsMax' })
      const open = refusal === 'key' ? `${tailCount(tailsPerKeyMax)} open with this key` : `${tailCount(tailsMax)} open`
      throw new AppError('TOO_MANY_REQUESTS', {
        detail: `${open}, which is the limit.`,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    places.take(key)
    return () => places.give(key)
  }
}
