import type { Problem } from '../core/errors.ts'

/** The server answered that it will not or cannot do it: an RFC 9457 problem document, or what came instead of one. */
export class ServerProblem extends Error {
  override readonly name = 'ServerProblem'
  readonly status: number
  /** Stable, from the server's catalogue of errors; `ANSWER_UNEXPECTED` when the answer was no problem document. */
  readonly code: string
  readonly title: string
  readonly hint: string | undefined
  /** Positions of mistakes, rejected lines and the like, as the server gave them. */
  readonly problems: readonly unknown[]
  /** How long the server asks to wait (Retry-After). */
  readonly retryAfterMs: number | undefined
  /** How far the server's clock is ahead of ours, to a second or so, by the header Date. */
  readonly clockAheadMs: number | undefined

  constructor(problem: Partial<Problem> & { status: number }, { retryAfterMs, clockAheadMs }: AnswerTimes = {}) {
    const title = problem.title ?? `The server answered ${problem.status}`
    super(problem.detail ?? title)
    this.status = problem.status
    this.code = problem.code ?? 'ANSWER_UNEXPECTED'
    this.title = title
    this.hint = problem.hint
    this.problems = problem.problems ?? []
    this.retryAfterMs = retryAfterMs
    this.clockAheadMs = clockAheadMs
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return TEMPORARY_STATUSES.has(this.status)
  }
}

/** What the headers of an answer say about time. */
export interface AnswerTimes {
  retryAfterMs?: number | undefined
  clockAheadMs?: number | undefined
}

const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** There was no answer, or it broke off: refused, unknown host, reset, silence, untrusted certificate. */
export class ServerAway extends Error {
  override readonly name = 'ServerAway'
  readonly url: string
  /** In a few words: `connection refused`. */
  readonly reason: string

  constructor(url: string, cause: unknown) {
    const reason = reasonOf(cause)
    super(`No answer from ${url}: ${reason}`, { cause })
    this.url = url
    this.reason = reason
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ECONNABORTED: 'the connection was cut',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer in time',
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  const { code, message } = cause as { code?: string; message?: string }
  return REASONS[code ?? ''] ?? message ?? String(cause)
}
