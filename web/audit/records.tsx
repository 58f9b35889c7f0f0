import type { ComponentChildren } from 'preact'
import { escapeText } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { withParameters } from '../api/client.ts'
import { eventLink } from '../explore/links.ts'
import { ExportButtons } from '../export/export-buttons.tsx'
import { Button } from '../parts/button.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'
import type { Trail } from './trail.ts'

const ROWS = 200

/** The newest events of a trail, as what they say: who, what, from where. */
export function Records({ trail }: { trail: Trail }) {
  const { router, client } = usePage()
  const shown = router.place.value.params.get('show')
  const term = trail.narrowed.find(([id]) => id === shown)?.[2]
  const query = term === undefined ? trail.filter : `${trail.filter} ${term}`
  const { value, problem, retry } = useLoad(query, (signal) =>
    client.get<{ events: EventJson[]; cursor: string | null }>('/api/v1/query', { query, limit: ROWS }, signal),
  )
  return (
    <section aria-labelledby="records">
      <h2 id="records">{trail.name}</h2>
      <div class="row">
        <div class="switch" role="group" aria-label="Which of them">
          <Button isPressed={term === undefined} onClick={() => router.set({ show: undefined })}>
            All
          </Button>
          {trail.narrowed.map(([id, name]) => (
            <Button key={id} isPressed={id === shown} onClick={() => router.set({ show: id })}>
              {name}
            </Button>
          ))}
        </div>
        <a class="button" href={withParameters('/', { q: query, start: '-7d' })}>
          Search in them
        </a>
        <div class="downloads">
          <ExportButtons query={query} start={undefined} end={undefined} />
        </div>
      </div>
      {problem && <Failure problem={problem} onRetry={retry} />}
      {!value && !problem && <Loading what="the records" />}
      {value && !problem && <Rows trail={trail} events={value.events} hasMore={value.cursor !== null} />}
    </section>
  )
}

const BAD: ReadonlySet<string> = new Set(['Failure', 'invalid'])

function Rows({ trail, events, hasMore }: { trail: Trail; events: readonly EventJson[]; hasMore: boolean }) {
  if (events.length === 0) {
    return (
      <Empty title="There are none">
        <p>{trail.hint}</p>
      </Empty>
    )
  }
  return (
    <>
      <Table
        caption="The newest first"
        rows={events}
        keyOf={({ id }) => id}
        columns={[
          {
            name: 'Time',
            cell: (event: EventJson) => (
              <a href={eventLink(event)}>
                <When time={event.timestamp} isExact />
              </a>
            ),
          },
          ...trail.columns.map(([name, cell]) => ({
            name,
            cell: (event: EventJson) => resultText(escapeText(cell(event))),
          })),
        ]}
      />
      {hasMore && <p class="soft">These are the newest {ROWS}. “Search in them” leads to all.</p>}
    </>
  )
}

/** What did not go well is seen at once. */
function resultText(text: string): ComponentChildren {
  return BAD.has(text) ? <span class="problem">{text}</span> : text || '–'
}
