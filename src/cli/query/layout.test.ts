import { describe, expect, test } from 'vitest'
import { clockFace } from '../terminal/clock-face.ts'
import { formatTable } from '../terminal/table.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { layOut } from './layout.ts'

const { colors } = memoryTerminal().out
const clock = clockFace(true)
const CHART = [
  { name: 'time', type: 'time' },
  { name: 'level', type: 'level' },
  { name: 'count()', type: 'number' },
]
const ROWS = [
  ['2026-01-05T10:00:00.000Z', 'error', 2],
  ['2026-01-05T10:00:00.000Z', 'info', 1000],
  ['2026-01-05T10:05:00.000Z', 'error', 0],
  ['2026-01-05T10:05:00.000Z', 'info', 7],
]

function lines(columns: typeof CHART, rows: readonly (readonly unknown[])[], width = 80): string[] {
  const shown = layOut({ columns, rows }, clock, width)
  return formatTable(shown.columns, shown.rows, { colors, clock, columns: width }).trimEnd().split('\n')
}

describe('numbers over time', () => {
  test('of several series stand side by side, levels in their order, times as short as they may be', () => {
    expect(lines(CHART, ROWS)).toEqual([
      'time              info  error',
      '2026-01-05 10:00  1000      2',
      '2026-01-05 10:05     7      0',
    ])
  })

  test('what a series has not is empty, and a series without a name is called so', () => {
    const [time = CHART[0], , number] = CHART
    const columns = [time, { name: 'service', type: 'text' }, number].filter((column) => column !== undefined)
    const rows = [
      ['2026-01-05T10:00:01.000Z', '', 1],
      ['2026-01-05T10:00:02.000Z', 'web', 2],
    ]
    expect(lines(columns, rows)).toEqual([
      'time                 (none)  web',
      '2026-01-05 10:00:01       1',
      '2026-01-05 10:00:02            2',
    ])
  })

  test('too many series for the width stay below each other', () => {
    expect(lines(CHART, ROWS, 26)).toHaveLength(5)
    const many = Array.from({ length: 30 }, (_, index) => ['2026-01-05T10:00:00.000Z', `service-${index}`, 1])
    expect(lines(CHART, many)).toHaveLength(31)
  })

  test('one series alone keeps its name beside each number', () => {
    expect(lines(CHART, ROWS.slice(0, 1))).toEqual([
      'time              level  count()',
      '2026-01-05 10:00  error        2',
    ])
  })
})

test('other tables stay as they are but for their times', () => {
  const columns = [
    { name: 'service', type: 'text' },
    { name: 'last', type: 'time' },
  ]
  const rows = [
    ['web', '2026-01-05T10:00:00.123Z'],
    ['db', null],
  ]
  expect(lines(columns, rows)).toEqual(['service  last', 'web      2026-01-05 10:00:00.123', 'db'])
})
