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

/** What went wrong and what to do about it, in the server's words. */
export function Failure({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  return (
    <div class="state failure" role="alert">
      <h2>{problem.status === 0 ? 'No answer' : 'That did not work'}</h2>
      <p>{problem.message}</p>
      {problem.hint !== undefined && <p>{problem.hint}</p>}
      {onRetry && (
        <div class="steps">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}
