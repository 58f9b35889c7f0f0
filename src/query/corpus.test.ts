import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EventBatch, EventView, ROW_RECEIVED } from '../core/batch.ts'
import { PROBLEM_CODES } from './problem.ts'
import { compile, explain, LANGUAGE, readTableRow, rowPosition, toSelector } from './query.ts'
import { CORPUS_EVENTS, CORPUS_NODE, CORPUS_NOW_NS, readCorpus } from './testing/corpus.ts'
import { evaluate } from './testing/evaluate.ts'

const corpus = readCorpus()
const documentation = readFileSync(new URL('../../docs/query.md', import.meta.url), 'utf8')

function batchOfCorpus(): EventBatch {
  const batch = new EventBatch()
  for (const event of CORPUS_EVENTS) batch.append(event)
  for (let row = 0; row < batch.rows; row++) {
    batch.bytes.writeBigInt64LE(CORPUS_NOW_NS + BigInt(row), (batch.offsets[row] ?? 0) + ROW_RECEIVED)
  }
  return batch
}

test('there is a corpus', () => {
  expect(corpus.length).toBeGreaterThan(80)
  expect(corpus.filter((one) => (one.events === undefined) === (one.rows === undefined))).toEqual([])
})

test.each(corpus)('$file is explained', ({ query: text, explain: expected }) => {
  const { query, problems } = compile(text, { nowNs: CORPUS_NOW_NS, target: 'search' })
  expect(problems).toEqual([])
  expect(query && explain(query)).toBe(expected)
})

const forTail = corpus.flatMap((one) => {
  const { query } = compile(one.query, { nowNs: CORPUS_NOW_NS, target: 'tail' })
  return query && one.events ? [{ ...one, events: one.events, query, text: one.query }] : []
})

test.each(forTail)('$file selects the same in a tail', ({ query, events }) => {
  const batch = batchOfCorpus()
  const select = toSelector(query, { node: CORPUS_NODE })
  const view = new EventView()
  const selected = [...Array(batch.rows).keys()].filter((row) => select(view.at(batch.bytes, batch.offsets[row] ?? 0)))
  expect(selected).toEqual(events.toSorted((a, b) => a - b))
})

test.each(corpus)('$file is answered from memory', ({ query: text, events, rows }) => {
  const { query } = compile(text, { nowNs: CORPUS_NOW_NS, target: 'search' })
  if (!query) throw new Error('not understood')
  const answer = evaluate(query, batchOfCorpus(), { node: CORPUS_NODE, limit: 1000 })
  if (events) expect(answer.rows.map((row) => Number(rowPosition(row).receivedNs - CORPUS_NOW_NS))).toEqual(events)
  else expect(answer.rows.map((row) => readTableRow(query.columns, row))).toEqual(rows)
})

test('most of the corpus can be tailed', () => {
  expect(forTail.length).toBeGreaterThan(60)
})

test('every problem, pipe, field and function is documented, and no problem that does not exist', () => {
  const documented = new Set(documentation.match(/`QUERY_[A-Z_]+`/g)?.map((code) => code.slice(1, -1)))
  expect([...documented].toSorted()).toEqual([...PROBLEM_CODES].toSorted())
  for (const { name } of [...LANGUAGE.fields, ...LANGUAGE.pipes, ...LANGUAGE.functions]) {
    expect(documentation).toContain(`\`${name}`)
  }
  for (const alias of Object.keys(LANGUAGE.aliases)) expect(documentation).toContain(`\`${alias}\``)
})

test('the examples of the language are queries', () => {
  for (const { usage } of LANGUAGE.fields) {
    expect(compile(usage, { nowNs: CORPUS_NOW_NS, target: 'search' }).problems).toEqual([])
  }
})
