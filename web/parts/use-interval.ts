import { useEffect } from 'preact/hooks'
import { useLatest } from './use-latest.ts'

/** Calls it every so often while somebody can see the page, and at once when they look again. */
export function useInterval(run: () => void, everyMs: number): void {
  const latest = useLatest(run)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) latest.current()
    }, everyMs)
    const onShow = (): void => {
      if (!document.hidden) latest.current()
    }
    document.addEventListener('visibilitychange', onShow)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', onShow)
    }
  }, [everyMs])
}
