import { useState } from 'preact/hooks'
import { escapeJson, escapeLines } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { Button } from '../parts/button.tsx'
import { copyText } from '../parts/copy.ts'
import { usePage } from '../shell/page.ts'
import { ageText, momentText, type Zone } from '../time/zone.ts'
import { DetailFields } from './detail-fields.tsx'
import { eventLink, traceLink } from './links.ts'
import type { ExploreActions, ExploreState } from './state.ts'
import { Surroundings } from './surroundings.tsx'

export interface DetailProps {
  event: EventJson
  state: ExploreState
  actions: ExploreActions
  onClose: () => void
}

const TABS = ['Fields', 'JSON', 'Surrounding lines'] as const
type Tab = (typeof TABS)[number]

/** Everything about one event. */
export function Detail({ event, state, actions, onClose }: DetailProps) {
  const [tab, setTab] = useState<Tab>('Fields')
  return (
    <aside class="detail" aria-label="Event">
      <Head event={event} zone={state.zone} onClose={onClose} />
      {event.message !== '' && <MessageText text={event.message} />}
      <div class="tabs" role="tablist" aria-label="Ways to see the event">
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${TABS.indexOf(name)}`}
            aria-selected={tab === name}
            aria-controls="tab-panel"
            tabIndex={tab === name ? 0 : -1}
            onClick={() => setTab(name)}
            onKeyDown={({ key, currentTarget }) => {
              const step = { ArrowRight: 1, ArrowLeft: -1 }[key]
              if (step === undefined) return
              const next = (TABS.indexOf(name) + step + TABS.length) % TABS.length
              setTab(TABS[next] ?? 'Fields')
              currentTarget.parentElement?.querySelectorAll('button')[next]?.focus()
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${TABS.indexOf(tab)}`} tabIndex={0}>
        {tab === 'Fields' && <DetailFields event={event} state={state} actions={actions} />}
        {tab === 'JSON' && <JsonText event={event} />}
        {tab === 'Surrounding lines' && <Surroundings event={event} zone={state.zone} onOpen={actions.openEvent} />}
      </div>
    </aside>
  )
}

function Head({ event, zone, onClose }: { event: EventJson; zone: Zone; onClose: () => void }) {
  const { toasts } = usePage()
  const time = new Date(event.timestamp)
  const link = eventLink(event)
  return (
    <div class="detail-head">
      <div>
        <h2>
          <span class={`level-name level-${event.level}`}>{event.level}</span> {momentText(time, zone)}
        </h2>
        <small>{ageText(time, Date.now())}</small>
      </div>
      <div class="detail-actions">
        {event.trace_id !== '' && (
          <a class="button quiet small" href={traceLink(event)}>
            Trace
          </a>
        )}
        <Button
          kind="quiet"
          isSmall
          icon="link"
          label="Copy the link to this event"
          onClick={() => void copyText(new URL(link, location.href).href, toasts, 'Link copied')}
        />
        <Button
          kind="quiet"
          isSmall
          icon="copy"
          label="Copy the message"
          onClick={() => void copyText(event.message, toasts, 'Message copied')}
        />
        <Button kind="quiet" isSmall icon="close" label="Close (Esc)" onClick={onClose} />
      </div>
    </div>
  )
}

/** Characters of a message that are drawn unless somebody asks for all. */
const SHOWN_CHARS = 20_000

function MessageText({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > SHOWN_CHARS && !isWhole
  return (
    <div class="detail-message" tabIndex={0} role="group" aria-label="Message">
      <pre>{escapeLines(isLong ? text.slice(0, SHOWN_CHARS) : text)}</pre>
      {isLong && (
        <Button isSmall onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString('en')} characters
        </Button>
      )}
    </div>
  )
}

function JsonText({ event }: { event: EventJson }) {
  const { toasts } = usePage()
  const json = JSON.stringify(event, undefined, 2)
  return (
    <div class="json">
      <Button isSmall icon="copy" onClick={() => void copyText(json, toasts, 'JSON copied')}>
        Copy
      </Button>
      <pre>{escapeJson(json)}</pre>
    </div>
  )
}
