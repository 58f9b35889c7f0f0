import { describe, expect, test } from 'vitest'
import { barPicture, figures, kindsOf, timePicture, type Answer, type AnswerColumn } from './picture.ts'

const column = (text: string): AnswerColumn => {
  const [name = '', type] = text.split(':')
  return { name, type: type as AnswerColumn['type'] }
}
const answer = (columns: string, rows: unknown[][]): Answer => ({ columns: columns.split(' ').map(column), rows })
const T1 = '2026-01-05T00:00:00.000Z'
const T2 = '2026-01-05T00:01:00.000Z'

test.each<[columns: string, rows: number, kinds: string]>([
  ['n:number', 1, 'number table'],
  ['n:number p95:number', 1, 'number table'],
  ['n:number', 2, 'table'],
  ['service:text n:number', 5, 'bar table'],
  ['service:text n:number', 41, 'table bar'],
  ['service:text n:number', 1, 'table bar number'],
  ['service:text', 5, 'table'],
  ['time:time n:number', 5, 'line bar table'],
  ['time:time level:level n:number', 5, 'line bar table'],
  ['first:time last:time n:number', 5, 'table'],
  ['message:text n:number first:time last:time', 5, 'table'],
  ['service:text n:number', 0, 'table'],
])('%s with %d rows is %s', (columns, rows, kinds) => {
  const made = answer(
    columns,
    Array.from({ length: rows }, () => columns.split(' ').map(() => 1)),
  )
  expect(kindsOf(made).join(' ')).toBe(kinds)
})

describe('over time', () => {
  test('a series for each group, with gaps where it has no row', () => {
    const made = answer('time:time service:text n:number', [
      [T2, 'a', 2],
      [T1, 'a', 1],
      [T1, '', 7],
    ])
    expect(timePicture(made)).toEqual({
      times: [Date.parse(T1), Date.parse(T2)],
      series: [
        { name: 'a', colour: '--series-1', values: [1, 2] },
        { name: '(none)', colour: '--series-2', values: [7, null] },
      ],
      leftOut: 0,
    })
  })

  test('a series for each number, named after both where there are groups', () => {
    const one = answer('time:time n:number p95:number', [[T1, 1, null]])
    expect(timePicture(one).series.map(({ name, values }) => [name, values])).toEqual([
      ['n', [1]],
      ['p95', [null]],
    ])
    const both = answer('time:time host:text n:number p95:number', [[T1, 'a', 1, 2]])
    expect(timePicture(both).series.map(({ name }) => name)).toEqual(['a: n', 'a: p95'])
  })

  test('levels have their own colours and order', () => {
    const made = answer('time:time level:level n:number', [
      [T1, 'error', 1],
      [T1, 'debug', 1],
    ])
    expect(timePicture(made).series.map(({ name, colour }) => [name, colour])).toEqual([
      ['debug', '--level-debug'],
      ['error', '--level-error'],
    ])
  })

  test('the smallest are left out where there are too many', () => {
    const rows = Array.from({ length: 30 }, (_, index) => [T1, `s${index}`, index])
    const { series, leftOut } = timePicture(answer('time:time s:text n:number', rows))
    expect([series.length, leftOut, series[0]?.name]).toEqual([24, 6, 's6'])
  })
})

test('bars have labels of all groups', () => {
  const made = answer('service:text level:level n:number', [
    ['a', 'error', 3],
    ['', 'info', null],
  ])
  expect(barPicture(made)).toMatchObject({
    what: 'n',
    leftOut: 0,
    bars: [
      { label: 'a, error', value: 3 },
      { label: '(none), info', value: 0 },
    ],
  })
})

test('numbers are those of the first row', () => {
  expect(figures(answer('n:number who:text p:number', [[1, 'a', null]]))).toEqual([
    { name: 'n', value: 1 },
    { name: 'p', value: null },
  ])
})
