import { signal, type ReadonlySignal } from '@preact/signals'
import type { Problem } from '../../src/core/errors.ts'

/** What the server refused, in its own words; `status` 0: it could not be reached at all. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  /** Of the code, where `message` is about this very case. */
  readonly title: string | undefined
  readonly hint: string | undefined
  readonly problems: readonly unknown[]
  readonly retryAfterMs: number | undefined

  constructor(problem: Partial<Problem> & { status: number }, retryAfterMs?: number) {
    super(problem.detail ?? problem.title ?? `The server answered ${problem.status}.`)
    this.name = 'ApiProblem'
    this.status = problem.status
    this.code = problem.code ?? ''
    this.title = problem.title
    this.hint = problem.hint
    this.problems = problem.problems ?? []
    this.retryAfterMs = retryAfterMs
  }
}

export type Parameters = Readonly<Record<string, string | number | undefined>>

export interface Client {
  /** Whether the last request reached the server. */
  readonly isReachable: ReadonlySignal<boolean>
  /** Another connection, such as a tail's, reached it. */
  noteReachable(): void
  get<T>(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, signal?: AbortSignal): Promise<T>
  /** The response itself, for streams; rejects like the others when it is no success. */
  open(path: string, init?: RequestInit): Promise<Response>
}

/** `onUnauthorized` is told when the server asks for a key where it did not before. */
export function createClient(fetch: typeof globalThis.fetch, onUnauthorized: () => void): Client {
  const isReachable = signal(true)
  const open = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(path, { credentials: 'same-origin', ...init }).catch((cause: unknown) => {
      if (isAbort(cause)) throw cause
      isReachable.value = false
      const detail = 'The server cannot be reached.'
      throw new ApiProblem({ status: 0, code: 'UNREACHABLE', detail, hint: 'Is it running, and are you online?' })
    })
    isReachable.value = true
    if (response.ok) return response
    if (response.status === 401) onUnauthorized()
    throw await problemOf(response)
  }
  return {
    isReachable,
    noteReachable: () => {
      isReachable.value = true
    },
    open,
    get: async (path, parameters = {}, signal) => json(await open(withParameters(path, parameters), only(signal))),
    send: async (method, path, body, signal) => {
      const payload = body === undefined ? {} : { body: JSON.stringify(body), headers: JSON_HEADERS }
      return json(await open(path, { method, ...payload, ...only(signal) }))
    },
  }
}

async function json<T>(response: Response): Promise<T> {
  return (response.status === 204 ? undefined : await response.json()) as T
}

const JSON_HEADERS = { 'content-type': 'application/json' }

function only(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

export function withParameters(path: string, parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  return new ApiProblem({
    status: 0,
    code: 'PAGE_FAILED',
    detail: error instanceof Error ? error.message : String(error),
  })
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = Number.isNaN(seconds) ? undefined : seconds * 1000
  const isProblem = response.headers.get('content-type')?.includes('json') ?? false
  const problem = isProblem ? ((await response.json().catch(() => ({}))) as Partial<Problem>) : {}
  return new ApiProblem({ ...problem, status: response.status }, retryAfterMs)
}
