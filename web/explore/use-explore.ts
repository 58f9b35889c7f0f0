import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Loaded } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { useFieldNames, type FieldNames } from './field-names.ts'
import { useHistogram, type HistogramAnswer } from './histogram.tsx'
import type { ListItem } from './items.ts'
import type { LiveState, LiveTail } from './live-tail.ts'
import { applyPreferences, rememberPreference } from './preferences.ts'
import { questionKey, type Results, type ResultsState } from './results.ts'
import { rememberSearch } from './search-history.ts'
import { exploreActions, readState, type ExploreActions, type ExploreState } from './state.ts'
import type { RangeText } from '../time/range.ts'
import { useLiveTail, useResults, useTurns } from './use-rows.ts'

/** The view of events, apart from how it looks. */
export interface ExploreModel {
  state: ExploreState
  actions: ExploreActions
  items: readonly ListItem[]
  /** They are those of the question before, until the answer to this one comes. */
  isStale: boolean
  /** Whether there being no events means that there are none. */
  isSettled: boolean
  tail: LiveTail | undefined
  live: LiveState | undefined
  results: Results | undefined
  found: ResultsState | undefined
  /** The first events of this very question are there. What lies beside them is asked for after them. */
  isAnswered: boolean
  histogram: Loaded<HistogramAnswer>
  names: FieldNames | undefined
  /** Changes when facets are to be counted again. */
  facetsTurn: number
  search: (query: string) => void
  /** Asks for everything again. */
  again: () => void
}

/** How often what lies beside a live list is asked for again. */
const LIVE_TURN_MS = 5000
/** Facets less often: they are dear. */
const FACETS_TURNS = 3
const NO_ITEMS = [] as const

export function useExplore(): ExploreModel {
  const { router, memory } = usePage()
  const place = router.place.value
  const state = readState(place)
  const actions = useMemo(() => exploreActions(router, (...change) => rememberPreference(memory, ...change)), [])
  useEffect(() => applyPreferences(memory, router), [place])
  const [asked, setAsked] = useState(0)
  const turns = useTurns(state.isLive, LIVE_TURN_MS)
  const turn = turns + asked
  const facetsTurn = Math.floor(turns / FACETS_TURNS) + asked
  const tail = useLiveTail(state.isLive, state.query, asked)
  const results = useResults(!state.isLive, state.query, state.range, asked)
  const live = tail?.state.value
  const found = results?.state.value
  const isAnswered = isThere(state, live, results)
  const histogram = useHistogram(state.query, state.range, turn, isAnswered)
  const names = useNames(state.range, { turn, facetsTurn }, isAnswered)
  const again = (): void => setAsked((count) => count + 1)
  useReturn(again)
  const search = (query: string): void => {
    rememberSearch(memory, query.trim())
    if (query.trim() === state.query) again()
    else actions.search(query)
  }
  const own = (state.isLive ? live?.rows : found?.events) ?? NO_ITEMS
  const isSettled = state.isLive ? (live?.isSettled ?? false) : isAnswered
  const { items, isStale } = useStale(own, isSettled)
  return {
    state,
    actions,
    items,
    tail,
    live,
    results,
    found,
    isAnswered,
    isSettled,
    isStale,
    histogram,
    names,
    facetsTurn,
    search,
    again,
  }
}

/** As often as facets; more often while nothing has come yet that has attributes. */
function useNames(
  range: RangeText,
  turns: { turn: number; facetsTurn: number },
  isReady: boolean,
): FieldNames | undefined {
  const hasAttributes = useRef(false)
  const { value } = useFieldNames(range, hasAttributes.current ? turns.facetsTurn : turns.turn, isReady)
  hasAttributes.current = value?.fields.some(({ kind }) => kind === 'attribute') ?? false
  return value
}

/** What was there before stays until something else comes, so that nothing jumps. */
function useStale(items: readonly ListItem[], isSettled: boolean): { items: readonly ListItem[]; isStale: boolean } {
  const before = useRef(items)
  const isStale = items.length === 0 && !isSettled && before.current.length > 0
  if (!isStale) before.current = items
  return { items: before.current, isStale }
}

function isThere(state: ExploreState, live: LiveState | undefined, results: Results | undefined): boolean {
  if (state.isLive) return live !== undefined && live.connection !== 'opening'
  if (results?.key !== questionKey(state.query, state.range)) return false
  const { elapsedMs, problem } = results.state.value
  return elapsedMs !== undefined || problem !== undefined
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
