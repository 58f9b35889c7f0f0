import { signal, type ReadonlySignal } from '@preact/signals'
import type { EventJson } from '../../src/core/event.ts'
import { asProblem, isAbort, type ApiProblem, type Client } from '../api/client.ts'
import { rangeParameters, type RangeText } from '../time/range.ts'

/** Answer of `/api/v1/query`: events, or a table. */
export interface Answer {
  events?: EventJson[]
  columns?: { name: string; type: string }[]
  rows?: unknown[][]
  cursor?: string | null
  truncated?: boolean
  stats: { elapsedMs: number; rowsRead: number; bytesRead: number }
}

export interface ResultsState {
  /** Newest first. */
  events: readonly EventJson[]
  table: Pick<Answer, 'columns' | 'rows' | 'truncated'> | undefined
  isLoading: boolean
  /** There is nothing more to load. */
  isDone: boolean
  problem: ApiProblem | undefined
  /** Of the first page; `undefined` before it. */
  elapsedMs: number | undefined
}

export interface Results {
  /** Of the question: see `questionKey`. */
  readonly key: string
  readonly state: ReadonlySignal<ResultsState>
  /** Loads the next page, unless it is on its way or could not be had. */
  more(): void
  /** Asks again for the page that could not be had. */
  retry(): void
  close(): void
}

/** Small, so that it is there at once. */
const FIRST_PAGE = 200
const PAGE = 2000
/** Rows that the list holds; who wants to read more than that narrows the search or exports. */
export const RESULT_ROWS_MAX = 100_000

/** Tells whether results are those of this question. */
export function questionKey(query: string, range: RangeText): string {
  return JSON.stringify([query, range.start, range.end])
}

/** Pages of an answer, as far as somebody scrolls. */
export function createResults(client: Client, query: string, range: RangeText): Results {
  const state = signal<ResultsState>({
    events: [],
    table: undefined,
    isLoading: false,
    isDone: false,
    problem: undefined,
    elapsedMs: undefined,
  })
  const leaving = new AbortController()
  let cursor: string | undefined
  const load = async (): Promise<void> => {
    const { events } = state.peek()
    state.value = { ...state.peek(), isLoading: true, problem: undefined }
    try {
      const limit = Math.min(events.length === 0 ? FIRST_PAGE : PAGE, RESULT_ROWS_MAX - events.length)
      const question = { query, ...rangeParameters(range), limit, cursor }
      const answer = await client.get<Answer>('/api/v1/query', question, leaving.signal)
      state.value = withAnswer(state.peek(), answer)
      cursor = answer.cursor ?? undefined
    } catch (error) {
      if (!isAbort(error)) state.value = { ...state.peek(), isLoading: false, problem: asProblem(error) }
    }
  }
  void load()
  return {
    key: questionKey(query, range),
    state,
    more() {
      const { isLoading, isDone, problem } = state.peek()
      if (!isLoading && !isDone && !problem) void load()
    },
    retry() {
      if (!state.peek().isLoading) void load()
    },
    close: () => leaving.abort(),
  }
}

function withAnswer(before: ResultsState, { events, columns, rows, truncated, cursor, stats }: Answer): ResultsState {
  const elapsedMs = before.elapsedMs ?? stats.elapsedMs
  if (!events) {
    const table = { ...(columns && { columns }), ...(rows && { rows }), truncated: truncated ?? false }
    return { ...before, table, isLoading: false, isDone: true, elapsedMs }
  }
  const all = before.events.length === 0 ? events : [...before.events, ...events]
  const isDone = (cursor ?? null) === null || events.length === 0 || all.length >= RESULT_ROWS_MAX
  return { ...before, events: all, isLoading: false, isDone, elapsedMs }
}
