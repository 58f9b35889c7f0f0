import { useState } from 'preact/hooks'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { withParameters } from '../api/client.ts'
import { mayUse } from '../api/session.ts'
import { Button } from '../parts/button.tsx'
import { Choice } from '../parts/choice.tsx'
import { Field } from '../parts/field.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useInterval } from '../parts/use-interval.ts'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'
import '../style/sections.css'
import { StreamActions } from './stream-actions.tsx'
import { StreamLinks } from './stream-links.tsx'
import { STREAMS_PATH, type ListedStream } from './stream.ts'

const REFRESH_MS = 5000
const STATES = [
  ['', 'any'],
  ['live', 'live'],
  ['interrupted', 'interrupted'],
  ['finished', 'finished'],
] as const

/** Live streams: which there are, and the way to each. */
export function Streams() {
  const { router, client } = usePage()
  const { params } = router.place.value
  const prefix = params.get('prefix') ?? ''
  const state = STATES.find(([id]) => id === params.get('state'))?.[0] ?? ''
  const [text, setText] = useState(prefix)
  const question = { prefix, state, limit: 500 }
  const { value, problem, retry } = useLoad(JSON.stringify(question), (signal) =>
    client.get<{ streams: ListedStream[]; cursor: string | null }>(STREAMS_PATH, question, signal),
  )
  useInterval(retry, REFRESH_MS)
  const [turn, setTurn] = useState(0)
  const onChanged = (): void => {
    retry()
    setTurn(turn + 1)
  }
  return (
    <div class="sheet sections">
      <h1>Streams</h1>
      <form
        class="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          router.set({ prefix: text === '' ? undefined : text })
        }}
      >
        <Field class="grow" name="Names that begin with" value={text} onInput={setText} />
        <Choice
          name="State"
          value={state}
          choices={STATES}
          onChange={(wanted) => router.set({ state: wanted === '' ? undefined : wanted })}
        />
        <button class="button">Show</button>
      </form>
      {!value && (problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the streams" />)}
      {value && <List streams={value.streams} isNarrowed={prefix !== '' || state !== ''} onChanged={onChanged} />}
      {value && value.cursor !== null && <p class="soft">There are more: begin their name above.</p>}
      <StreamLinks turn={turn} />
    </div>
  )
}

interface ListProps {
  streams: readonly ListedStream[]
  isNarrowed: boolean
  onChanged: () => void
}

function List({ streams, isNarrowed, onChanged }: ListProps) {
  const { router, session } = usePage()
  const who = session.who.value
  if (streams.length === 0) {
    return isNarrowed ? (
      <Empty
        title="No stream is like that"
        steps={<Button onClick={() => router.go('/view/streams')}>Show all</Button>}
      />
    ) : (
      <Empty title="There is no stream yet">
        <p>The output of anything, from its first byte on, for any number of readers:</p>
        <pre>
          <code>{`make 2>&1 | curl -T - ${location.origin}/streams/ci/build-42`}</code>
        </pre>
      </Empty>
    )
  }
  return (
    <Table
      caption="Streams, the newest first"
      rows={streams}
      keyOf={({ name }) => name}
      columns={[
        { name: 'State', cell: ({ state }) => <span class={`stream-${state}`}>{state}</span> },
        { name: 'Name', cell: ({ name, url }) => <a href={url}>{name}</a> },
        { name: 'Size', isNumber: true, cell: ({ size }) => formatSize(size) },
        {
          name: 'Lines',
          isNumber: true,
          cell: ({ name, lines }) =>
            lines === null ? (
              '–'
            ) : (
              <a href={withParameters('/', { q: `source:${JSON.stringify(name)}`, start: 'all' })}>
                {formatCount(lines)}
              </a>
            ),
        },
        { name: 'Started', cell: ({ started }) => <When time={started} /> },
        { name: 'Ended', cell: ({ ended }) => (ended === null ? '–' : <When time={ended} />) },
        { name: 'Readers', isNumber: true, cell: ({ readers }) => formatCount(readers) },
        { name: 'From', cell: ({ host }) => host },
        {
          name: 'Change',
          cell: (stream) => (
            <StreamActions stream={stream} isAdmin={who !== undefined && mayUse(who, 'admin')} onChanged={onChanged} />
          ),
        },
      ]}
    />
  )
}
