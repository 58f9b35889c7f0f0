import { escapeText } from '../../src/core/escape.ts'
import { withParameters } from '../api/client.ts'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'
import { numberText } from '../parts/figures.ts'
import type { Answer } from './picture.ts'

const CHARS_MAX = 300

/** What went wrong, the newest first, and since when. */
export function ErrorTexts({ answer: { columns, rows } }: { answer: Answer }) {
  const at = (row: readonly unknown[], name: string): unknown =>
    row[columns.findIndex((column) => column.name === name)]
  const time = (row: readonly unknown[], name: string) => <When time={String(at(row, name))} />
  return (
    <Table
      caption="Texts of errors, the newest first"
      rows={rows}
      keyOf={(_row, index) => index}
      columns={[
        {
          name: 'Text',
          cell: (row) => <ErrorText message={textOf(at(row, 'message'))} />,
        },
        { name: 'Times', isNumber: true, cell: (row) => numberText(Number(at(row, 'times'))) },
        { name: 'First', cell: (row) => time(row, 'first') },
        { name: 'Last', cell: (row) => time(row, 'last') },
      ]}
    />
  )
}

function ErrorText({ message }: { message: string }) {
  const isLong = message.length > CHARS_MAX
  const text = (
    <code>{message === '' ? '(empty)' : escapeText(isLong ? `${message.slice(0, CHARS_MAX)}…` : message)}</code>
  )
  // A longer one would not fit into an address, and an empty one selects nothing.
  if (isLong || message === '') return text
  const q = `"${message.replaceAll(/["\\]/g, String.raw`\$&`)}"`
  return <a href={withParameters('/', { q, start: '-24h' })}>{text}</a>
}

function textOf(cell: unknown): string {
  return typeof cell === 'string' ? cell : ''
}
