import { describe, expect, test } from 'vitest'
import { canTail, colour, makesTable, readQuery } from './highlight.ts'
import { marksOf, markText } from './marks.ts'

const shown = (text: string): string => {
  const { tree, problems } = readQuery(text)
  return colour(text, tree, problems)
    .map((piece) =>
      piece.kind === 'plain' && piece.problem === undefined ? piece.text : `${piece.kind}[${piece.text}]`,
    )
    .join('')
}

describe('colours', () => {
  test.each([
    ['', ''],
    ['reset', 'reset'],
    ['level:>=warn reset', 'field[level]sign[:]value[>=warn] reset'],
    ['-service:"a b" OR x', 'sign[-]field[service]sign[:]value["a b"] word[OR] x'],
    ['/took [0-9]+/', 'regex[/took [0-9]+/]'],
    ['a | stats count() n by service', 'a sign[|] word[stats] countsign[()] value[n] word[by] field[service]'],
    ['a-b', 'a-b'],
    ['x | nonsense', 'x sign[|] word[nonsense]'],
  ])('%j → %s', (text, expected) => expect(shown(text)).toBe(expected))

  test('keep every character, whatever the text', () => {
    for (const text of ['"', '((((', ')', 'a:', '| | |', '\\', '🦉:🦉', 'x | stats ( by , ', '-'.repeat(300)]) {
      const { tree, problems } = readQuery(text)
      const pieces = colour(text, tree, problems)
      expect(pieces.map((piece) => piece.text).join('')).toBe(text)
    }
  })

  test('underline what the grammar does not understand', () => {
    const { tree, problems } = readQuery('a "b')
    expect(problems).toMatchObject([{ code: 'QUERY_UNCLOSED_QUOTE', from: 2, to: 4 }])
    expect(colour('a "b', tree, problems).at(-1)).toMatchObject({ text: '"b', problem: 0 })
  })
})

test.each([
  ['level:error', true, false],
  ['a | where b | fields c', true, false],
  ['a | sort by b', false, false],
  ['a | stats count()', false, true],
  ['a | timechart count()', false, true],
])('%j: a tail can run it: %s, it makes a table: %s', (text, tails, table) => {
  expect([canTail(text), makesTable(text)]).toEqual([tails, table])
})

test.each<[string, string[]]>([
  ['', []],
  ['Reset "the peer" -x NOT y service:z message:W', ['the peer', 'reset', 'w']],
  ['conn*set | where late', ['conn', 'late', 'set']],
])('%j marks %j', (text, texts) => expect(marksOf(readQuery(text).tree).texts).toEqual(texts))

test.each<[string, string, string[]]>([
  ['', 'abc', ['abc']],
  ['reset', 'A reset, a RESET', ['A ', 'reset', ', a ', 'RESET', '']],
  ['reset set', 'xreset', ['x', 'reset', '']],
  ['reset', 'İ reset', ['İ reset']],
  ['/took [0-9]+/ ms', 'it took 12 ms', ['it ', 'took 12', ' ', 'ms', '']],
  ['/TOOK/i', 'it took', ['it ', 'took', '']],
  ['/x*/', 'abc', ['abc']],
  ['/(?P<a>x)/', 'abcx', ['abcx']],
])('%j in %j', (query, text, parts) => expect(markText(text, marksOf(readQuery(query).tree))).toEqual(parts))

test.each(['/(a+)+$/', '/(a|a)*b/', '/a*a*a*b/', '/(a{1,}){2,}/'])(
  '%s could take for ever, and marks nothing',
  (query) => {
    expect(marksOf(readQuery(query).tree).patterns).toEqual([])
  },
)
