import { describe, expect, test } from 'vitest'
import { EventBatch, EventView, ROW_RECEIVED, type EventInput } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import { compile, createEvaluation, readTableRow, rowPosition, type CheckedQuery } from './query.ts'
import { evaluate } from './testing/evaluate.ts'

const NODE = 'n1'
const T0 = 1_790_000_000_000_000_000n
const SECOND = 1_000_000_000n

function batchOf(events: readonly EventInput[]): EventBatch {
  const batch = new EventBatch()
  for (const event of events) batch.append(event)
  for (let row = 0; row < batch.rows; row++) {
    batch.bytes.writeBigInt64LE(T0 + BigInt(row), (batch.offsets[row] ?? 0) + ROW_RECEIVED)
  }
  return batch
}

function checked(text: string): CheckedQuery {
  const { query, problems } = compile(text, { nowNs: T0, target: 'search' })
  if (!query) throw new Error(problems.map(({ message }) => message).join(', '))
  return query
}

/** One event a second, the oldest first; each has its number. */
const numbered = (count: number, text = ''): EventBatch =>
  batchOf(
    Array.from({ length: count }, (_, index) => ({
      timestampNs: T0 + BigInt(index) * SECOND,
      message: `${text}${index}`,
      attributes: new Map([['n', String(index)]]),
    })),
  )

const messagesOf = (rows: readonly unknown[][]): unknown[] => rows.map((row) => row[7])

describe('what is kept', () => {
  const batch = numbered(5000, 'x'.repeat(1000))

  test('of a search is no more than the events of the answer', () => {
    const { rows, bytesPeak } = evaluate(checked('*'), batch, { limit: 10, node: NODE })
    expect(rows).toHaveLength(10)
    expect(bytesPeak).toBeLessThan(10 * 2000)
    expect(bytesPeak).toBeGreaterThan(10 * 1000)
  })

  test.each([
    ['groups', 'stats count() by n', 5000 * 100],
    ['different values', 'stats uniq(n)', 5000 * 60],
    ['percentiles', 'stats p50(n)', 5000 * 8],
    ['sorted rows', 'sort by n | limit 100', 100 * 1000],
    ['rows before a further pipe', 'limit 200 | stats count()', 200 * 1000],
    ['buckets', 'timechart 1s count()', 5000 * 100],
  ])('of %s is told before it is kept', (_what, pipes, bytesMin) => {
    expect(evaluate(checked(`| ${pipes}`), batch, { limit: 5000, node: NODE }).bytesPeak).toBeGreaterThan(bytesMin)
    let left = bytesMin / 4
    const charge = (bytes: number): void => {
      left -= bytes
      if (left < 0) throw new AppError('QUERY_TOO_COSTLY')
    }
    const evaluation = createEvaluation(checked(`| ${pipes}`), { limit: 5000, node: NODE, charge })
    const view = new EventView()
    expect(() => {
      for (const offset of batch.offsets.subarray(0, batch.rows)) evaluation.add(view.at(batch.bytes, offset))
      for (const row of evaluation.finish()) void row
    }).toThrow(AppError)
  })

  test('does not refer to the bytes that it was shown', () => {
    const own = numbered(3)
    const evaluation = createEvaluation(checked('| sort by n desc'), { limit: 3, node: NODE, charge: () => undefined })
    const view = new EventView()
    for (const offset of own.offsets.subarray(0, own.rows)) evaluation.add(view.at(own.bytes, offset))
    own.bytes.fill(0)
    expect(messagesOf([...evaluation.finish()].filter((row) => row !== undefined))).toEqual(['2', '1', '0'])
  })
})

test('long work comes in steps', () => {
  const batch = numbered(20_000)
  const steps = (text: string): number => {
    const evaluation = createEvaluation(checked(text), { limit: 20_000, node: NODE, charge: () => undefined })
    const view = new EventView()
    for (const offset of batch.offsets.subarray(0, batch.rows)) evaluation.add(view.at(batch.bytes, offset))
    return [...evaluation.finish()].filter((row) => row === undefined).length
  }
  expect(steps('*')).toBeGreaterThan(20)
  expect(steps('| stats count() by n')).toBeGreaterThan(20)
  expect(steps('| timechart 10ms count() | where "count()":>0')).toBeGreaterThan(20)
})

test('pages of either order give every event once', () => {
  const batch = batchOf(
    Array.from({ length: 50 }, (_, index) => ({
      timestampNs: T0 + BigInt((index * 7) % 5) * SECOND,
      message: String(index),
    })),
  )
  for (const order of ['asc', 'desc'] as const) {
    const whole = messagesOf(evaluate(checked('*'), batch, { limit: 100, order, node: NODE }).rows)
    expect(new Set(whole).size).toBe(50)
    const paged: unknown[] = []
    for (let after: ReturnType<typeof rowPosition> | undefined; paged.length < 50;) {
      const { rows } = evaluate(checked('*'), batch, { limit: 7, order, node: NODE, ...(after && { after }) })
      const last = rows.at(-1)
      if (!last) break
      paged.push(...messagesOf(rows))
      after = rowPosition(last)
    }
    expect(paged).toEqual(whole)
  }
})

test('percentiles are exact beyond the size of a sample', () => {
  const query = checked('| stats p50(n), quantile(1, n)')
  const { rows } = evaluate(query, numbered(20_001), { limit: 1, node: NODE })
  expect(rows.map((row) => readTableRow(query.columns, row))).toEqual([[10_000, 20_000]])
})

test('a chart of very many buckets can be stopped, and is refused where its range says so', () => {
  const query = checked('| timechart 1ms count()')
  const batch = batchOf([
    { timestampNs: 0n, message: 'a' },
    { timestampNs: T0, message: 'b' },
  ])
  const evaluation = createEvaluation(query, { limit: 1, node: NODE, charge: () => undefined })
  const view = new EventView()
  for (const offset of batch.offsets.subarray(0, batch.rows)) evaluation.add(view.at(batch.bytes, offset))
  const steps = evaluation.finish()
  for (let step = 0; step < 100; step++) expect(steps.next()).toEqual({ done: false, value: undefined })
  const range = { fromNs: 0n, toNs: T0 }
  expect(() => evaluate(query, batch, { limit: 1, range, node: NODE })).toThrow('more than 10000 buckets')
})

test('rate is of events, not of rows of a table', () => {
  const { problems } = compile('| stats count() by host | stats rate()', { nowNs: T0, target: 'search' })
  expect(problems).toMatchObject([{ code: 'QUERY_BAD_ARGUMENT' }])
})
