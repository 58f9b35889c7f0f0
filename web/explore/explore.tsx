import { useState } from 'preact/hooks'
import { withParameters } from '../api/client.ts'
import { Events } from './events.tsx'
import { Facets } from './facets.tsx'
import { FirstRun } from './first-run.tsx'
import { Histogram } from './histogram.tsx'
import { LiveStatus } from './live-status.tsx'
import { OpenEvent } from './open-event.tsx'
import { SearchBox } from './search-box.tsx'
import { TimePicker } from './time-picker.tsx'
import { Count, Toolbar } from './toolbar.tsx'
import { useEventKeys } from './use-event-keys.ts'
import { useExplore, type ExploreModel } from './use-explore.ts'

/** The events: search, when they were, what is in them, and each by itself. */
export function Explore() {
  const model = useExplore()
  const { state, actions, items, tail, names } = model
  const [isTimeOpen, setTimeOpen] = useState(false)
  const [hasFacets, setFacets] = useState(false)
  const [isFirstRun, setFirstRun] = useState(false)
  const { selectedId, select } = useEventKeys({
    items,
    state,
    actions,
    onNewest: () => (state.isLive ? tail?.resume() : select(items[0]?.id)),
    onTime: () => setTimeOpen(true),
  })
  if (isFirstRun) return <FirstRun live={model.live} onLeave={() => setFirstRun(false)} />
  return (
    <div class={`explore ${hasFacets ? 'with-facets' : ''}`}>
      <h1 class="unseen">Explore</h1>
      <div class="explore-top">
        <SearchBox query={state.query} isTail={state.isLive} names={names} onSearch={model.search} />
        <TimePicker
          range={state.range}
          isLive={state.isLive}
          zone={state.zone}
          isOpen={isTimeOpen}
          onToggle={setTimeOpen}
          onRange={actions.setRange}
          onLive={actions.goLive}
          onZone={actions.setZone}
        />
      </div>
      <div class="explore-body">
        <Facets
          query={state.query}
          range={state.range}
          names={names}
          isReady={model.isAnswered}
          histogram={model.histogram.value}
          turn={model.facetsTurn}
          columns={state.columns}
          onToggle={(field, value, sense) => actions.toggle({ field, value }, sense)}
          onColumn={actions.toggleColumn}
        />
        <div class="explore-main">
          <Histogram answer={model.histogram.value} zone={state.zone} onRange={actions.setRange} />
          <Toolbar
            state={state}
            actions={actions}
            names={names}
            isTable={model.found?.table !== undefined}
            onFacets={() => setFacets(!hasFacets)}
          >
            <Says model={model} />
          </Toolbar>
          <Events model={model} selectedId={selectedId} onNothingYet={() => setFirstRun(true)} />
        </div>
        {state.eventId !== undefined && <OpenEvent id={state.eventId} items={items} state={state} actions={actions} />}
      </div>
    </div>
  )
}

function Says({ model: { state, tail, live, found, isAnswered, histogram } }: { model: ExploreModel }) {
  if (state.isLive) return <LiveStatus live={live} onPause={() => tail?.pause()} onResume={() => tail?.resume()} />
  if (!isAnswered) return <small>Searching …</small>
  if (!found || (found.problem && found.events.length === 0)) return null
  if (found.table) {
    const { query: q, range } = state
    return <a href={withParameters('/view/statistics', { q, ...range })}>Draw it, or download it</a>
  }
  const buckets = histogram.isLoading ? undefined : histogram.value?.buckets
  const total = buckets?.reduce((sum, bucket) => sum + bucket.total, 0)
  return <Count shown={found.events.length} total={total} elapsedMs={found.elapsedMs} />
}
