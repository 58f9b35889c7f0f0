import { useEffect } from 'preact/hooks'
import type { Session } from '../api/session.ts'
import { useInterval } from '../parts/use-interval.ts'

const WATCH_MS = 30_000
/** A timer cannot wait for longer. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Notices that the session has ended, also when the page asks for nothing else. */
export function useSessionWatch({ refresh, who }: Session): void {
  // What cannot be reached is told by the shell already.
  const look = (): void => void refresh().catch(() => undefined)
  useInterval(look, WATCH_MS)
  const expires = who.value?.expires
  useEffect(() => {
    if (expires === undefined) return undefined
    const timer = setTimeout(look, Math.min(Math.max(0, Date.parse(expires) - Date.now()) + 500, TIMER_MS_MAX))
    return () => clearTimeout(timer)
  }, [expires])
}
