import { useMemo } from 'preact/hooks'
import { AnswerTable } from '../parts/answer-table.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { useMedia } from '../parts/use-media.ts'
import { marksOf } from '../query/marks.ts'
import { readQuery } from '../query/highlight.ts'
import { dayText } from '../time/zone.ts'
import { isGap, type ListItem } from './items.ts'
import { WaitingButton } from './live-status.tsx'
import { LogList } from './log-list.tsx'
import type { RowLook } from './log-row.tsx'
import { NothingFound } from './nothing-found.tsx'
import { RESULT_ROWS_MAX, type ResultsState } from './results.ts'
import type { ExploreState } from './state.ts'
import type { ExploreModel } from './use-explore.ts'

export interface EventsProps {
  model: ExploreModel
  selectedId: string | undefined
  onNothingYet: () => void
}

/** The events, or why there are none. */
export function Events(props: EventsProps) {
  return (
    <div class={`explore-events ${props.model.isStale ? 'stale' : ''}`} aria-busy={props.model.isStale}>
      <Content {...props} />
    </div>
  )
}

function Content({ model, selectedId, onNothingYet }: EventsProps) {
  const { state, actions, items, tail, live, results, found, again } = model
  const look = useLook(state, items)
  const problem = state.isLive ? live?.problem : found?.problem
  if (problem && (items.length === 0 || model.isStale)) return <Failure problem={problem} onRetry={again} />
  if (found?.table) return <AnswerTable table={found.table} />
  if (items.length === 0) {
    if (!model.isSettled) return <Loading what="events" />
    return <NothingFound state={state} actions={actions} onNothingYet={onNothingYet} />
  }
  return (
    <>
      <LogList
        items={items}
        look={look}
        isComfortable={state.isComfortable}
        selectedId={selectedId}
        isFollowing={state.isLive && !(live?.isPaused ?? false)}
        onOpen={(id) => {
          // What is read does not move away.
          tail?.pause()
          actions.openEvent(id)
        }}
        onFollow={state.isLive ? (isFollowing) => (isFollowing ? tail?.resume() : tail?.pause()) : undefined}
        onNearEnd={() => results?.more()}
        onRemoveColumn={actions.toggleColumn}
        foot={!state.isLive && found && <Foot found={found} onRetry={() => results?.retry()} />}
      />
      {state.isLive && live?.isPaused && <WaitingButton waiting={live.waiting} onResume={() => tail?.resume()} />}
    </>
  )
}

function Foot({ found, onRetry }: { found: ResultsState; onRetry: () => void }) {
  if (found.problem) return <Failure problem={found.problem} onRetry={onRetry} />
  if (found.isLoading) return <p class="log-foot">Loading more …</p>
  if (!found.isDone) return <p class="log-foot">More below</p>
  if (found.events.length >= RESULT_ROWS_MAX) {
    return (
      <p class="log-foot">
        These are the newest {RESULT_ROWS_MAX.toLocaleString('en')}. Narrow the search to see others.
      </p>
    )
  }
  return <p class="log-foot">That is all.</p>
}

function useLook({ query, columns, zone, isWrapped }: ExploreState, items: readonly ListItem[]): RowLook {
  const first = items[0]
  const last = items.at(-1)
  const dayOf = (item: ListItem | undefined): string =>
    item && !isGap(item) ? dayText(new Date(item.timestamp), zone) : ''
  const today = dayText(new Date(), zone)
  const hasDay = [dayOf(first), dayOf(last)].some((day) => day !== '' && day !== today)
  const names = columns.join('\n')
  const isNarrow = useMedia('(max-width: 720px)')
  return useMemo(
    () => ({ columns, marks: marksOf(readQuery(query).tree), zone, hasDay, isWrapped, isNarrow }),
    [query, names, zone, hasDay, isWrapped, isNarrow],
  )
}
