import { useEffect, useState } from 'preact/hooks'
import { asProblem, isAbort } from '../api/client.ts'
import { usePage } from '../shell/page.ts'
import { readQuery, type Reading } from '../query/highlight.ts'
import type { QueryProblem } from '../../src/query/problem.ts'

export interface Explanation {
  text: string
  tree: Reading['tree']
  problems: readonly QueryProblem[]
  /** In English; `undefined` while it is not known, empty where there are problems. */
  explanation: string | undefined
}

const PAUSE_MS = 200

/** What is wrong with a text: at once what the grammar finds, and after a pause in typing what the server finds. */
export function useExplanation(text: string, isTail: boolean): Explanation {
  const { client } = usePage()
  const [answer, setAnswer] = useState<{ text: string; explanation: string; problems: QueryProblem[] }>()
  useEffect(() => {
    const leaving = new AbortController()
    const timer = setTimeout(() => {
      const question = { query: text, target: isTail ? 'tail' : 'search' }
      client
        .send<{ explanation: string; problems: QueryProblem[] }>(
          'POST',
          '/api/v1/query/explain',
          question,
          leaving.signal,
        )
        .then(
          ({ explanation, problems }) => setAnswer({ text, explanation, problems }),
          (error: unknown) => {
            // The text is then shown with what the grammar says; searching tells the rest.
            if (!isAbort(error)) setAnswer({ text, explanation: asProblem(error).message, problems: [] })
          },
        )
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  }, [text, isTail])
  const { tree, problems } = readQuery(text)
  const isCurrent = answer?.text === text
  return {
    text,
    tree,
    problems: problems.length > 0 || !isCurrent ? problems : answer.problems,
    explanation: isCurrent ? answer.explanation : undefined,
  }
}
