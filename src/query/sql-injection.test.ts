import { expect, test } from 'vitest'
import { compile, toFilterSql, toSql } from './query.ts'
import { quoted } from './testing/generate.ts'
import { HOSTILE_VALUES } from './testing/hostile-values.ts'

/** Every place of a query where a user's text can stand. */
const PLACES: Readonly<Record<string, (text: string) => string>> = {
  word: (text) => text,
  phrase: quoted,
  value: (text) => `service:${quoted(text)}`,
  'value of an attribute': (text) => `a:${quoted(text)}`,
  'unquoted value': (text) => `a:${text}`,
  'list of values': (text) => `a:(${quoted(text)} OR b OR ${quoted(text)})`,
  wildcard: (text) => `host:*${text}*`,
  bound: (text) => `a:>=${quoted(text)}`,
  range: (text) => `a:${quoted(text)}..`,
  'field name': (text) => `${quoted(text)}:x`,
  'field name, present': (text) => `${quoted(text)}:*`,
  regex: (text) => `/x${text.replaceAll('/', '')}/`,
  'regex of a field': (text) => `a:/x${text.replaceAll('/', '')}/i`,
  alias: (text) => `| stats count() ${quoted(text)} by service | where ${quoted(text)}:>0 | sort by ${quoted(text)}`,
  'group by': (text) => `| stats count() by ${quoted(text)}`,
  argument: (text) => `| stats avg(${quoted(text)}) x, quantile(0.5, ${quoted(text)})`,
  fields: (text) => `| fields ${quoted(text)}`,
  sort: (text) => `| sort by ${quoted(text)} desc`,
  top: (text) => `| top 3 ${quoted(text)} by host`,
  timechart: (text) => `| timechart 1h count() ${quoted(text)} by a`,
  'extract from': (text) => `| extract /(?<g>x)/ from ${quoted(text)}`,
  'extract with': (text) => `| extract /(?<g>x)${text.replaceAll('/', '')}/ | where g:1 | stats count() by g`,
  'parse from': (text) => `| parse json from ${quoted(text)} | where ${quoted(text)}:1`,
  'parsed name': (text) => `| parse logfmt | stats max(${quoted(text)}) by ${quoted(text)}`,
}

/** What is left of a statement when parameters, numbers and the program's own string constants are taken away. */
function skeleton(sql: string): string {
  return sql
    .replace(/\{p\d+:(?:String|Int64|Float64|Array\(String\))\}/g, '?')
    .replace(/\bc\d+_\d+\b|\br\d+\b/g, 'c')
    .replace(/\d+/g, '0')
}

test.each(Object.entries(PLACES))('hostile text as %s never becomes SQL', (_place, write) => {
  const ordinary = statementsOf(write('harmless')).map(({ sql }) => skeleton(sql))
  expect(ordinary.length).toBeGreaterThan(0)
  let understood = 0
  for (const text of HOSTILE_VALUES) {
    for (const { sql, params } of statementsOf(write(text))) {
      understood++
      expect(sql).toMatch(/^[\x20-\x7e]*$/)
      expect(sql).not.toMatch(/--|;|\/\*|1=1|passwd|DROP|UNION|FORMAT|Identifier/)
      // Nothing in braces but parameters that exist, and every parameter is used.
      const used = [...sql.matchAll(/\{([^}]*)\}/g)].map(([, name = '']) => name)
      for (const name of used) expect(name).toMatch(/^p\d+:(?:String|Int64|Float64|Array\(String\))$/)
      expect(new Set(used.map((name) => name.split(':')[0]))).toEqual(new Set(Object.keys(params)))
      // Quotes only around the program's own constants, which hold neither quotes nor a user's text.
      expect(sql.replace(/'[^']*'/g, '')).not.toContain("'")
    }
  }
  expect(understood).toBeGreaterThan(0)
})

test('the shape of a statement does not depend on the text', () => {
  for (const place of [
    'value of an attribute',
    'field name, present',
    'group by',
    'sort',
    'fields',
    'alias',
  ] as const) {
    const write = PLACES[place] ?? quoted
    const shapes = new Set(
      ["a1' OR 1=1 --", 'b2{p0:String}', 'c3\0\\'].map((text) =>
        statementsOf(write(text))
          .map(({ sql }) => skeleton(sql))
          .join('\n'),
      ),
    )
    expect([place, shapes.size]).toEqual([place, 1])
  }
})

function statementsOf(text: string): { sql: string; params: object }[] {
  const { query } = compile(text, { nowNs: 0n, target: 'search' })
  if (!query) return []
  const range = { fromNs: 0n, toNs: 3_600_000_000_000n }
  return [toSql(query, { limit: 10, range }).statement, toFilterSql(query)]
}
