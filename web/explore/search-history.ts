import type { Memory } from '../parts/memory.ts'

const KEY = 'searches'
const SEARCHES_MAX = 50

/** Newest first. */
export function recentSearches(memory: Memory): string[] {
  const found = memory.read<unknown>(KEY, [])
  return Array.isArray(found) ? found.filter((text) => typeof text === 'string') : []
}

export function rememberSearch(memory: Memory, query: string): void {
  if (query === '') return
  memory.write(KEY, [query, ...recentSearches(memory).filter((text) => text !== query)].slice(0, SEARCHES_MAX))
}
