import { escapeText } from '../../src/core/escape.ts'
import type { EventJson } from '../../src/core/event.ts'
import { Button } from '../parts/button.tsx'
import { Empty, Failure } from '../parts/states.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { chunksOf, splitPipes, withoutChunk } from '../query/filter-text.ts'
import { absoluteRange, ALL_TIME } from '../time/range.ts'
import { ageText } from '../time/zone.ts'
import type { ExploreActions, ExploreState } from './state.ts'

export interface NothingFoundProps {
  state: ExploreState
  actions: ExploreActions
  /** There is nothing on the server at all. */
  onNothingYet: () => void
}

const PIECES_MAX = 4
const LOOK_AROUND_MS = 5 * 60_000

interface Newest {
  /** Of those that match, at any time. */
  match: EventJson | undefined
  /** Of all. */
  any: EventJson | undefined
}

/** Nothing matches: says where something would be. */
export function NothingFound({ state, actions, onNothingYet }: NothingFoundProps) {
  const { client } = usePage()
  const { filter } = splitPipes(state.query)
  const newest = (query: string, signal: AbortSignal): Promise<EventJson | undefined> =>
    client.get<{ events?: EventJson[] }>('/api/v1/query', { query, limit: 1 }, signal).then(({ events }) => events?.[0])
  const { value, problem, isLoading } = useLoad(
    JSON.stringify(['newest', filter, state.isLive]),
    async (signal): Promise<Newest> => {
      const match = await newest(filter, signal)
      const any = match ?? (filter === '' ? undefined : await newest('', signal))
      if (!any) onNothingYet()
      return { match, any }
    },
  )
  if (problem) return <Failure problem={problem} />
  if (!value || isLoading) return null
  if (value.match) return <Elsewhere match={value.match} state={state} actions={actions} />
  return <Nowhere state={state} actions={actions} />
}

function Elsewhere({ match, state, actions }: { match: EventJson; state: ExploreState; actions: ExploreActions }) {
  if (state.isLive) {
    return (
      <Empty title="Waiting for events">
        <p>Events that match show up here as they arrive.</p>
      </Empty>
    )
  }
  const at = new Date(match.timestamp)
  const range = absoluteRange({ fromMs: at.getTime() - LOOK_AROUND_MS, toMs: at.getTime() + LOOK_AROUND_MS })
  const whose = match.service === '' ? '' : ` of ${escapeText(match.service)}`
  return (
    <Empty
      title="Nothing matches in this time"
      steps={
        <>
          <Button kind="primary" onClick={() => actions.setRange(range)}>
            Look there
          </Button>
          <Button onClick={() => actions.setRange({ start: ALL_TIME, end: undefined })}>Search all time</Button>
        </>
      }
    >
      <p>
        The newest event{whose} that does is from {ageText(at, Date.now())}.
      </p>
    </Empty>
  )
}

function Nowhere({ state, actions }: Pick<NothingFoundProps, 'state' | 'actions'>) {
  const pieces = chunksOf(splitPipes(state.query).filter).slice(0, PIECES_MAX)
  return (
    <Empty
      title="No event matches this, at any time"
      steps={
        <>
          {pieces.length > 1 &&
            pieces.map((piece, index) => (
              <Button key={`${index} ${piece}`} onClick={() => actions.search(withoutChunk(state.query, index))}>
                Without <code>{escapeText(piece.slice(0, 40))}</code>
              </Button>
            ))}
          <Button onClick={() => actions.search('')}>Show everything</Button>
        </>
      }
    >
      {state.isLive && <p>If one arrives, it shows up here.</p>}
    </Empty>
  )
}
