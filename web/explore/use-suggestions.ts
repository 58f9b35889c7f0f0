import { useEffect, useState } from 'preact/hooks'
import { usePage } from '../shell/page.ts'
import {
  fieldSuggestions,
  languageSuggestions,
  valueSuggestions,
  wantedAt,
  type Suggestion,
} from '../query/completion.ts'
import type { FieldNames } from './field-names.ts'
import { recentSearches } from './search-history.ts'

export interface Suggestions {
  items: readonly Suggestion[]
  /** Where what they replace begins. */
  from: number
  /** Recent searches, which replace everything. */
  isHistory: boolean
}

const NONE: Suggestions = { items: [], from: 0, isHistory: false }
const VALUES_ASKED = 10
const RECENT_SHOWN = 8

/** What could be typed next. Values are asked of the server. */
export function useSuggestions(
  text: string,
  caret: number,
  isActive: boolean,
  names: FieldNames | undefined,
): Suggestions {
  const { client, memory } = usePage()
  const [found, setFound] = useState<Suggestions>(NONE)
  useEffect(() => {
    if (!isActive) return setFound(NONE)
    if (text.trim() === '') {
      const recent = recentSearches(memory).slice(0, RECENT_SHOWN)
      const items = recent.map((query) => ({ insert: query, shown: query, note: 'recent' }))
      return setFound({ items, from: 0, isHistory: true })
    }
    const wanted = wantedAt(text, caret)
    if (wanted.kind === 'nothing') return setFound(NONE)
    const { from, typed } = wanted
    const show = (items: readonly Suggestion[]): void => setFound({ items, from, isHistory: false })
    if (wanted.kind === 'field')
      return show(typed === '' ? [] : fieldSuggestions(typed, names?.fields ?? [], isFilterAt(text, from)))
    if (wanted.kind !== 'value') return show(languageSuggestions(wanted.kind, typed))
    const leaving = new AbortController()
    const path = `/api/v1/fields/${encodeURIComponent(wanted.field)}/values`
    client
      .get<{ values: { value: string; count: number }[] }>(path, { prefix: typed, limit: VALUES_ASKED }, leaving.signal)
      .then(
        ({ values }) => show(valueSuggestions(values)),
        // Nothing is suggested then; typing goes on.
        () => undefined,
      )
    return () => leaving.abort()
  }, [text, caret, isActive, names])
  return found
}

/** In a filter a field is followed by its value. */
function isFilterAt(text: string, at: number): boolean {
  const pipe = /\|\s*(\w*)[^|]*$/.exec(text.slice(0, at))?.[1]
  return pipe === undefined || pipe === 'where'
}
