import type { Status as ServerStatus } from '../../src/api/status-schema.ts'
import { AgentTable } from '../audit/agents.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { useInterval } from '../parts/use-interval.ts'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import '../style/sections.css'
import { FileAgents } from './file-agents.tsx'
import { Incoming } from './incoming.tsx'
import { Losses } from './losses.tsx'
import { Overview } from './overview.tsx'
import { Server } from './server.tsx'
import { SlowQueries } from './slow-queries.tsx'
import { Storage } from './storage.tsx'

const REFRESH_MS = 5000

/** What the server is doing, as it is now. */
export function Status() {
  const { client } = usePage()
  const { value, problem, retry } = useLoad('status', (signal) =>
    client.get<ServerStatus>('/api/v1/status', {}, signal),
  )
  useInterval(retry, REFRESH_MS)
  if (!value) return problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the status" />
  return (
    <div class="sheet sections">
      <h1>Status</h1>
      <Overview status={value} />
      <Incoming status={value} />
      <Losses status={value} />
      <Storage status={value} />
      {value.agents.length > 0 && <FileAgents status={value} />}
      {value.audit.agents.length > 0 && (
        <section aria-labelledby="audit-agents">
          <h2 id="audit-agents">Agents of audit</h2>
          <AgentTable agents={value.audit.agents} />
        </section>
      )}
      <SlowQueries status={value} />
      <Server status={value} />
    </div>
  )
}
