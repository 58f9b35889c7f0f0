import type { ClockFace } from './clock-face.ts'
import { escapeText } from '../../core/escape.ts'
import type { Output } from './terminal.ts'
import { cut, displayWidth } from './width.ts'

export interface TableOptions {
  colors: Output['colors']
  clock: ClockFace
  /** Columns of text are cut so that a row fits; without it nothing is cut. */
  columns: number | undefined
  /** Colours a cell of a row; its width is that of the plain text. */
  paint?: (text: string, row: number, column: number) => string
}

export interface TableColumn {
  name: string
  /** `number`, `time` (RFC 3339) or `text`. */
  type: string
  /** Text that says nothing when it is cut. */
  isWhole?: boolean
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i
const GAP = '  '
const TEXT_COLUMNS_MIN = 8

/** An aligned table: numbers to the right, times in the reader's zone, whole lines. */
export function formatTable(
  header: readonly TableColumn[],
  rows: readonly (readonly unknown[])[],
  { colors, clock, columns, paint = (text) => text }: TableOptions,
): string {
  const cells = rows.map((row) => header.map(({ type }, index) => formatCell(row[index], type, clock)))
  const isRight = header.map(
    ({ type }, index) =>
      type === 'number' || (cells.length > 0 && cells.every((row) => NUMBER.test(row[index] ?? '') || !row[index])),
  )
  const names = header.map(({ name }) => escapeText(name))
  const widths = names.map((name, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? '')), displayWidth(name)),
  )
  const isWhole = header.map((column, index) => column.isWhole === true || isRight[index] === true)
  if (columns !== undefined) shrink(widths, isWhole, columns)
  const line = (texts: readonly string[], paintCell: (text: string, column: number) => string) => {
    const last = texts.findLastIndex((text) => text !== '')
    return texts
      .slice(0, last + 1)
      .map((text, index) => {
        const width = widths[index] ?? 0
        const fitting = cut(text, width)
        const space = ' '.repeat(width - displayWidth(fitting))
        const painted = paintCell(fitting, index)
        return isRight[index] ? space + painted : painted + (index === last ? '' : space)
      })
      .join(GAP)
  }
  const body = cells.map((row, index) => line(row, (text, column) => paint(text, index, column)))
  const head = colors.bold(line(names, (text) => text))
  return [head, ...body].map((text) => `${text}\n`).join('')
}

/** Takes columns from the widest columns of text until the row fits, or they are as narrow as they may get. */
function shrink(widths: number[], isWhole: readonly boolean[], columns: number): void {
  let surplus = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - columns
  while (surplus > 0) {
    let widest = -1
    for (const [index, width] of widths.entries()) {
      if (!isWhole[index] && width > TEXT_COLUMNS_MIN && width > (widths[widest] ?? 0)) widest = index
    }
    if (widest === -1) return
    widths[widest] = (widths[widest] ?? 0) - 1
    surplus--
  }
}

function formatCell(value: unknown, type: string, clock: ClockFace): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return formatNumber(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return escapeText(type === 'time' ? clock.full(text) : text)
}

/** As many digits as say something: 1234.6, 12.35, 0.001235. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value)
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  if (magnitude < -6) return value.toExponential(3)
  return String(Number(value.toFixed(Math.max(1, 3 - magnitude))))
}
