import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Loaded } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { useFieldNames, type FieldNames } from './facets.tsx'
import { useHistogram, type HistogramAnswer } from './histogram.tsx'
import type { ListItem } from './items.ts'
import type { LiveState, LiveTail } from './live-tail.ts'
import { applyPreferences, rememberPreference } from './preferences.ts'
import type { Results, ResultsState } from './results.ts'
import { rememberSearch } from './search-history.ts'
import { exploreActions, readState, type ExploreActions, type ExploreState } from './state.ts'
import { useLiveTail, useResults, useTurns } from './use-rows.ts'

/** The view of events, apart from how it looks. */
export interface ExploreModel {
  state: ExploreState
  actions: ExploreActions
  items: readonly ListItem[]
  tail: LiveTail | undefined
  live: LiveState | undefined
  results: Results | undefined
  found: ResultsState | undefined
  histogram: Loaded<HistogramAnswer>
  names: FieldNames | undefined
  /** Changes when what lies beside the list is to be asked for again. */
  turn: number
  search: (query: string) => void
  /** Asks for everything again. */
  again: () => void
}

/** How often what lies beside a live list is asked for again. */
const LIVE_TURN_MS = 5000
const NO_ITEMS = [] as const

export function useExplore(): ExploreModel {
  const { router, memory } = usePage()
  const place = router.place.value
  const state = readState(place)
  const actions = useMemo(() => exploreActions(router, (...change) => rememberPreference(memory, ...change)), [])
  useEffect(() => applyPreferences(memory, router), [place])
  const [asked, setAsked] = useState(0)
  const turn = useTurns(state.isLive, LIVE_TURN_MS) + asked
  const tail = useLiveTail(state.isLive, state.query, asked)
  const results = useResults(!state.isLive, state.query, state.range, asked)
  const live = tail?.state.value
  const found = results?.state.value
  const histogram = useHistogram(state.query, state.range, turn)
  const { value: names } = useFieldNames(state.range, asked)
  const again = (): void => setAsked((count) => count + 1)
  useReturn(again)
  const search = (query: string): void => {
    rememberSearch(memory, query.trim())
    if (query.trim() === state.query) again()
    else actions.search(query)
  }
  const items = (state.isLive ? live?.rows : found?.events) ?? NO_ITEMS
  return { state, actions, items, tail, live, results, found, histogram, names, turn, search, again }
}

/** Calls `again` when the server can be reached after it could not. */
function useReturn(again: () => void): void {
  const { client } = usePage()
  const isReachable = client.isReachable.value
  const wasReachable = useRef(true)
  useEffect(() => {
    if (isReachable && !wasReachable.current) again()
    wasReachable.current = isReachable
  }, [isReachable])
}
