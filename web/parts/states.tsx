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

const TITLES: Readonly<Record<number, string>> = { 0: 'No answer', 400: 'This cannot be right', 404: 'Not found' }

/** What went wrong and what to do about it, in the server's words. A mistake is mended, not tried again. */
export function Failure({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  const { status, message, hint } = problem
  const title = TITLES[status] ?? 'That did not work'
  const isLasting = status === 400 || status === 404
  return (
    <div class="state failure" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {hint !== undefined && <p>{hint}</p>}
      {onRetry && !isLasting && (
        <div class="steps">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}
