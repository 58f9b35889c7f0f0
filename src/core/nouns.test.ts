import { describe, expect, test } from 'vitest'
import {
  COUNTER_SERIES_MAX,
  Counters,
  EXAMPLE_CHARS_MAX,
  EXAMPLES_PER_SERIES,
  SERIES_WITH_EXAMPLES_MAX,
} from './counters.ts'
import { AppError, problemDocument } from './errors.ts'
import { eventJson, formatEventId, parseEventId } from './event.ts'
import { LEVELS, levelOf, severityFromName, severityFromNumber, severityFromSyslog, severityRange } from './severity.ts'
import { closest } from './suggest.ts'
import { formatSize, parseSize } from './units.ts'

describe('severity', () => {
  test('every number has the level of the range it lies in', () => {
    const byRange = Array.from({ length: 25 }, (_, severity) =>
      LEVELS.find((level) => severityRange(level)[0] <= severity && severity <= severityRange(level)[1]),
    )
    expect(byRange).toEqual(Array.from({ length: 25 }, (_, severity) => levelOf(severity)))
    expect(levelOf(99)).toBe('unknown')
  })

  test.each([
    ['WARNING', 13],
    [' Error ', 17],
    ['emerg', 21],
    ['critical', 18],
    ['FATAL2', 22],
    ['louder', undefined],
  ])('name %s', (name, expected) => expect(severityFromName(name)).toBe(expected))

  test.each([
    [30, 9],
    [60, 21],
    [10, 1],
    [9, 9],
    [17, 17],
    [0, 0],
    [25, undefined],
    [70, undefined],
    [1.5, undefined],
    [-1, undefined],
  ])('number %s', (value, expected) => expect(severityFromNumber(value)).toBe(expected))

  test('syslog codes are OpenTelemetry’s', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(severityFromSyslog)).toEqual([21, 19, 18, 17, 13, 10, 9, 5])
    expect(severityFromSyslog(8)).toBeUndefined()
  })
})

describe('event ids', () => {
  test('read back, and sort as the received times do', () => {
    const ids = [1n, 255n, 1_767_607_872_123_456_789n, 2n ** 62n].map((ns) => formatEventId(ns, 'web-1.a_b'))
    expect(ids.map((id) => parseEventId(id)?.receivedNs)).toEqual([1n, 255n, 1_767_607_872_123_456_789n, 2n ** 62n])
    expect([...ids].sort()).toEqual(ids)
  })
  test.each(['', 'x', '0000000000000001', '0000000000000001-', '0000000000000001-a b', '000000000000000G-a'])(
    '%j is none',
    (id) => expect(parseEventId(id)).toBeUndefined(),
  )
  test('an attribute called __proto__ stays an attribute', () => {
    const event = { timestampNs: 0n, receivedNs: 1n, severity: 9, service: '', host: '', source: '', message: '' }
    const attributes = new Map([['__proto__', 'x']])
    const json = eventJson({ ...event, trace_id: '', span_id: '', attributes }, 'n')
    expect(JSON.stringify(json.attributes)).toBe('{"__proto__":"x"}')
  })
})

describe('counters', () => {
  test('same name and labels, same counter, whatever their order', () => {
    const counters = new Counters()
    counters.add('a_total', { x: '1', y: '2' })
    counters.add('a_total', { y: '2', x: '1' }, 4)
    counters.add('a_total', { x: '9' })
    expect(counters.samples().map((sample) => sample.value)).toEqual([5, 1])
    expect(counters.total('a_total')).toBe(6)
    expect(counters.total('a_total', { x: '1' })).toBe(5)
  })
  test('series are limited, nothing is lost', () => {
    const counters = new Counters()
    for (let i = 0; i < COUNTER_SERIES_MAX + 50; i++) counters.add('a_total', { key: String(i) })
    expect(counters.samples().length).toBe(COUNTER_SERIES_MAX + 1)
    expect(counters.total('a_total')).toBe(COUNTER_SERIES_MAX + 50)
  })
  test('the newest examples of a series are kept, and not more', () => {
    let nowMs = 0
    const counters = new Counters(() => ++nowMs)
    const labels = { reason: 'r' }
    for (let i = 1; i <= EXAMPLES_PER_SERIES + 2; i++) counters.keepExample('a_total', labels, `text ${i}`)
    counters.keepExample('b_total', labels, 'x'.repeat(EXAMPLE_CHARS_MAX + 1))
    const [kept, ...others] = counters.examples('a_total')
    expect([kept?.labels, kept?.newest.length, others]).toEqual([labels, EXAMPLES_PER_SERIES, []])
    expect(kept?.newest.slice(0, 2)).toEqual([
      { atMs: 7, text: 'text 7' },
      { atMs: 6, text: 'text 6' },
    ])
    expect(counters.examples('b_total')[0]?.newest[0]?.text).toHaveLength(EXAMPLE_CHARS_MAX)
    for (let i = 0; i < SERIES_WITH_EXAMPLES_MAX; i++) counters.keepExample('c_total', { i: String(i) }, '')
    expect(counters.examples('c_total')).toHaveLength(SERIES_WITH_EXAMPLES_MAX - 2)
    expect(counters.samples()).toEqual([])
  })
})

test('an error becomes a problem document', () => {
  const cause = new Error('disk')
  const error = new AppError('SPOOL_FULL', { cause, hint: 'wait', retryAfterSeconds: 5 })
  expect(error.cause).toBe(cause)
  expect(problemDocument(error)).toEqual({
    type: 'urn:tailrace:error:SPOOL_FULL',
    title: 'The spool has reached its size limit',
    status: 503,
    code: 'SPOOL_FULL',
    detail: 'The spool has reached its size limit',
    hint: 'wait',
  })
})

test.each([
  ['64MiB', 67_108_864],
  ['1.5 GB', 1_500_000_000],
  ['10k', 10_240],
  ['7', 7],
  ['-1', undefined],
  ['10 parsecs', undefined],
])('size %s', (text, expected) => expect(parseSize(text)).toBe(expected))

test.each([
  [0, '0 B'],
  [1536, '1.5 KiB'],
  [4 * 2 ** 30, '4 GiB'],
])('%d bytes are %s', (bytes, text) => expect(formatSize(bytes)).toBe(text))

test('suggestions are close or absent', () => {
  expect(closest('sevice', ['service', 'host'])).toBe('service')
  expect(closest('zzzzzz', ['service', 'host'])).toBeUndefined()
})
