import { formatCount, formatSize } from '../../src/core/units.ts'
import type { DoomedEvents } from '../api/saved.ts'
import { plural } from '../parts/figures.ts'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'

/** What rules would delete if they were applied now. */
export function Doomed({ rules }: { rules: readonly DoomedEvents[] }) {
  const events = rules.reduce((sum, rule) => sum + rule.events, 0)
  const bytes = rules.reduce((sum, rule) => sum + rule.bytes, 0)
  return (
    <div class="form" role="status">
      <p>
        {events === 0
          ? 'Now they would delete nothing.'
          : `Now they would delete ${plural(events, 'event')}, about ${formatSize(bytes)}.`}
      </p>
      {events > 0 && (
        <Table
          caption="What each rule would delete"
          rows={rules}
          keyOf={(_rule, index) => index}
          columns={[
            { name: 'Filter', cell: ({ filter }) => (filter === '*' ? 'everything else' : <code>{filter}</code>) },
            { name: 'Kept for', cell: ({ age }) => age },
            { name: 'Events', isNumber: true, cell: (rule) => formatCount(rule.events) },
            { name: 'Bytes', isNumber: true, cell: (rule) => formatSize(rule.bytes) },
            { name: 'Oldest', cell: ({ oldest }) => (oldest === null ? '–' : <When time={oldest} isExact />) },
            { name: 'Newest', cell: ({ newest }) => (newest === null ? '–' : <When time={newest} isExact />) },
          ]}
        />
      )}
    </div>
  )
}
