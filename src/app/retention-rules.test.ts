import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { keepRules, parseRules } from './retention-rules.ts'

const DAY_MS = 86_400_000
const cwd = mkdtempSync(join(tmpdir(), 'tailrace-rules-'))
afterAll(() => rmSync(cwd, { recursive: true }))

test.each([
  [[{ filter: 'level:debug', age: '2d' }], [{ filter: 'level:debug', age: 2 * DAY_MS }]],
  [
    ' level:debug => 2d ; service:audit* =>1y;',
    [
      { filter: 'level:debug', age: 2 * DAY_MS },
      { filter: 'service:audit*', age: 365 * DAY_MS },
    ],
  ],
  ['"a=>b"=>0', [{ filter: '"a=>b"', age: 0 }]],
  ['', []],
  [[{ filter: 'x', age: 0 }], [{ filter: 'x', age: 0 }]],
  ['level:debug', undefined],
  ['x=>soon', undefined],
  [[{ filter: 'x' }], undefined],
  [[{ filter: 'x', age: '1d', name: 'y' }], undefined],
  [[null], undefined],
  [7, undefined],
])('%j', (raw, rules) => expect(parseRules(raw)).toEqual(rules))

test('in the file, and over it in a variable', () => {
  const file = join(cwd, 'tailrace.yaml')
  writeFileSync(file, 'retention:\n  age: 30d\n  rules:\n    - { filter: "level:debug", age: 2d }\n')
  expect(loadConfig({ cwd, env: {} }).retention.rules).toEqual([{ filter: 'level:debug', age: 2 * DAY_MS }])
  const env = { TAILRACE_RETENTION_RULES: 'service:audit=>1w' }
  expect(loadConfig({ cwd, env }).retention.rules).toEqual([{ filter: 'service:audit', age: 7 * DAY_MS }])
})

test.each(['level:loud=>1d', '(=>1d', 'a | limit 1=>1d', '=>1d', 'x'])('%j is refused', (rules) => {
  expect(() => loadConfig({ cwd, env: {}, flags: { 'retention-rules': rules } })).toThrow(/retention.rules/)
})

test('filters become conditions', () => {
  const [rule] = keepRules([{ filter: 'service:audit', age: 5 }], 0)
  expect(rule).toMatchObject({ filter: 'service:audit', ageMs: 5 })
  expect(Object.values(rule?.condition.params ?? {})).toContain('audit')
  expect(rule?.condition.sql).not.toContain('audit')
})
