import { useEffect, useState } from 'preact/hooks'
import { asProblem, isAbort, type ApiProblem } from '../api/client.ts'

export interface Loaded<T> {
  /** The last that came, also while something newer is on its way. */
  value: T | undefined
  problem: ApiProblem | undefined
  isLoading: boolean
  /** Asks again. */
  retry: () => void
}

/** Loads whenever `key` changes, once `isReady`; what was asked for before is cancelled. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>, isReady = true): Loaded<T> {
  const [attempt, setAttempt] = useState(0)
  const [state, setState] = useState<Omit<Loaded<T>, 'retry'>>({
    value: undefined,
    problem: undefined,
    isLoading: true,
  })
  useEffect(() => {
    if (!isReady) return undefined
    const leaving = new AbortController()
    setState(({ value }) => ({ value, problem: undefined, isLoading: true }))
    const settle = async (): Promise<void> => {
      try {
        const value = await load(leaving.signal)
        if (!leaving.signal.aborted) setState({ value, problem: undefined, isLoading: false })
      } catch (error) {
        if (leaving.signal.aborted || isAbort(error)) return
        setState(({ value }) => ({ value, problem: asProblem(error), isLoading: false }))
      }
    }
    void settle()
    return () => leaving.abort()
  }, [key, attempt, isReady])
  return { ...state, retry: () => setAttempt((count) => count + 1) }
}
