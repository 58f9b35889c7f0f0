import { describe, expect, test } from 'vitest'
import { fieldSuggestions, languageSuggestions, valueSuggestions, wantedAt } from './completion.ts'

describe('at the end of', () => {
  test.each([
    ['', 'field', '', 0],
    ['ser', 'field', 'ser', 0],
    ['timeout ser', 'field', 'ser', 8],
    ['-ser', 'field', 'ser', 1],
    ['service:', 'value', '', 8],
    ['-service:bil', 'value', 'bil', 9],
    ['service:"bil', 'value', 'bil', 8],
    ['(service:bil', 'value', 'bil', 9],
    ['"ser', 'nothing', undefined, undefined],
    ['x | ', 'pipe', '', 4],
    ['x | sta', 'pipe', 'sta', 4],
    ['x | stats ', 'function', '', 10],
    ['x | stats count() n by ser', 'field', 'ser', 23],
    ['x | stats avg(dur', 'field', 'dur', 14],
    ['x | where ser', 'field', 'ser', 10],
    ['x | where service:b', 'value', 'b', 18],
    ['x | sort by ', 'field', '', 12],
    ['x | limit 1', 'nothing', undefined, undefined],
    ['"a | b" ser', 'field', 'ser', 8],
  ])('%j a %s is wanted', (text, kind, typed, from) => {
    const wanted = wantedAt(text, text.length)
    expect(wanted.kind).toBe(kind)
    if (wanted.kind !== 'nothing') expect([wanted.typed, wanted.from]).toEqual([typed, from])
  })

  test('a value is of the field before it', () => {
    expect(wantedAt('a -http.path:/ch', 16)).toMatchObject({ kind: 'value', field: 'http.path', typed: '/ch' })
  })
})

test('what is suggested', () => {
  expect(languageSuggestions('pipe', 'ti').map(({ insert }) => insert)).toEqual(['timechart '])
  expect(languageSuggestions('function', 'p9').map(({ insert }) => insert)).toEqual(['p90(', 'p95(', 'p99('])
  const attributes = [
    { name: 'user agent', count: 5 },
    { name: 'servant', count: 2 },
  ]
  expect(fieldSuggestions('serv', attributes, true).map(({ insert }) => insert)).toEqual(['service:', 'servant:'])
  expect(fieldSuggestions('agent', attributes, false).map(({ insert }) => insert)).toEqual(['"user agent" '])
  expect(
    valueSuggestions([
      { value: 'a b', count: 1 },
      { value: '', count: 9 },
    ]).map(({ insert }) => insert),
  ).toEqual(['"a b" '])
})
