/** One query means the same to SQL on the real engine and to the evaluation in memory: the same rows in the same order. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventBatch } from '../../src/core/batch.ts'
import {
  compile,
  readEventRow,
  readTableRow,
  toSql,
  type CheckedQuery,
  type RowOptions,
} from '../../src/query/query.ts'
import { evaluate } from '../../src/query/testing/evaluate.ts'
import { mixedEvent, queryText } from '../../src/query/testing/generate-table.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'

const NODE = 'Node-1'
const NOW_NS = 1_795_000_000_000_000_000n
const FIRST_RECEIVED_NS = NOW_NS - 3_600_000_000_000n
const EVENTS = 600
const HOUR_NS = 3_600_000_000_000n
const DAY_NS = 1_767_571_200_000_000_000n
const HOUR = { fromNs: DAY_NS, toNs: DAY_NS + HOUR_NS }

let opened: TemporaryStore
let batch: EventBatch

beforeAll(async () => {
  // The events were received long ago; nothing may drop them meanwhile.
  opened = await openTemporaryStore({ retention: { ageMs: 0 } })
  batch = stampedBatch(fc.sample(mixedEvent, { numRuns: EVENTS, seed: 11 }), FIRST_RECEIVED_NS)
  await loadBatch(opened.store, batch, NODE)
})

afterAll(() => opened.remove())

const readable = (query: CheckedQuery, rows: readonly unknown[][]): unknown[] =>
  rows.map((row) => (query.kind === 'events' ? readEventRow(query, row) : readTableRow(query.columns, row)))

/** Numbers may differ in their last digits: sums depend on the order in which they are made. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? 0 : Number(value.toPrecision(9))
  return Array.isArray(value) ? value.map(rounded) : value
}

const askedOptions: fc.Arbitrary<RowOptions> = fc.record(
  {
    limit: fc.constantFrom(1, 7, 100, 1000),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    range: fc.constantFrom(
      { fromNs: DAY_NS, toNs: DAY_NS + HOUR_NS },
      { fromNs: DAY_NS + 1n },
      { toNs: DAY_NS + HOUR_NS / 2n },
    ),
    snapshotNs: fc.constant(FIRST_RECEIVED_NS + 300n),
    after: fc
      .tuple(fc.bigInt(0n, HOUR_NS / 1_000_000_000n), fc.bigInt(0n, 600n), fc.constantFrom('A', NODE, 'a'))
      .map(([seconds, received, node]) => ({
        timestampNs: DAY_NS + seconds * 1_000_000_000n,
        receivedNs: FIRST_RECEIVED_NS + received,
        node,
      })),
  },
  { requiredKeys: ['limit'] },
)

/** A chart of series or without a beginning would be filled for a very long time, as some events are of 1970. */
function bounded(text: string, asked: RowOptions): RowOptions {
  if (!text.includes('timechart')) return asked
  const isShort = asked.range?.fromNs !== undefined && !/timechart[^|]* by /.test(text)
  return isShort ? asked : { ...asked, range: HOUR }
}

test('generated queries over generated events', async () => {
  let understood = 0
  await fc.assert(
    fc.asyncProperty(queryText, askedOptions, async (text, asked) => {
      const { query } = compile(text, { nowNs: NOW_NS, target: 'search' })
      if (!query) return
      understood++
      const options = bounded(text, asked)
      const { rows } = await opened.store.select(toSql(query, options).statement)
      const answer = evaluate(query, batch, { ...options, node: NODE })
      expect(rounded(readable(query, answer.rows))).toEqual(rounded(readable(query, rows)))
    }),
    { numRuns: Number(process.env['QUERY_RUNS'] ?? 400) },
  )
  expect(understood).toBeGreaterThan(250)
})
