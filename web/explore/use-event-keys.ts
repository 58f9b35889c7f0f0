import { useState } from 'preact/hooks'
import { useCommands } from '../shell/use-commands.ts'
import { isError, isGap, type ListItem } from './items.ts'
import type { ExploreActions, ExploreState } from './state.ts'

export interface EventKeys {
  selectedId: string | undefined
  select: (id: string | undefined) => void
}

interface EventKeysOptions {
  items: readonly ListItem[]
  state: ExploreState
  actions: ExploreActions
  /** The end of a live list, the top of a search. */
  onNewest: () => void
  onTime: () => void
}

/** Moving through the events without a mouse. Whose details are open changes with the selection. */
export function useEventKeys({ items, state, actions, onNewest, onTime }: EventKeysOptions): EventKeys {
  const [own, setOwn] = useState<string>()
  const selectedId = state.eventId ?? own
  const select = (id: string | undefined): void => {
    setOwn(id)
    if (state.eventId !== undefined && id !== undefined) actions.openEvent(id)
  }
  const move = (step: 1 | -1, fits: (item: ListItem) => boolean): void => {
    const at = items.findIndex(({ id }) => id === selectedId)
    // Without a selection one begins at the newest.
    const newest = state.isLive ? items.length : -1
    const from = at === -1 ? newest : at
    const first = at === -1 && state.isLive ? -1 : step
    for (let index = from + first; index >= 0 && index < items.length; index += first) {
      const item = items[index]
      if (item && !isGap(item) && fits(item)) return select(item.id)
    }
  }
  useCommands([
    { name: 'Next event', key: 'j', isHidden: true, run: () => move(1, any) },
    { name: 'Previous event', key: 'k', isHidden: true, run: () => move(-1, any) },
    { name: 'Next event ', key: 'ArrowDown', isHidden: true, run: () => move(1, any) },
    { name: 'Previous event ', key: 'ArrowUp', isHidden: true, run: () => move(-1, any) },
    { name: 'Open the event', key: 'Enter', isHidden: true, run: () => actions.openEvent(selectedId) },
    { name: 'Close the event', key: 'Escape', isHidden: true, run: () => actions.openEvent(undefined) },
    { name: 'Next error', key: 'e', run: () => move(1, isError) },
    { name: 'Previous error', key: 'E', run: () => move(-1, isError) },
    { name: 'Wrap lines', key: 'w', run: actions.toggleWrap },
    { name: 'Comfortable or compact rows', run: actions.toggleDensity },
    { name: 'Choose a time', key: 't', run: onTime },
    { name: state.isLive ? 'Stop the live tail' : 'Live tail', key: 'l', run: actions.toggleLive },
    { name: 'Newest event', key: 'G', run: onNewest },
    {
      name: state.zone === 'utc' ? 'Times of this browser’s zone' : 'Times in UTC',
      run: () => actions.setZone(state.zone === 'utc' ? 'local' : 'utc'),
    },
  ])
  return { selectedId, select }
}

const any = (): boolean => true
