import { escapeText } from '../../src/core/escape.ts'
import { Table } from '../parts/table.tsx'
import { numberText } from './numbers.ts'
import type { Answer } from './picture.ts'

/** The rows as they are. */
export function AnswerTable({ answer: { columns, rows } }: { answer: Answer }) {
  return (
    <Table
      caption={`${rows.length.toLocaleString('en')} rows`}
      isCaptionSeen
      rows={rows}
      keyOf={(_row, index) => index}
      columns={columns.map(({ name, type }, index) => ({
        name: escapeText(name),
        isNumber: type === 'number',
        cell: (row: readonly unknown[]) => cellText(row[index]),
      }))}
    />
  )
}

export function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '–'
  if (typeof cell === 'number') return numberText(cell)
  return escapeText(typeof cell === 'string' ? cell : JSON.stringify(cell))
}
