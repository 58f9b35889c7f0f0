import type { ComponentChildren } from 'preact'

export interface TableColumn<Row> {
  name: string
  /** Numbers stand right. */
  isNumber?: boolean
  cell: (row: Row) => ComponentChildren
}

export interface TableProps<Row> {
  /** What the table shows, for those who do not see it. */
  caption: string
  columns: readonly TableColumn<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row, index: number) => string | number
  isCaptionSeen?: boolean
  /** Stays a table on a phone, and is scrolled; others become a card for each row there. */
  isAlwaysTable?: boolean
}

export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, keyOf, isCaptionSeen = false, isAlwaysTable = false } = props
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class={isAlwaysTable ? 'table' : 'table cards'}>
        <caption class={isCaptionSeen ? '' : 'unseen'}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, isNumber }) => (
              <th key={name} scope="col" class={isNumber ? 'number' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={keyOf(row, index)}>
              {columns.map(({ name, isNumber, cell }) => (
                <td key={name} class={isNumber ? 'number' : ''} data-name={name}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
