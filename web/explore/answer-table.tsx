import { escapeText } from '../../src/core/escape.ts'
import { Table } from '../parts/table.tsx'
import type { ResultsState } from './results.ts'

/** What stats, top and timechart answer. */
export function AnswerTable({
  table: { columns = [], rows = [], truncated },
}: {
  table: NonNullable<ResultsState['table']>
}) {
  return (
    <div class="answer-table">
      <Table
        caption={`${rows.length.toLocaleString('en')} rows${truncated ? '; there are more' : ''}`}
        isCaptionSeen
        columns={columns.map(({ name, type }, index) => ({
          name: escapeText(name),
          isNumber: type === 'number',
          cell: (row: unknown[]) => cellText(row[index]),
        }))}
        rows={rows}
        keyOf={(_row, index) => index}
      />
    </div>
  )
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') return value.toLocaleString('en', { maximumFractionDigits: 3 })
  return escapeText(typeof value === 'string' ? value : JSON.stringify(value))
}
