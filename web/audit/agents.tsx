import type { Status } from '../../src/api/status-schema.ts'
import { escapeText } from '../../src/core/escape.ts'
import { formatCount } from '../../src/core/units.ts'
import { Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useInterval } from '../parts/use-interval.ts'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'

const REFRESH_MS = 10_000

/** Who sends audit records: alive, or silent since when. */
export function Agents() {
  const { client } = usePage()
  const { value, problem, retry } = useLoad('agents', (signal) => client.get<Status>('/api/v1/status', {}, signal))
  useInterval(retry, REFRESH_MS)
  const agents = value?.audit.agents
  return (
    <section aria-labelledby="agents">
      <h2 id="agents">Agents</h2>
      {!agents && (problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the agents" />)}
      {agents?.length === 0 && <p class="soft">No program has sent audit records since the server started.</p>}
      {agents && agents.length > 0 && <AgentTable agents={agents} />}
    </section>
  )
}

/** Also part of the status. */
export function AgentTable({ agents }: { agents: Status['audit']['agents'] }) {
  const silent = agents.filter(({ silentSince }) => silentSince !== null).length
  return (
    <Table
      caption={`${agents.length - silent} alive, ${silent} silent`}
      isCaptionSeen
      rows={agents}
      keyOf={(_agent, index) => index}
      columns={[
        {
          name: 'State',
          cell: ({ silentSince }) =>
            silentSince === null ? (
              <span class="good">alive</span>
            ) : (
              <span class="problem">
                silent, last heard of <When time={silentSince} />
              </span>
            ),
        },
        { name: 'Host', cell: ({ host }) => escapeText(host) },
        { name: 'Service', cell: ({ serviceTreeId }) => escapeText(serviceTreeId ?? '–') },
        {
          name: 'Client',
          cell: ({ language, version }) => escapeText([language, version].filter(Boolean).join(' ') || '–'),
        },
        {
          name: 'Heartbeat',
          cell: ({ lastHeartbeat }) => (lastHeartbeat ? <When time={lastHeartbeat} /> : 'none yet'),
        },
        { name: 'Last record', cell: ({ lastRecord }) => (lastRecord ? <When time={lastRecord} /> : 'none yet') },
        { name: 'Records', isNumber: true, cell: ({ records }) => formatCount(records) },
        { name: 'Invalid', isNumber: true, cell: ({ invalid }) => formatCount(invalid) },
      ]}
    />
  )
}
