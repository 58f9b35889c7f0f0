import type { ColumnJson } from '../../client/answers.ts'
import { LEVELS } from '../../core/severity.ts'
import type { ClockFace } from '../terminal/clock-face.ts'
import type { TableColumn } from '../terminal/table.ts'
import { displayWidth } from '../terminal/width.ts'

export interface Layout {
  columns: readonly TableColumn[]
  rows: readonly (readonly unknown[])[]
}

/**
 * A table as somebody at a terminal of that width reads it: times no longer than they have to be, and numbers over time
 * of several series (`timechart … by level`) side by side where they fit.
 */
export function layOut(table: Layout & { columns: readonly ColumnJson[] }, clock: ClockFace, width: number): Layout {
  return shortTimes(sideBySide(table, width), clock)
}

/** Of a time that begins a second, as those of a timechart do: `2026-01-05 10:11:12`. */
const TIME_COLUMNS = 19
const GAP = 2

/** Time, series, number becomes a row for each time with a column for each series. */
function sideBySide({ columns, rows }: Layout, width: number): Layout {
  const [time, series, number] = columns
  const isSeries = series?.type === 'text' || series?.type === 'level'
  if (columns.length !== 3 || time?.type !== 'time' || !isSeries || number?.type !== 'number') return { columns, rows }
  const widths = new Map<string, number>()
  const byTime = new Map<unknown, Map<unknown, unknown>>()
  for (const [at, name, value] of rows) {
    if (typeof name !== 'string') return { columns, rows }
    widths.set(name, Math.max(widths.get(name) ?? displayWidth(shownName(name)), JSON.stringify(value).length))
    const found = byTime.get(at) ?? new Map<unknown, unknown>()
    byTime.set(at, found.set(name, value))
  }
  const needed = [...widths.values()].reduce((sum, columnWidth) => sum + GAP + columnWidth, TIME_COLUMNS)
  if (widths.size < 2 || needed > width) return { columns, rows }
  const names = [...widths.keys()]
  if (series.type === 'level') names.sort((a, b) => rankOf(a) - rankOf(b))
  return {
    columns: [time, ...names.map((name) => ({ name: shownName(name), type: 'number' }))],
    rows: [...byTime].map(([at, values]) => [at, ...names.map((name) => values.get(name))]),
  }
}

function rankOf(level: string): number {
  return (LEVELS as readonly string[]).indexOf(level)
}

function shownName(name: string): string {
  return name === '' ? '(none)' : name
}

/** Endings that say nothing where every time of a column has them. */
const EMPTY_ENDINGS = [':00.000', '.000']

function shortTimes({ columns, rows }: Layout, clock: ClockFace): Layout {
  const cells = rows.map((row) => [...row])
  for (const [index, { type }] of columns.entries()) {
    if (type !== 'time') continue
    const texts = cells.map((row) => (typeof row[index] === 'string' ? clock.moment(row[index]) : ''))
    const ending = EMPTY_ENDINGS.find((end) => texts.every((text) => text === '' || text.endsWith(end))) ?? ''
    for (const [at, row] of cells.entries()) row[index] = texts[at]?.slice(0, -ending.length || undefined)
  }
  return {
    columns: columns.map((column) => (column.type === 'time' ? { ...column, type: 'text', isWhole: true } : column)),
    rows: cells,
  }
}
