/** What a table can be drawn as, and the series in it. Pure: the drawing is elsewhere. */
import { LEVELS } from '../../src/core/severity.ts'

export interface AnswerColumn {
  name: string
  type: 'number' | 'text' | 'level' | 'time'
}

export interface Answer {
  columns: readonly AnswerColumn[]
  rows: readonly (readonly unknown[])[]
  truncated?: boolean
}

export const KINDS = ['table', 'line', 'bar', 'number'] as const
export type Kind = (typeof KINDS)[number]

/** Bars beyond this are too thin to read, and lines too many to tell apart. */
const BARS_MAX = 40
const SERIES_MAX = 24
const SERIES_COLOURS = 8

export interface Series {
  name: string
  /** A name of `tokens.css`. */
  colour: string
  values: (number | null)[]
}

/** Series over time. */
export interface TimePicture {
  /** Milliseconds since 1970, rising. */
  times: number[]
  series: Series[]
  /** How many were left out, the smallest. */
  leftOut: number
}

export interface BarPicture {
  bars: { label: string; value: number; colour: string }[]
  what: string
  leftOut: number
}

/** Those that this table can be drawn as; the first is the best. */
export function kindsOf({ columns, rows }: Answer): Kind[] {
  const hasNumber = columns.some(({ type }) => type === 'number')
  if (!hasNumber || rows.length === 0) return ['table']
  if (columns.some(({ type }) => type === 'time'))
    return isTimed({ columns, rows }) ? ['line', 'bar', 'table'] : ['table']
  const hasLabel = columns.some(({ type }) => type !== 'number')
  if (!hasLabel) return rows.length === 1 ? ['number', 'table'] : ['table']
  return rows.length === 1 ? ['table', 'bar', 'number'] : rows.length <= BARS_MAX ? ['bar', 'table'] : ['table', 'bar']
}

/** A column of times is what the rows are by, not something about a group, such as the first of each. */
function isTimed({ columns }: Answer): boolean {
  return columns[0]?.type === 'time' && columns.filter(({ type }) => type === 'time').length === 1
}

export function timePicture({ columns, rows }: Answer): TimePicture {
  const timeAt = columns.findIndex(({ type }) => type === 'time')
  const groups = indexes(columns, (type) => type === 'text' || type === 'level')
  const numbers = indexes(columns, (type) => type === 'number')
  const times = [...new Set(rows.map((row) => Date.parse(String(row[timeAt]))))]
    .filter(Number.isFinite)
    .toSorted((a, b) => a - b)
  const places = new Map(times.map((time, index) => [time, index]))
  const found = new Map<string, Series>()
  for (const row of rows) {
    const place = places.get(Date.parse(String(row[timeAt])))
    if (place === undefined) continue
    const group = groups.map((index) => text(row[index]) || '(none)').join(', ')
    for (const number of numbers) {
      const what = columns[number]?.name ?? ''
      const name = group === '' ? what : numbers.length === 1 ? group : `${group}: ${what}`
      const series = found.get(name) ?? { name, colour: '', values: times.map(() => null) }
      found.set(name, series)
      series.values[place] = value(row[number])
    }
  }
  const all = [...found.values()]
  const kept = new Set(all.toSorted((a, b) => total(b) - total(a)).slice(0, SERIES_MAX))
  const ordered = all.filter((one) => kept.has(one)).toSorted((a, b) => gravity(a.name) - gravity(b.name))
  const series = ordered.map((one, index) => ({ ...one, colour: colourOf(one.name, index) }))
  return { times, series, leftOut: all.length - series.length }
}

export function barPicture({ columns, rows }: Answer): BarPicture {
  const labels = indexes(columns, (type) => type !== 'number')
  const number = columns.findIndex(({ type }) => type === 'number')
  const bars = rows.slice(0, BARS_MAX).map((row) => {
    const label = labels.map((index) => text(row[index]) || '(none)').join(', ')
    return { label, value: value(row[number]) ?? 0, colour: colourOf(label, 0) }
  })
  return { bars, what: columns[number]?.name ?? '', leftOut: rows.length - bars.length }
}

/** The numbers of the only row. */
export function figures({ columns, rows }: Answer): { name: string; value: number | null }[] {
  const [row = []] = rows
  return indexes(columns, (type) => type === 'number').map((index) => ({
    name: columns[index]?.name ?? '',
    value: value(row[index]),
  }))
}

/** Levels stand in their own order, all else as it came. */
function gravity(name: string): number {
  return LEVELS.findIndex((level) => level === name)
}

function colourOf(name: string, index: number): string {
  return LEVELS.some((level) => level === name) ? `--level-${name}` : `--series-${(index % SERIES_COLOURS) + 1}`
}

function indexes(columns: readonly AnswerColumn[], isWanted: (type: AnswerColumn['type']) => boolean): number[] {
  return columns.flatMap(({ type }, index) => (isWanted(type) ? [index] : []))
}

function value(cell: unknown): number | null {
  return typeof cell === 'number' ? cell : null
}

function text(cell: unknown): string {
  return typeof cell === 'string' ? cell : cell === null || cell === undefined ? '' : JSON.stringify(cell)
}

function total({ values }: Series): number {
  return values.reduce<number>((sum, one) => sum + Math.abs(one ?? 0), 0)
}
