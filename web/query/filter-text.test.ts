import { describe, expect, test } from 'vitest'
import { compile } from '../../src/query/query.ts'
import {
  hasTerm,
  quotedName,
  quotedValue,
  senseOf,
  splitPipes,
  toggleTerm,
  withoutChunk,
  withoutField,
  type Sense,
} from './filter-text.ts'

describe('a click on a value', () => {
  test.each<[string, string, string, Sense, string]>([
    ['', 'service', 'billing', 'include', 'service:billing'],
    ['timeout', 'service', 'billing', 'include', 'timeout service:billing'],
    ['timeout', 'service', 'billing', 'exclude', 'timeout -service:billing'],
    ['service:billing', 'service', 'billing', 'include', ''],
    ['service:Billing timeout', 'service', 'billing', 'include', 'timeout'],
    ['service:billing', 'service', 'search', 'include', 'service:(billing OR search)'],
    ['service:(billing OR search)', 'service', 'cart', 'include', 'service:(billing OR search OR cart)'],
    ['service:(billing OR search)', 'service', 'search', 'include', 'service:billing'],
    ['service:billing', 'service', 'billing', 'exclude', '-service:billing'],
    ['-service:billing', 'service', 'billing', 'include', 'service:billing'],
    ['-service:billing', 'service', 'search', 'exclude', '-service:billing -service:search'],
    ['a OR b', 'level', 'error', 'include', '(a OR b) level:error'],
    ['(a OR b) c', 'level', 'error', 'include', '(a OR b) c level:error'],
    ['timeout | stats count() by host', 'level', 'error', 'include', 'timeout level:error | stats count() by host'],
    ['| limit 5', 'level', 'error', 'include', 'level:error | limit 5'],
    ['"a | b" c', 'level', 'error', 'include', '"a | b" c level:error'],
    ['', 'user agent', 'Firefox "141"', 'include', String.raw`"user agent":"Firefox \"141\""`],
    ['', 'path', '/a/', 'include', 'path:"/a/"'],
    ['', 'range', '1..2', 'include', 'range:"1..2"'],
    ['', 'word', 'or', 'include', 'word:"or"'],
    ['', 'trace', '', 'include', '-trace:*'],
    ['-trace:*', 'trace', '', 'include', ''],
    ['facility:a', 'service', 'b', 'include', 'service:(a OR b)'],
    ['service:web-*', 'service', 'b', 'include', 'service:web-* service:b'],
  ])('%j, %s = %j, %s → %j', (text, field, value, sense, expected) => {
    const changed = toggleTerm(text, { field, value }, sense)
    expect(changed).toBe(expected)
    expect(compile(changed, { nowNs: 0n, target: 'search' }).problems).toEqual([])
  })

  test.each<[string, string, Sense | undefined]>([
    ['service:a', 'a', 'include'],
    ['service:(a OR b)', 'b', 'include'],
    ['-service:"a"', 'a', 'exclude'],
    ['service:(a AND b)', 'b', undefined],
    ['x | where service:a', 'a', undefined],
    ['"service:a"', 'a', undefined],
  ])('%j says about service %j: %s', (text, value, sense) =>
    expect(senseOf(text, { field: 'service', value })).toBe(sense),
  )
})

test.each([
  ['a b | c', { filter: 'a b ', pipes: '| c' }],
  ['"a | b"', { filter: '"a | b"', pipes: '' }],
  [String.raw`"a \" | b"`, { filter: String.raw`"a \" | b"`, pipes: '' }],
])('%j without its pipes', (text, parts) => expect(splitPipes(text)).toEqual(parts))

test('a piece is taken away', () => {
  expect(withoutChunk('a (b OR c) "d e" | limit 5', 1)).toBe('a "d e" | limit 5')
})

test('what is quoted is what was meant', () => {
  for (const text of ['a', 'a b', 'a"b', String.raw`a\b`, '-a', '>5', '*', 'a\nb', 'ä', 'a:b', '(', '|', 'NOT', '..']) {
    const { query, problems } = compile(`${quotedName(text)}:${quotedValue(text)}`, { nowNs: 0n, target: 'search' })
    expect([text, problems]).toEqual([text, []])
    expect(JSON.stringify(query?.filter)).toContain(JSON.stringify(text))
  }
})

test.each([
  ['service:a x -service:b | limit 5', 'service', true, 'x | limit 5'],
  ['service:(a OR b)', 'service', true, ''],
  ['service:a OR x', 'service', true, 'service:a OR x'],
  ['x host:a', 'service', false, 'x host:a'],
])('%j about %s: %s, without it %j', (text, field, has, rest) => {
  expect([hasTerm(text, field), withoutField(text, field)]).toEqual([has, rest])
})
