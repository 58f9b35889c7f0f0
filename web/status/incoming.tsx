import type { Status } from '../../src/api/status-schema.ts'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { rateText } from '../parts/figures.ts'
import { Pairs } from '../parts/pairs.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Table } from '../parts/table.tsx'

/** What comes in, by source. */
export function Incoming({ status: { ingest, listeners } }: { status: Status }) {
  const { rates, accepted } = ingest
  const names = [...new Set([...Object.keys(accepted.bySource), ...Object.keys(rates)])].toSorted()
  return (
    <section aria-labelledby="incoming">
      <h2 id="incoming">Coming in</h2>
      {names.length === 0 ? (
        <p class="soft">Nothing has come in since the server started.</p>
      ) : (
        <Table
          caption="What comes in, by source"
          isAlwaysTable
          rows={names}
          keyOf={(name) => name}
          columns={[
            { name: 'Source', cell: (name) => <strong>{name}</strong> },
            {
              name: 'Events',
              isNumber: true,
              cell: (name) => rateText(rates[name]?.eventsPerSecond ?? 0),
            },
            { name: 'Bytes', isNumber: true, cell: (name) => `${formatSize(rates[name]?.bytesPerSecond ?? 0)}/s` },
            {
              name: 'Last hour',
              cell: (name) => {
                const minutes = rates[name]?.minutes ?? []
                const total = minutes.reduce((sum, count) => sum + count, 0)
                return <Sparkline values={minutes} name={`${formatCount(total)} events in the last hour, by minute`} />
              },
            },
            { name: 'Since start', isNumber: true, cell: (name) => formatCount(accepted.bySource[name] ?? 0) },
          ]}
        />
      )}
      <h3>Listening on</h3>
      <Pairs pairs={Object.entries(listeners).map(([name, address]) => [name, <code>{address}</code>])} />
    </section>
  )
}
