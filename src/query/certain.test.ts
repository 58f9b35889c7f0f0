import { expect, test } from 'vitest'
import { compile, selectsAll } from './query.ts'

const STREAM = { service: 'ci/build-42', source: 'ci/build-42', host: 'runner-7' }

test.each<[string, boolean]>([
  ['', true],
  ['*', true],
  ['service:ci/*', true],
  ['service:"ci/build-42"', true],
  ['service:CI/BUILD-42', true],
  ['service:/^ci/', true],
  ['service:shop', false],
  ['host:runner-*', true],
  ['service:ci/* host:runner-7', true],
  ['service:ci/* host:other', false],
  ['service:shop OR service:ci/*', true],
  ['NOT service:shop', true],
  ['NOT service:ci/*', false],
  ['-service:shop host:*', true],
  // What depends on each event shows no whole.
  ['level:error', false],
  ['NOT level:error', false],
  ['service:ci/* level:>=info', false],
  ['service:ci/* OR level:error', true],
  ['service:ci/* -level:debug', false],
  ['error', false],
  ['tenant:a', false],
  ['service:ci/* time:-1h..', false],
  ['NOT (service:shop AND level:error)', true],
  ['NOT (service:ci/* AND level:error)', false],
])('%s', (text, expected) => {
  const { query } = compile(text, { nowNs: 0n, target: 'tail' })
  expect(query && selectsAll(query, STREAM)).toBe(expected)
})
