import { ServerAway, ServerProblem } from '../failures.ts'

/** What a failed attempt to deliver means. */
export interface Verdict {
  /**
   * `later`: it may succeed another time; `too-large`: a smaller one may; `refused`: some of its rows are never
   * taken; `replaced`: nothing
   * that this process delivers will be taken any more.
   */
  kind: 'later' | 'too-large' | 'refused' | 'replaced'
  /** The server may have taken it, though it did not say so. */
  isInDoubt: boolean
}

/** A key can be mended, a proxy put right: whatever is not about the rows themselves is tried again. Rethrows our own faults. */
export function judge(error: unknown): Verdict {
  if (error instanceof ServerAway) return { kind: 'later', isInDoubt: !error.isUnsent }
  if (!(error instanceof ServerProblem)) throw error
  const { status, code } = error
  if (code === 'AGENT_REPLACED') return { kind: 'replaced', isInDoubt: false }
  if (code === 'ROWS_INVALID') return { kind: 'refused', isInDoubt: false }
  if (status === 413) return { kind: 'too-large', isInDoubt: false }
  // A proxy answers 502 and 504 for a server that may have done its work; a server that says 503 itself has not.
  const isOwnRefusal = status === 503 && code !== FOREIGN
  return { kind: 'later', isInDoubt: (status >= 500 && !isOwnRefusal) || status < 300 }
}

/** The code of an answer that is none of a Tailrace server. */
const FOREIGN = 'ANSWER_UNEXPECTED'
