import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Popover } from '../parts/popover.tsx'
import { useMedia } from '../parts/use-media.ts'
import { ColumnPicker } from './column-picker.tsx'
import type { FieldNames } from './field-names.ts'
import type { ExploreActions, ExploreState } from './state.ts'

export interface ToolbarProps {
  state: ExploreState
  actions: ExploreActions
  names: FieldNames | undefined
  onFacets: () => void
  /** What is shown is a table: it has columns of its own. */
  isTable: boolean
  /** What is shown: how many, how fast. */
  children: ComponentChildren
}

export function Toolbar({ state, actions, names, onFacets, isTable, children }: ToolbarProps) {
  return (
    <div class="toolbar" role="toolbar" aria-label="View of the events">
      <Button class="facets-button" isSmall icon="filter" label="Facets" onClick={onFacets}>
        Facets
      </Button>
      <div class="toolbar-says">{children}</div>
      {!isTable && <ListLook state={state} actions={actions} names={names} />}
    </div>
  )
}

/** How the list of events looks. */
function ListLook({ state, actions, names }: Pick<ToolbarProps, 'state' | 'actions' | 'names'>) {
  const [isChoosing, setChoosing] = useState(false)
  const isNarrow = useMedia('(max-width: 720px)')
  const name = isNarrow ? { label: 'Columns' } : { children: 'Columns' }
  return (
    <>
      <Popover
        title="Columns"
        side="right"
        isOpen={isChoosing}
        onToggle={setChoosing}
        button={{ kind: 'quiet', isSmall: true, icon: 'column', ...name }}
      >
        <ColumnPicker names={names} columns={state.columns} onToggle={actions.toggleColumn} />
      </Popover>
      <Button
        kind="quiet"
        isSmall
        icon="wrap"
        label="Wrap lines (w)"
        isPressed={state.isWrapped}
        onClick={actions.toggleWrap}
      />
      <Button
        kind="quiet"
        isSmall
        icon="rows"
        label="Comfortable rows"
        isPressed={state.isComfortable}
        onClick={actions.toggleDensity}
      />
    </>
  )
}

export function Count({
  shown,
  total,
  elapsedMs,
}: {
  shown: number
  total: number | undefined
  elapsedMs: number | undefined
}) {
  const all = Math.max(total ?? 0, shown)
  return (
    <>
      <strong>{all.toLocaleString('en')}</strong> {all === 1 ? 'event' : 'events'}
      {elapsedMs !== undefined && <small> in {Math.max(1, Math.round(elapsedMs))} ms</small>}
    </>
  )
}
