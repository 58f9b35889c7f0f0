import { useLoad, type Loaded } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import type { Answer } from './picture.ts'

export interface Times {
  start: string | undefined
  end: string | undefined
}

/** Rows that are drawn or listed at most. */
const ROWS_MAX = 2000

/** The table that a query makes. What stood there before stays until the new one is there. */
export function useAnswer(query: string, { start, end }: Times): Loaded<Answer> {
  const { client } = usePage()
  return useLoad(JSON.stringify([query, start, end]), (signal) =>
    client.get<Answer>('/api/v1/query', { query, start, end, limit: ROWS_MAX }, signal),
  )
}
