import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import { parseTimestamp } from '../core/time.ts'
import { discreet } from './discretion.ts'
import { testPrincipal } from './testing/word-access.ts'
import { createView, visibleCondition, visibleSql, type View } from './view.ts'

const NOW_NS = parseTimestamp('2026-01-10T00:00:00Z') ?? 0n
const viewOf = (filter: string): View => createView({ filter }, { nowNs: NOW_NS })

describe('a view', () => {
  test('without a filter shows everything', () => {
    const view = viewOf('')
    expect(visibleCondition(view.everything)).toEqual({ sql: '1', params: {} })
    expect(view.filter).toBe('')
  })

  test('with a filter asks it of every event', () => {
    const view = viewOf('tenant:a')
    const { query } = view.compile('x | stats count()', { nowNs: NOW_NS, target: 'search' })
    for (const { sql } of [
      visibleCondition(view.everything),
      ...(query ? [visibleCondition(query), visibleSql(query, { limit: 1 }).statement] : []),
    ]) {
      expect(sql).toContain('attributes[')
    }
    expect(query).toBeDefined()
    expect(view.filter).toBe('tenant:a')
  })

  test('tells what is wrong with a text', () => {
    expect(viewOf('tenant:a').compile('level:loud', { nowNs: NOW_NS, target: 'search' })).toMatchObject({
      problems: [{ code: 'QUERY_BAD_LEVEL', from: 6 }],
    })
  })

  test('counts relative times of the filter from now, whatever the question counts from', () => {
    const view = viewOf('time:-1h..')
    const { query } = view.compile('', { nowNs: 0n, target: 'search' })
    expect(query?.range.fromNs).toBe(NOW_NS - 3_600_000_000_000n)
  })

  test.each(['level:loud', '(a', 'a | where b', 'x'.repeat(70_000)])(
    'of a filter that makes no sense is refused',
    (text) => {
      expect(() => viewOf(text)).toThrow(expect.objectContaining({ code: 'ACCESS_DENIED' }) as Error)
    },
  )
})

/** What is not the view's own business is not imported by anybody else, so that no route can go around it. */
test('only the view turns text into queries, and queries into statements', () => {
  const folder = new URL('./', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const using = (pattern: RegExp): string[] =>
    files.filter((file) => pattern.test(readFileSync(new URL(file, folder), 'utf8'))).toSorted()
  expect(files.length).toBeGreaterThan(30)
  expect(using(/\b(?:compile|toSql|toFilterSql|toSelector|restrict)\b[^'"]*} from '\.\.\/query/)).toEqual(['view.ts'])
  expect(using(/FROM events/)).toEqual(['bucket-counts.ts', 'extent.ts', 'field-scan.ts', 'stored-events.ts'])
})

describe('an error that the store worded', () => {
  const error = new AppError('STORE_FAILED', {
    detail: 'SELECT … (ClickHouse error 62)',
    hint: 'h',
    retryAfterSeconds: 2,
  })

  test('is told to those who may see figures, and to nobody else', () => {
    expect(discreet(error, testPrincipal())).toBe(error)
    expect(discreet(error, testPrincipal({ role: 'admin' }))).toBe(error)
    const told = discreet(error, testPrincipal({ filter: 'a' }))
    expect(told).toMatchObject({ code: 'STORE_FAILED', detail: 'The store could not do this.', hint: 'h' })
    expect(told.retryAfterSeconds).toBe(2)
  })

  test('is not mistaken for one of the query', () => {
    const mistake = new AppError('QUERY_TOO_LARGE', { detail: 'the query is longer than 64 KiB', problems: [] })
    const other = new AppError('QUERY_INVALID', { detail: 'what is wrong' })
    for (const own of [mistake, other]) expect(discreet(own, testPrincipal({ filter: 'a' }))).toBe(own)
  })
})
