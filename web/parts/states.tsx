import type { ComponentChildren } from 'preact'
import type { ApiProblem } from '../api/client.ts'
import { Button } from './button.tsx'

export interface EmptyProps {
  title: string
  children?: ComponentChildren
  /** What to do next: buttons and links. */
  steps?: ComponentChildren
}

/** Nothing to show, and why. */
export function Empty({ title, children, steps }: EmptyProps) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children}
      {steps && <div class="steps">{steps}</div>}
    </div>
  )
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="state" role="status">
      <p>Loading {what} …</p>
    </div>
  )
}

/** What went wrong and what to do about it, in the server's words. A mistake is mended, not tried again. */
export function Failure({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  const isMistake = problem.status === 400
  const title = problem.status === 0 ? 'No answer' : isMistake ? 'This cannot be right' : 'That did not work'
  return (
    <div class="state failure" role="alert">
      <h2>{title}</h2>
      <p>{problem.message}</p>
      {problem.hint !== undefined && <p>{problem.hint}</p>}
      {onRetry && !isMistake && (
        <div class="steps">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}
