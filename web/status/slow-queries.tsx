import type { Status } from '../../src/api/status-schema.ts'
import { formatCount } from '../../src/core/units.ts'
import { withParameters } from '../api/client.ts'
import { tookText } from '../parts/figures.ts'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'

/** Questions that took long, and who asked them. */
export function SlowQueries({ status: { slowQueries } }: { status: Status }) {
  const { thresholdMs, newest } = slowQueries
  return (
    <section aria-labelledby="slow">
      <h2 id="slow">Slow queries</h2>
      {newest.length === 0 ? (
        <p class="soft">No query has taken longer than {tookText(thresholdMs)}.</p>
      ) : (
        <Table
          caption="Slow queries, newest first"
          rows={newest}
          keyOf={({ route, query, start, end, key }) => JSON.stringify([route, query, start, end, key.id])}
          columns={[
            { name: 'Last', cell: ({ at }) => <When time={at} /> },
            { name: 'Took', isNumber: true, cell: ({ tookMs }) => tookText(tookMs) },
            {
              name: 'Rows read',
              isNumber: true,
              cell: ({ rowsRead }) => (rowsRead === null ? '–' : formatCount(rowsRead)),
            },
            { name: 'Times', isNumber: true, cell: ({ times }) => formatCount(times) },
            {
              name: 'Query',
              cell: ({ query, start, end, route }) => (
                <>
                  <a href={withParameters('/', { q: query, start: start || 'all', end })}>
                    <code>{query === '' ? 'everything' : query}</code>
                  </a>{' '}
                  <span class="soft">{placeOf(route, start, end)}</span>
                </>
              ),
            },
            { name: 'Key', cell: ({ key }) => key.name || key.id || 'anybody' },
          ]}
        />
      )}
    </section>
  )
}

function placeOf(route: string, start: string, end: string): string {
  const what = route.replace('/api/v1/', '')
  return [what === 'query' ? '' : what, start && `from ${start}`, end && `to ${end}`].filter(Boolean).join(' ')
}
