/** The corpus, paging and hostile texts on the real engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventView, type EventBatch } from '../../src/core/batch.ts'
import {
  compile,
  readTableRow,
  rowPosition,
  toFilterSql,
  toSelector,
  toSql,
  type SqlOptions,
} from '../../src/query/query.ts'
import { CORPUS_EVENTS, CORPUS_NODE, CORPUS_NOW_NS, readCorpus } from '../../src/query/testing/corpus.ts'
import { quoted } from '../../src/query/testing/generate.ts'
import { HOSTILE_VALUES } from '../../src/query/testing/hostile-values.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../src/store/testing/temporary-store.ts'

let opened: TemporaryStore
let batch: EventBatch
const HOSTILE_FROM = CORPUS_EVENTS.length

/** Events of two nodes, all of one timestamp, with the same received times. */
const TIED = 4
const TIED_NS = CORPUS_NOW_NS - 86_400_000_000_000n * 500n
const TIED_ONLY = { range: { fromNs: TIED_NS, toNs: TIED_NS + 1n } }
const HOSTILE_ONLY = { range: { fromNs: TIED_NS + 1n, toNs: CORPUS_NOW_NS - 86_400_000_000_000n * 100n } }

beforeAll(async () => {
  // The events were received long ago; nothing may drop them meanwhile.
  opened = await openTemporaryStore({ retention: { ageMs: 0 } })
  await loadBatch(opened.store, stampedBatch(CORPUS_EVENTS, CORPUS_NOW_NS), CORPUS_NODE)
  const hostile = HOSTILE_VALUES.map((text) => ({
    timestampNs: CORPUS_NOW_NS - 86_400_000_000_000n * 400n,
    message: text,
    service: text,
    attributes: new Map([
      ['a', text],
      [text, 'x'],
    ]),
  }))
  batch = stampedBatch(hostile, CORPUS_NOW_NS + BigInt(HOSTILE_FROM))
  await loadBatch(opened.store, batch, CORPUS_NODE)
  const tied = Array.from({ length: TIED }, () => ({ timestampNs: TIED_NS, message: 'σ;404' }))
  for (const node of ['a', 'b']) await loadBatch(opened.store, stampedBatch(tied, CORPUS_NOW_NS), node)
})

afterAll(() => opened.remove())

async function answer(text: string, options: Partial<SqlOptions> = {}): Promise<unknown[][]> {
  const { query, problems } = compile(text, { nowNs: CORPUS_NOW_NS, target: 'search' })
  if (!query) throw new Error(`${text}: ${problems.map((problem) => problem.message).join(', ')}`)
  const { statement, kind, columns } = toSql(query, { limit: 1000, ...options })
  const { rows } = await opened.store.select(statement)
  return kind === 'events' ? rows : rows.map((row) => readTableRow(columns, row))
}

const numbers = (rows: unknown[][]): number[] => rows.map((row) => Number(rowPosition(row).receivedNs - CORPUS_NOW_NS))

/** Without the hostile events. */
const CORPUS_ONLY = { range: { fromNs: CORPUS_NOW_NS - 86_400_000_000_000n * 100n } }

test.each(readCorpus())('$file', async ({ query, events, rows }) => {
  const found = await answer(query, CORPUS_ONLY)
  if (events) expect(numbers(found)).toEqual(events)
  else expect(found).toEqual(rows)
})

const positions = (rows: unknown[][]): string[] =>
  rows.map((row) => `${rowPosition(row).receivedNs - CORPUS_NOW_NS} ${rowPosition(row).node}`)

describe('paging', () => {
  test.each(['desc', 'asc'] as const)('%s gives every event once, in order', async (order) => {
    const whole = numbers(await answer('*', { ...CORPUS_ONLY, order }))
    expect(whole).toHaveLength(CORPUS_EVENTS.length)
    const paged: number[] = []
    let after: NonNullable<SqlOptions['after']> | undefined
    for (let page = 0; page < CORPUS_EVENTS.length; page++) {
      const rows = await answer('*', { ...CORPUS_ONLY, order, limit: 3, ...(after && { after }) })
      const last = rows.at(-1)
      if (!last) break
      paged.push(...numbers(rows))
      after = rowPosition(last)
    }
    expect(paged).toEqual(whole)
  })

  test.each(['desc', 'asc'] as const)('%s among events of one time on two nodes', async (order) => {
    const whole = positions(await answer('*', { ...TIED_ONLY, order }))
    const expected = ['0 a', '0 b', '1 a', '1 b', '2 a', '2 b', '3 a', '3 b']
    expect(whole).toEqual(order === 'asc' ? expected : expected.toReversed())
    const paged: string[] = []
    let after: NonNullable<SqlOptions['after']> | undefined
    for (let page = 0; page <= whole.length; page++) {
      const [row] = await answer('*', { ...TIED_ONLY, order, limit: 1, ...(after && { after }) })
      if (!row) break
      paged.push(...positions([row]))
      after = rowPosition(row)
    }
    expect(paged).toEqual(whole)
  })

  test('a snapshot does not see what came later', async () => {
    const rows = await answer('*', { ...CORPUS_ONLY, snapshotNs: CORPUS_NOW_NS + 4n })
    expect(numbers(rows)).toEqual([4, 3, 2, 1, 0])
  })

  test('a position among equal timestamps', async () => {
    const rows = numbers(await answer('*', HOSTILE_ONLY))
    const after = {
      timestampNs: CORPUS_NOW_NS - 86_400_000_000_000n * 400n,
      receivedNs: CORPUS_NOW_NS + BigInt(HOSTILE_FROM + 5),
      node: CORPUS_NODE,
    }
    const rest = numbers(await answer('*', { ...HOSTILE_ONLY, after }))
    expect(rest).toEqual(rows.filter((row) => row < HOSTILE_FROM + 5))
  })
})

/** The engine looks byte by byte for what every match must contain, and would be wrong about these as written. */
test.each(['/σé*/', '/σé?x?/', '/σé{0,2}/', '/σ\\Qé\\E*/', '/(?i)Σé*/', '/σ💥*;/'])(
  '%s matches without its last letter',
  async (regex) => {
    expect(await answer(`${regex} | stats count()`, TIED_ONLY)).toEqual([[2 * TIED]])
  },
)

describe('hostile texts', () => {
  const places: [string, (text: string) => string][] = [
    ['phrase', quoted],
    ['value', (text) => `service:${quoted(text)}`],
    ['attribute', (text) => `a:${quoted(text)}`],
    ['bound', (text) => `a:>=${quoted(text)}`],
    ['list', (text) => `a:(${quoted(text)} OR ${quoted(`${text}x`)})`],
    ['field name', (text) => `${quoted(text)}:x`],
    ['field presence', (text) => `${quoted(text)}:*`],
  ]
  test.each(places)('as %s select what a tail selects', async (_place, write) => {
    for (const [index, text] of HOSTILE_VALUES.entries()) {
      const { query } = compile(write(text), { nowNs: CORPUS_NOW_NS, target: 'tail' })
      if (!query) throw new Error(write(text))
      const select = toSelector(query, { node: CORPUS_NODE })
      const view = new EventView()
      const expected = HOSTILE_VALUES.map((_, row) => row).filter((row) =>
        select(view.at(batch.bytes, batch.offsets[row] ?? 0)),
      )
      const found = numbers(await answer(write(text), HOSTILE_ONLY))
      expect([text, found.map((row) => row - HOSTILE_FROM).toSorted((a, b) => a - b)]).toEqual([text, expected])
      if (write !== quoted) expect(expected).toContain(index)
    }
  })

  const whole: [string, (text: string) => string][] = [
    ['an alias', (text) => `| stats count() ${quoted(text)} | where ${quoted(text)}:>0 | sort by ${quoted(text)}`],
    ['a group', (text) => `| stats count() by ${quoted(text)}`],
    ['an argument', (text) => `| stats avg(${quoted(text)}), max(${quoted(text)}) m`],
    ['a top field', (text) => `| top 3 ${quoted(text)}`],
    ['a sort field', (text) => `| sort by ${quoted(text)} desc`],
    ['a shown field', (text) => `| fields ${quoted(text)}`],
    ['the origin of an extract', (text) => `| extract /(?<g>x)/ from ${quoted(text)} | where g:x`],
    ['a parsed field', (text) => `| parse json | parse logfmt | where -${quoted(text)}:1`],
  ]
  test.each(whole)('as %s are only a name', async (_place, write) => {
    for (const text of HOSTILE_VALUES) expect((await answer(write(text))).length).toBeGreaterThan(0)
  })

  test('as regular expressions are only expressions', async () => {
    for (const text of HOSTILE_VALUES) {
      const { query } = compile(`/x?${text.replaceAll('/', '')}/`, { nowNs: 0n, target: 'search' })
      if (query) await opened.store.select(toSql(query, { limit: 10 }).statement)
    }
  })

  test('every event is still there', async () => {
    expect(await answer('| stats count()')).toEqual([[CORPUS_EVENTS.length + HOSTILE_VALUES.length + 2 * TIED]])
  })
})

const terms = (write: (index: number) => string): string =>
  Array.from({ length: 1000 }, (_, index) => write(index)).join(' OR ')

/** 999 words that stand nowhere, and one more term. */
const some = (last: string): string => terms((index) => `w${index}`).replace(/w999$/, last)

describe('large queries', () => {
  test.each([
    ['words', terms((index) => `w${index}`)],
    ['values', terms((index) => `a:v${index}`)],
    ['fields', terms((index) => `f${index}:>${index}`)],
    ['patterns', terms((index) => `host:x${index}*`)],
    ['regular expressions', Array.from({ length: 60 }, (_, index) => `/r${index}.*é/i`).join(' ')],
    ['depth', `${'(a OR '.repeat(99)}b${')'.repeat(99)}`],
    ['the longest value', `a:${'v'.repeat(65_000)}`],
  ])('of %s are taken by the engine', async (_what, text) => {
    const { query } = compile(text, { nowNs: 0n, target: 'search' })
    if (!query) throw new Error('not understood')
    await opened.store.select(toSql(query, { limit: 1 }).statement)
    const filter = toFilterSql(query)
    await opened.store.select({ sql: `SELECT count() FROM events WHERE ${filter.sql}`, params: filter.params })
  })

  test('many values each reach their own place', async () => {
    expect(numbers(await answer(some('invoice'), CORPUS_ONLY))).toEqual([0])
    expect(numbers(await answer(some('status:>=501'), CORPUS_ONLY))).toEqual([1])
    expect(numbers(await answer(some('nothing'), CORPUS_ONLY))).toEqual([])
  })

  test.each(['/\\pL{290}/', '/.{1000}/', '/[^a]{1000}/', '/(?i)[a-zéж]{1000}/', '/(?:\\d{1,3}\\.){3}\\d{1,3}/'])(
    'the largest expressions %s that are accepted are taken too',
    async (text) => {
      const { query, problems } = compile(text, { nowNs: 0n, target: 'search' })
      expect(problems).toEqual([])
      if (query) await opened.store.select(toSql(query, { limit: 1 }).statement)
    },
  )
})
