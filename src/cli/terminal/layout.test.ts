import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clockFace } from './clock-face.ts'
import { escapeText } from '../../core/escape.ts'
import { paintLine, wrapSpans } from './spans.ts'
import { formatNumber, formatTable } from './table.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { cut, displayWidth, fittingLength, padEnd } from './width.ts'

const { colors } = memoryTerminal().out
const clock = clockFace(true)
const plain = (text: string) => ({ text, paint: (same: string) => same })

describe('width', () => {
  test.each([
    ['abc', 3],
    ['', 0],
    ['漢字', 4],
    ['e\u0301', 1],
    ['👍', 2],
    ['｡ｱ', 2],
    ['한글', 4],
  ])('%s takes %d columns', (text, width) => expect(displayWidth(text)).toBe(width))

  test('cutting and padding', () => {
    expect([cut('abcdef', 4), cut('abcd', 4), cut('漢字漢字', 5), cut('漢字', 4)]).toEqual([
      'abc…',
      'abcd',
      '漢字…',
      '漢字',
    ])
    expect([padEnd('漢', 4), padEnd('long', 2)]).toEqual(['漢  ', 'long'])
  })

  test('what fits, fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }).map(escapeText), fc.nat(40), (text, columns) => {
        expect(displayWidth(text.slice(0, fittingLength(text, columns)))).toBeLessThanOrEqual(columns)
        expect(displayWidth(cut(text, columns + 1))).toBeLessThanOrEqual(columns + 1)
      }),
    )
  })
})

describe('wrapping', () => {
  test('at spaces, and within words that are too long', () => {
    const lines = wrapSpans([plain('the quick '), plain('brown foxjumpsover it')], 9)
    expect(lines.map(paintLine)).toEqual(['the quick', 'brown', 'foxjumpso', 'ver it'])
  })

  test('nothing is lost, nothing is too wide', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme' }).map(escapeText))
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 30 }), (parts, columns) => {
        const lines = wrapSpans(parts.map(plain), columns)
        expect(
          lines
            .flat()
            .map(({ text }) => text)
            .join(''),
        ).toBe(parts.join(''))
        for (const line of lines) expect(displayWidth(paintLine(line).trimEnd())).toBeLessThanOrEqual(columns)
      }),
    )
  })
})

describe('table', () => {
  const columns = [
    { name: 'service', type: 'text' },
    { name: 'n', type: 'number' },
    { name: 'avg', type: 'number' },
  ]
  const rows = [
    ['web\u001b[2J', 1200, 12.345678],
    ['a', 7, null],
  ]

  test('is aligned, with numbers to the right', () => {
    expect(formatTable(columns, rows, { colors, clock, columns: undefined })).toBe(
      ['service        n    avg', String.raw`web\x1b[2J  1200  12.35`, 'a              7', ''].join('\n'),
    )
  })

  test('is cut to the terminal at its widest text', () => {
    const wide = [['x'.repeat(200), 1, 2]]
    for (const line of formatTable(columns, wide, { colors, clock, columns: 40 }).split('\n')) {
      expect(displayWidth(line)).toBeLessThanOrEqual(40)
    }
    expect(formatTable(columns, wide, { colors, clock, columns: undefined })).toContain('x'.repeat(200))
  })

  test('text that is all numbers is a number; times are times', () => {
    const header = [
      { name: 'time', type: 'time' },
      { name: 'status', type: 'text' },
    ]
    const table = formatTable(
      header,
      [
        ['2026-01-05T10:00:00.000Z', '5'],
        ['2026-01-05T10:05:00Z', '200'],
      ],
      {
        colors,
        clock,
        columns: undefined,
      },
    )
    expect(table.split('\n').slice(1, 3)).toEqual([
      '2026-01-05T10:00:00.000Z       5',
      '2026-01-05T10:05:00.000Z     200',
    ])
  })

  test('no rows are a header', () => {
    expect(formatTable(columns, [], { colors, clock, columns: 80 })).toBe('service  n  avg\n')
  })

  test.each([
    [0, '0'],
    [12, '12'],
    [1234.5678, '1234.6'],
    [12.345678, '12.35'],
    [0.00123456, '0.001235'],
    [-0.5, '-0.5'],
    [1e-9, '1.000e-9'],
    [Infinity, 'Infinity'],
    [NaN, 'NaN'],
  ])('%d is shown as %s', (value, text) => expect(formatNumber(value)).toBe(text))
})

describe('times', () => {
  const berlin = clockFace(false, (date) => (date.getTime() < Date.parse('2026-03-29T01:00:00Z') ? 60 : 120))
  test.each([
    ['2026-01-05T23:30:00.123456789Z', 'Tue 2026-01-06', '00:30:00.123', '2026-01-06T00:30:00.123+01:00'],
    ['2026-07-05T10:00:00Z', 'Sun 2026-07-05', '12:00:00.000', '2026-07-05T12:00:00.000+02:00'],
    ['nonsense', 'nonsense', 'nonsense', 'nonsense'],
  ])('%s in a zone', (timestamp, day, time, full) => {
    expect([berlin.day(timestamp), berlin.time(timestamp), berlin.full(timestamp)]).toEqual([day, time, full])
  })

  test('zones west of Greenwich, and half hours', () => {
    const newfoundland = clockFace(false, () => -150)
    expect(newfoundland.full('2026-07-05T01:00:00Z')).toBe('2026-07-04T22:30:00.000-02:30')
  })
})
