import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
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

const RETRY_MS = 2000

/**
 * What went wrong and what to do about it, in the server's words. A mistake is mended, not tried again; what will pass is
 * tried again by itself.
 */
export function Failure({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  const { status, code, message, hint } = problem
  const isLasting = status === 400 || status === 404
  const isPassing = status === 503 && onRetry !== undefined
  const title = TITLES[status] ?? (isPassing ? problem.title : undefined) ?? 'That did not work'
  useEffect(() => {
    if (!isPassing) return undefined
    const timer = setTimeout(onRetry, problem.retryAfterMs ?? RETRY_MS)
    return () => clearTimeout(timer)
  }, [problem])
  return (
    <div class="state failure" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {hint !== undefined && <p>{hint}</p>}
      {isPassing && (
        <p>{code === 'STORE_UNREACHABLE' && 'Events are taken meanwhile. '}This page tries again by itself.</p>
      )}
      {onRetry && !isLasting && (
        <div class="steps">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}
