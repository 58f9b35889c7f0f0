import type { ComponentChildren } from 'preact'
import { escapeLines, escapeText } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { senseOf } from '../query/filter-text.ts'
import { Button } from '../parts/button.tsx'
import { copyText } from '../parts/copy.ts'
import { usePage } from '../shell/page.ts'
import { valueOf } from './items.ts'
import { traceLink } from './links.ts'
import type { ExploreActions, ExploreState } from './state.ts'

export interface DetailFieldsProps {
  event: EventJson
  state: ExploreState
  actions: ExploreActions
}

const FIELDS = ['timestamp', 'received', 'level', 'service', 'host', 'source', 'trace_id', 'span_id', 'node']
const VALUE_CHARS_MAX = 2000

/** Every field that the event has, with what can be done with it. */
export function DetailFields({ event, state, actions }: DetailFieldsProps) {
  const own = FIELDS.map((name): [string, string] => [name, valueOf(event, name)]).filter(([, value]) => value !== '')
  const attributes = Object.entries(event.attributes).sort(([a], [b]) => a.localeCompare(b))
  return (
    <table class="fields">
      <caption class="unseen">Fields of the event</caption>
      <colgroup>
        <col class="field-name" />
        <col />
        <col class="field-does" />
      </colgroup>
      <thead class="unseen">
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Value</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {[...own, ...attributes].map(([name, value]) => (
          <FieldRow key={name} name={name} value={value} event={event} state={state} actions={actions} />
        ))}
      </tbody>
    </table>
  )
}

/** A long name is broken after its dots and dashes. */
function breakable(name: string): ComponentChildren {
  return name.split(/(?<=[./_-])/).flatMap((part, index) => (index === 0 ? [part] : [<wbr key={index} />, part]))
}

function FieldRow({ name, value, event, state, actions }: DetailFieldsProps & { name: string; value: string }) {
  const { toasts } = usePage()
  const shown = escapeText(name)
  const isTime = name === 'timestamp' || name === 'received'
  const sense = senseOf(state.query, { field: name, value })
  const isLong = value.length > VALUE_CHARS_MAX
  return (
    <tr>
      <th scope="row">{breakable(shown)}</th>
      <td>
        {name === 'trace_id' ? (
          <a href={traceLink(event)} title="All events of this trace">
            {escapeText(value)}
          </a>
        ) : (
          escapeLines(isLong ? value.slice(0, VALUE_CHARS_MAX) : value)
        )}
        {isLong && <small> … {(value.length - VALUE_CHARS_MAX).toLocaleString('en')} more; Copy takes all</small>}
      </td>
      <td class="field-actions">
        <Button kind="quiet" isSmall icon="copy" label={`Copy ${shown}`} onClick={() => void copyText(value, toasts)} />
        {!isTime && (
          <>
            <Button
              kind="quiet"
              isSmall
              icon="include"
              label={`Only events with this ${shown}`}
              isPressed={sense === 'include'}
              onClick={() => actions.toggle({ field: name, value }, 'include')}
            />
            <Button
              kind="quiet"
              isSmall
              icon="exclude"
              label={`No events with this ${shown}`}
              isPressed={sense === 'exclude'}
              onClick={() => actions.toggle({ field: name, value }, 'exclude')}
            />
          </>
        )}
        {name !== 'level' && name !== 'timestamp' && (
          <Button
            kind="quiet"
            isSmall
            icon="column"
            label={`Column ${shown}`}
            isPressed={state.columns.includes(name)}
            onClick={() => actions.toggleColumn(name)}
          />
        )}
      </td>
    </tr>
  )
}
