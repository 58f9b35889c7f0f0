import { useState } from 'preact/hooks'
import type { EventJson } from '../../src/core/event.ts'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'

/** The newest events that match. */
export function Explore() {
  const { router, client } = usePage()
  const query = router.place.value.params.get('q') ?? ''
  const [text, setText] = useState(query)
  const { value, problem, retry } = useLoad(query, (signal) =>
    client.get<{ events: EventJson[] }>('/api/v1/query', { query, limit: 200 }, signal),
  )
  return (
    <div class="sheet">
      <h1 class="unseen">Explore</h1>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          router.set({ q: text === '' ? undefined : text })
        }}
      >
        <label class="labelled">
          Query
          <input class="field" type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      </form>
      {problem && <Failure problem={problem} onRetry={retry} />}
      {!value && !problem && <Loading what="events" />}
      {value?.events.length === 0 && <Empty title="Nothing matches" />}
      {value && value.events.length > 0 && (
        <Table
          caption="Newest events"
          rows={value.events}
          keyOf={({ id }) => id}
          columns={[
            { name: 'Time', cell: ({ timestamp }) => timestamp },
            { name: 'Level', cell: ({ level }) => level },
            { name: 'Service', cell: ({ service }) => service },
            { name: 'Message', cell: ({ message }) => <code>{message}</code> },
          ]}
        />
      )}
    </div>
  )
}
