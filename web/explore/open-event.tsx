import type { EventJson } from '../../src/core/event.ts'
import { Failure } from '../parts/states.tsx'
import { Button } from '../parts/button.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { Detail } from './detail.tsx'
import { isGap, type ListItem } from './items.ts'
import type { ExploreActions, ExploreState } from './state.ts'

export interface OpenEventProps {
  id: string
  items: readonly ListItem[]
  state: ExploreState
  actions: ExploreActions
}

/** Whole events are in the list already; others, and those that a query made smaller, are asked for. */
export function OpenEvent({ id, items, state, actions }: OpenEventProps) {
  const { client } = usePage()
  const { value, problem, retry } = useLoad(id, async (signal) => {
    const listed = items.find((item) => item.id === id)
    if (listed && !isGap(listed) && isWhole(listed)) return listed
    const path = `/api/v1/context/${encodeURIComponent(id)}`
    const { event } = await client.get<{ event: EventJson }>(path, { before: 0, after: 0 }, signal)
    return event
  })
  const close = (): void => actions.openEvent(undefined)
  if (problem) {
    return (
      <aside class="detail" aria-label="Event">
        <div class="detail-head">
          <h2>Event</h2>
          <Button kind="quiet" isSmall icon="close" label="Close (Esc)" onClick={close} />
        </div>
        <Failure problem={problem} onRetry={retry} />
      </aside>
    )
  }
  if (!value) return <aside class="detail" aria-label="Event" aria-busy="true" />
  return <Detail event={value} state={state} actions={actions} onClose={close} />
}

function isWhole(event: EventJson): boolean {
  const parts: Partial<EventJson> = event
  return parts.attributes !== undefined && parts.message !== undefined && parts.timestamp !== undefined
}
