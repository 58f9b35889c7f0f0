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

/** Loads whenever `key` changes; what was asked for before is cancelled. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [attempt, setAttempt] = useState(0)
  const [state, setState] = useState<Omit<Loaded<T>, 'retry'>>({
    value: undefined,
    problem: undefined,
    isLoading: true,
  })
  useEffect(() => {
    const leaving = new AbortController()
    setState(({ value }) => ({ value, problem: undefined, isLoading: true }))
    load(leaving.signal).then(
      (value) => setState({ value, problem: undefined, isLoading: false }),
      (error: unknown) => {
        if (!leaving.signal.aborted && !isAbort(error)) {
          setState(({ value }) => ({ value, problem: asProblem(error), isLoading: false }))
        }
      },
    )
    return () => leaving.abort()
  }, [key, attempt])
  return { ...state, retry: () => setAttempt((count) => count + 1) }
}
