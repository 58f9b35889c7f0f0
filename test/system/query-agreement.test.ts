/** One query text means the same to SQL on the real engine and to the selector that a tail runs. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventView, type EventBatch } from '../../src/core/batch.ts'
import type { EventJson } from '../../src/core/event.ts'
import { compile, readEventRow, toSelector, toSql } from '../../src/query/query.ts'
import { hostileEvent, rowQueryText } from '../../src/query/testing/generate.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'

const NODE = 'Node-1'
const NOW_NS = 1_795_000_000_000_000_000n
const EVENTS = 400

let opened: TemporaryStore
let batch: EventBatch

beforeAll(async () => {
  // The events were received long ago; nothing may drop them meanwhile.
  opened = await openTemporaryStore({ retention: { ageMs: 0 } })
  batch = stampedBatch(fc.sample(hostileEvent, { numRuns: EVENTS, seed: 7 }), NOW_NS - 3_600_000_000_000n - 200n)
  await loadBatch(opened.store, batch, NODE)
})

afterAll(() => opened.remove())

async function fromEngine(text: string): Promise<Partial<EventJson>[] | undefined> {
  const { query } = compile(text, { nowNs: NOW_NS, target: 'search' })
  if (!query) return undefined
  const { statement } = toSql(query, { limit: 10_000 })
  const { rows } = await opened.store.select(statement)
  return rows.map((row) => readEventRow(query, row))
}

function fromSelector(text: string): Partial<EventJson>[] | undefined {
  const { query } = compile(text, { nowNs: NOW_NS, target: 'tail' })
  if (!query) return undefined
  const select = toSelector(query, { node: NODE })
  const view = new EventView()
  const selected: Partial<EventJson>[] = []
  for (let row = 0; row < batch.rows; row++) {
    const event = select(view.at(batch.bytes, batch.offsets[row] ?? 0))
    if (event) selected.push(event)
  }
  return selected
}

/** The events that only one side gives, or gives otherwise than the other. */
function difference(engine: Partial<EventJson>[] = [], selector: Partial<EventJson>[] = []): object {
  const engineById = new Map(engine.map((event) => [event.id, event]))
  const selectorById = new Map(selector.map((event) => [event.id, event]))
  const differing = [...new Set([...engineById.keys(), ...selectorById.keys()])].filter(
    (id) => !isDeepStrictEqual(engineById.get(id), selectorById.get(id)),
  )
  return differing.slice(0, 2).map((id) => ({ engine: engineById.get(id), selector: selectorById.get(id) }))
}

test('generated queries over generated events', async () => {
  let understood = 0
  await fc.assert(
    fc.asyncProperty(rowQueryText, async (text) => {
      const selected = fromSelector(text)
      if (selected) understood++
      expect(difference(await fromEngine(text), selected)).toEqual([])
    }),
    { numRuns: Number(process.env['QUERY_RUNS'] ?? 400) },
  )
  expect(understood).toBeGreaterThan(300)
})
