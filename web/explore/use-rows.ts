import { useEffect, useState } from 'preact/hooks'
import { usePage } from '../shell/page.ts'
import type { RangeText } from '../time/range.ts'
import { openLiveTail, type LiveTail } from './live-tail.ts'
import { createResults, type Results } from './results.ts'

/** A tail of this query while `isActive`. */
export function useLiveTail(isActive: boolean, query: string, turn: number): LiveTail | undefined {
  const { client } = usePage()
  const [tail, setTail] = useState<LiveTail>()
  useEffect(() => {
    if (!isActive) return undefined
    const opened = openLiveTail(client, query)
    setTail(opened)
    return () => {
      opened.close()
      setTail(undefined)
    }
  }, [isActive, query, turn])
  return tail
}

/** The answer to this search while `isActive`; the one before stays until the new one has begun. */
export function useResults(isActive: boolean, query: string, range: RangeText, turn: number): Results | undefined {
  const { client } = usePage()
  const [results, setResults] = useState<Results>()
  useEffect(() => {
    if (!isActive) return undefined
    const opened = createResults(client, query, range)
    setResults(opened)
    return () => {
      opened.close()
      setResults(undefined)
    }
  }, [isActive, query, range.start, range.end, turn])
  return results
}

/** Counts up while `isActive`, for what follows the clock. */
export function useTurns(isActive: boolean, everyMs: number): number {
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    if (!isActive) return undefined
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((count) => count + 1)
    }, everyMs)
    return () => clearInterval(timer)
  }, [isActive, everyMs])
  return turn
}
