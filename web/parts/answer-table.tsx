import { escapeText } from '../../src/core/escape.ts'
import { numberText } from './figures.ts'
import { Table } from './table.tsx'

export interface AnswerRows {
  columns?: readonly { name: string; type: string }[]
  rows?: readonly (readonly unknown[])[]
  truncated?: boolean
}

/** What stats, top and timechart answer. */
export function AnswerTable({ table: { columns = [], rows = [], truncated = false } }: { table: AnswerRows }) {
  return (
    <div class="answer-table">
      <Table
        caption={`${rows.length.toLocaleString('en')} rows${truncated ? '; there are more' : ''}`}
        isCaptionSeen
        isAlwaysTable
        columns={columns.map(({ name, type }, index) => ({
          name: escapeText(name),
          isNumber: type === 'number',
          cell: (row: readonly unknown[]) => cellText(row[index]),
        }))}
        rows={rows}
        keyOf={(_row, index) => index}
      />
    </div>
  )
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (value === '') return '(none)'
  if (typeof value === 'number') return numberText(value)
  return escapeText(typeof value === 'string' ? value : JSON.stringify(value))
}
