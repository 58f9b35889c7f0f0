import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PAGE_NS, pageAt, parsePage, type PageSize } from './page-time.ts'

describe('names of pages', () => {
  const cases: [text: string, size: PageSize, from: string][] = [
    ['2026-11-21T04:05', 'minute', '2026-11-21T04:05:00Z'],
    ['2026-11-21T04:05Z', 'minute', '2026-11-21T04:05:00Z'],
    ['2026-11-21T04', 'hour', '2026-11-21T04:00:00Z'],
    ['2026-11-21', 'day', '2026-11-21T00:00:00Z'],
    ['1970-01-01', 'day', '1970-01-01T00:00:00Z'],
    ['2024-02-29', 'day', '2024-02-29T00:00:00Z'],
  ]
  test.each(cases)('%s', (text, size, from) => {
    const fromNs = BigInt(Date.parse(from)) * 1_000_000n
    expect(parsePage(text)).toEqual({ size, name: text.replace('Z', ''), fromNs, toNs: fromNs + PAGE_NS[size] })
  })

  test.each([
    '',
    '2026',
    '2026-11',
    '2026-02-30',
    '2026-11-21T24',
    '2026-11-21T04:60',
    '2026-11-21T04:05:00',
    '2026-11-21 04',
    '1969-12-31',
    '2263-01-01',
    '*',
    '26-11-21',
  ])('%j is none', (text) => expect(parsePage(text)).toBeUndefined())

  test('every time lies in the page that it is named by', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 9_214_646_399_999_999_999n), fc.constantFrom('minute', 'hour', 'day'), (ns, size) => {
        const page = pageAt(ns, size)
        expect(page.fromNs <= ns && ns < page.toNs).toBe(true)
        expect(parsePage(page.name)).toEqual(page)
      }),
    )
  })
})
