import type { Status } from '../../src/api/status-schema.ts'
import { escapeText } from '../../src/core/escape.ts'
import { formatDuration, NS_PER_SECOND } from '../../src/core/time.ts'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'

/** Who ships log files here: when each was heard of last, and how far behind its files it is. */
export function FileAgents({ status: { agents } }: { status: Status }) {
  return (
    <section aria-labelledby="file-agents">
      <h2 id="file-agents">Agents</h2>
      <Table
        caption="Agents that ship log files"
        rows={agents}
        keyOf={({ agent }) => agent}
        columns={[
          { name: 'Host', cell: ({ host }) => <strong>{escapeText(host)}</strong> },
          { name: 'Version', cell: ({ version }) => escapeText(version) },
          {
            name: 'Last seen',
            cell: ({ lastSeen, isAway }) =>
              isAway ? (
                <span class="problem">
                  away, <When time={lastSeen} />
                </span>
              ) : (
                <When time={lastSeen} />
              ),
          },
          { name: 'Files', isNumber: true, cell: ({ files }) => formatCount(files) },
          { name: 'Behind', isNumber: true, cell: behindText },
          {
            name: 'Unreadable',
            isNumber: true,
            cell: ({ problems }) => (problems === 0 ? '0' : <span class="problem">{formatCount(problems)}</span>),
          },
          { name: 'Events', isNumber: true, cell: ({ events }) => formatCount(events) },
        ]}
      />
    </section>
  )
}

function behindText({ behindBytes, behindSeconds }: Status['agents'][number]): string {
  if (behindBytes === 0) return '-'
  return `${formatSize(behindBytes)}, ${formatDuration(BigInt(Math.round(behindSeconds)) * NS_PER_SECOND)}`
}
