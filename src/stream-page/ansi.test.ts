import { describe, expect, test } from 'vitest'
import { parseLine, plainText, PLAIN, type Style } from './ansi.ts'

const parsed = (line: string, start: Style = PLAIN) =>
  parseLine(line, start).segments.map(({ text, style }) => [text, style] as const)

test.each<[line: string, segments: (readonly [string, Style])[]]>([
  ['plain', [['plain', {}]]],
  ['', []],
  [
    '\u001b[31mred\u001b[0m and not',
    [
      ['red', { foreground: 1 }],
      [' and not', {}],
    ],
  ],
  ['\u001b[mnothing', [['nothing', {}]]],
  [
    '\u001b[1;4;97;41mall\u001b[22;24m less',
    [
      ['all', { bold: true, underline: true, foreground: 15, background: 1 }],
      [' less', { bold: false, dim: false, underline: false, foreground: 15, background: 1 }],
    ],
  ],
  [
    '\u001b[38;5;9ma\u001b[38;5;208mb\u001b[48;5;232mc',
    [
      ['a', { foreground: 9 }],
      ['b', { foreground: '#ff8700' }],
      ['c', { foreground: '#ff8700', background: '#080808' }],
    ],
  ],
  ['\u001b[38;2;1;2;255mx', [['x', { foreground: '#0102ff' }]]],
  ['\u001b[38;2;0;2;255;1mx', [['x', { foreground: '#0002ff', bold: true }]]],
  ['\u001b[38:2::1:2:255mx', [['x', { foreground: '#0102ff' }]]],
  ['\u001b[39;49mx', [['x', { foreground: undefined, background: undefined }]]],
  [
    'a\u001b[2Kb\u001b[10;5Hc\u001b]0;title\u0007d\u001b(Be\u001bMf',
    [
      ['a', {}],
      ['b', {}],
      ['c', {}],
      ['d', {}],
      ['e', {}],
      ['f', {}],
    ],
  ],
  ['\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u001b\\', [['link', {}]]],
  ['cut off \u001b[3', [['cut off ', {}]]],
  ['10%\r\u001b[32m50%\r100%\u001b[0m', [['100%', { foreground: 2 }]]],
  ['done\r', [['done', {}]]],
  ['a\u0000b\u0008c\td', [['abc\td', {}]]],
  ['<b>&amp;</b>', [['<b>&amp;</b>', {}]]],
])('%j', (line, segments) => expect(parsed(line)).toEqual(segments))

describe('a style', () => {
  test('goes on in the next line until it is ended', () => {
    const { end } = parseLine('\u001b[1;33mbegins', PLAIN)
    expect(parsed('goes on\u001b[0m ends', end)).toEqual([
      ['goes on', { bold: true, foreground: 3 }],
      [' ends', {}],
    ])
  })
})

test('what is searched is what is seen', () => {
  expect(plainText('1%\r\u001b[32mall \u001b[1mdone\u001b[0m')).toBe('all done')
})
