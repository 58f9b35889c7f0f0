import { useEffect, useRef, useState } from 'preact/hooks'
import { escapeText } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { Button } from '../parts/button.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { clockText, type Zone } from '../time/zone.ts'

interface Context {
  before: EventJson[]
  event: EventJson
  after: EventJson[]
}

export interface SurroundingsProps {
  event: EventJson
  zone: Zone
  onOpen: (id: string) => void
}

const STEP = 20
const LINES_MAX = 1000
const LINE_CHARS_MAX = 1000

/** What the same source on the same host said just before and after. */
export function Surroundings({ event, zone, onOpen }: SurroundingsProps) {
  const { client } = usePage()
  const [lines, setLines] = useState(STEP)
  const parameters = { before: lines, after: lines }
  const { value, problem, retry } = useLoad(JSON.stringify([event.id, lines]), (signal) =>
    client.get<Context>(`/api/v1/context/${encodeURIComponent(event.id)}`, parameters, signal),
  )
  const own = useRef<HTMLLIElement>(null)
  useEffect(() => own.current?.scrollIntoView({ block: 'center' }), [value])
  if (problem) return <Failure problem={problem} onRetry={retry} />
  if (!value) return <Loading what="what was said before and after" />
  const more = (
    <Button isSmall isDisabled={lines >= LINES_MAX} onClick={() => setLines(Math.min(LINES_MAX, lines * 3))}>
      More
    </Button>
  )
  return (
    <div class="surroundings">
      <p class="note">
        {escapeText(event.source || 'no source')} on {escapeText(event.host || 'no host')}
      </p>
      {value.before.length >= lines && more}
      <ol>
        {[...value.before, value.event, ...value.after].map((line) => (
          <li
            key={line.id}
            ref={line.id === event.id ? own : null}
            class={`level-${line.level}`}
            aria-current={line.id === event.id ? 'true' : undefined}
          >
            <button type="button" onClick={() => onOpen(line.id)}>
              <span class="time">{clockText(new Date(line.timestamp), zone)}</span>{' '}
              {escapeText(line.message.slice(0, LINE_CHARS_MAX))}
            </button>
          </li>
        ))}
      </ol>
      {value.after.length >= lines && more}
    </div>
  )
}
