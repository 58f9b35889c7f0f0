import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import { parseTimestamp } from '../core/time.ts'
import type { ProblemCode } from './problem.ts'
import { compile, explain, toFilterSql, toSql, type CheckedQuery } from './query.ts'
import { hostileText, piece } from './testing/generate.ts'

const NOW_NS = 1_767_700_800_000_000_000n

/** Marks the pieces of the text that have a problem: `level:«wran»`. */
function marked(
  text: string,
  target: 'search' | 'tail' = 'search',
): { text: string; codes: ProblemCode[]; hints: string } {
  const { query, problems } = compile(text, { nowNs: NOW_NS, target })
  expect(query === undefined).toBe(problems.length > 0)
  let out = text
  for (const { from, to } of problems.toReversed())
    out = `${out.slice(0, from)}«${out.slice(from, to)}»${out.slice(to)}`
  return {
    text: out,
    codes: problems.map((problem) => problem.code),
    hints: problems.map(({ message, hint }) => `${message}; ${hint ?? ''}`).join('\n'),
  }
}

/** The text with its problems marked, their codes, and something that message or hint must say. */
const MISTAKES: [marked: string, codes: ProblemCode[], says: string][] = [
  ['«"abc»', ['QUERY_UNCLOSED_QUOTE'], 'add "'],
  ['(a b«»', ['QUERY_UNCLOSED_PARENTHESIS'], 'add )'],
  ['a «)» b', ['QUERY_UNEXPECTED_TEXT'], 'closes nothing'],
  ['«()»', ['QUERY_OPERAND_MISSING'], 'empty'],
  ['a «OR»', ['QUERY_OPERAND_MISSING'], 'on its right'],
  ['«OR» a', ['QUERY_OPERAND_MISSING'], 'on its left'],
  ['«and» a «AND»', ['QUERY_OPERAND_MISSING', 'QUERY_OPERAND_MISSING'], 'quotes'],
  ['«NOT»', ['QUERY_OPERAND_MISSING'], 'after it'],
  ['«status:» 500', ['QUERY_VALUE_MISSING'], 'without a space'],
  ['status:«>=» 500', ['QUERY_VALUE_MISSING'], 'without a space'],
  ['«status:()»', ['QUERY_VALUE_MISSING'], 'no value'],
  ['status:«..»', ['QUERY_BAD_RANGE'], 'one end'],
  ['status:«599..500»', ['QUERY_BAD_RANGE'], '500..599'],
  ['user:«b..a»', ['QUERY_BAD_RANGE'], 'a..b'],
  ['level:«wran»', ['QUERY_BAD_LEVEL'], 'did you mean warn?'],
  ['level:>=«25»', ['QUERY_BAD_LEVEL'], 'numbers 0 to 24'],
  ['level:«error..info»', ['QUERY_BAD_RANGE'], 'no level'],
  ['time:«yesterday»', ['QUERY_BAD_TIME'], 'time:-15m..'],
  ['time:>=«2026»', ['QUERY_BAD_TIME'], '2026-01-05'],
  ['time:«2026-02-30»', ['QUERY_BAD_TIME'], '2026-02-30'],
  ['time:«2026-01-06..2026-01-05»', ['QUERY_BAD_RANGE'], 'before it begins'],
  ['timestamp:«/2026/»', ['QUERY_BAD_TEST'], 'regular expression'],
  ['«/a(/»', ['QUERY_BAD_REGEX'], 'missing closing )'],
  ['«/(?=a)/»', ['QUERY_BAD_REGEX'], 'no look-ahead'],
  ['user:«/(a)\\1/»', ['QUERY_BAD_REGEX'], 'no back-references'],
  ['«/a/g»', ['QUERY_BAD_REGEX'], 'no flag g'],
  ['«/(aaaaaaaaaa){1000}/»', ['QUERY_BAD_REGEX'], 'too large'],
  ['| «sats» count()', ['QUERY_UNKNOWN_PIPE'], 'did you mean stats?'],
  ['a «|»', ['QUERY_PIPE_INCOMPLETE'], 'nothing after |'],
  ['a «|»| «b»', ['QUERY_PIPE_INCOMPLETE', 'QUERY_UNKNOWN_PIPE'], 'write OR'],
  ['| «stats»', ['QUERY_PIPE_INCOMPLETE'], 'stats count() n'],
  ['| «limit»', ['QUERY_PIPE_INCOMPLETE'], 'limit 10'],
  ['| «where»', ['QUERY_PIPE_INCOMPLETE'], 'where <filter>'],
  ['| «extract» «user»', ['QUERY_PIPE_INCOMPLETE', 'QUERY_UNEXPECTED_TEXT'], '(?<user>[a-z]+)'],
  ['| limit «ten»', ['QUERY_BAD_NUMBER'], 'whole number'],
  ['| limit 10 «20»', ['QUERY_UNEXPECTED_TEXT'], 'limit 10'],
  ['| sort by a «sideways»', ['QUERY_UNEXPECTED_TEXT'], 'asc|desc'],
  ['| stats «cuont()»', ['QUERY_UNKNOWN_FUNCTION'], 'did you mean count?'],
  ['| stats «avg()»', ['QUERY_BAD_ARGUMENT'], 'avg(field)'],
  ['| stats «avg(timestamp)»', ['QUERY_BAD_ARGUMENT'], 'needs numbers'],
  ['| stats quantile(«95», x)', ['QUERY_BAD_ARGUMENT'], '0.95'],
  ['| stats count() n, max(x) «n»', ['QUERY_DUPLICATE_NAME'], 'another name'],
  ['| stats count() by bin(«often»)', ['QUERY_BAD_DURATION'], '5m'],
  ['| stats count() n by service | sort by «m»', ['QUERY_UNKNOWN_FIELD'], 'did you mean n?'],
  ['| stats count() n | where «text»', ['QUERY_BAD_TEST'], 'name a column: n'],
  ['| stats count() n | where n:>«x»', ['QUERY_BAD_NUMBER'], 'numbers'],
  ['| stats count() | «timechart» count()', ['QUERY_PIPE_NOT_ALLOWED'], 'needs events'],
  ['| stats count() | «parse» json', ['QUERY_PIPE_NOT_ALLOWED'], 'before stats'],
  ['| extract «/(a)/»', ['QUERY_BAD_REGEX'], 'no named group'],
  ['| extract «/(?<level>a)/»', ['QUERY_RESERVED_NAME'], 'already'],
  ['| parse «xml»', ['QUERY_BAD_ARGUMENT'], 'json or parse logfmt'],
  [
    '«a:» «level:» | «foo» | limit «0»',
    ['QUERY_VALUE_MISSING', 'QUERY_VALUE_MISSING', 'QUERY_UNKNOWN_PIPE', 'QUERY_BAD_NUMBER'],
    'no pipe foo',
  ],
]

const codesOf = (text: string): ProblemCode[] => marked(text).codes
const read = (text: string): void => void compile(text, { nowNs: NOW_NS, target: 'search' })
const of = (text: string): CheckedQuery => {
  const { query, problems } = compile(text, { nowNs: NOW_NS, target: 'search' })
  expect(problems).toEqual([])
  return query as CheckedQuery
}

describe('mistakes', () => {
  test.each(MISTAKES)('%s', (expected, codes, says) => {
    const found = marked(expected.replace(/[«»]/g, ''))
    expect(found.text).toBe(expected)
    expect(found.codes).toEqual(codes)
    expect(found.hints).toContain(says)
  })

  test.each(['sort by a', 'limit 1', 'head 1', 'stats count()', 'top host', 'timechart count()'])(
    'a tail cannot run %s',
    (pipe) => {
      const [name = ''] = pipe.split(' ')
      const found = marked(`error | ${pipe}`, 'tail')
      expect(found.codes).toEqual(['QUERY_PIPE_NOT_ALLOWED'])
      expect(found.text).toContain(`| «${name}»`)
      expect(found.hints).toContain('use it in a search')
    },
  )

  test('a tail runs the row pipes', () => {
    const text = 'error | where a:1 | fields a | extract /(?<b>x)/ | parse json'
    expect(compile(text, { nowNs: NOW_NS, target: 'tail' }).problems).toEqual([])
  })
})

describe('limits', () => {
  test('of the text, in bytes', () => {
    expect(codesOf('a'.repeat(65_536))).toEqual([])
    expect(codesOf('a'.repeat(65_537))).toEqual(['QUERY_TEXT_TOO_LONG'])
    expect(codesOf('é'.repeat(32_769))).toEqual(['QUERY_TEXT_TOO_LONG'])
    expect(codesOf('a'.repeat(10_000_000))).toEqual(['QUERY_TEXT_TOO_LONG'])
  })

  test('of depth', () => {
    expect(codesOf(`${'('.repeat(100)}a${')'.repeat(100)}`)).toEqual([])
    expect(codesOf(`${'('.repeat(101)}a${')'.repeat(101)}`)).toEqual(['QUERY_TOO_DEEP'])
    expect(codesOf('('.repeat(65_000))).toEqual(['QUERY_TOO_DEEP'])
    expect(codesOf('a:('.repeat(20_000))).toEqual(['QUERY_TOO_DEEP'])
    expect(codesOf('-('.repeat(30_000))).toEqual(['QUERY_TOO_DEEP'])
    expect(codesOf(`"${'('.repeat(1000)}"`)).toEqual([])
  })

  test('of terms', () => {
    expect(codesOf('a '.repeat(1000))).toEqual([])
    expect(codesOf('a '.repeat(1001))).toEqual(['QUERY_TOO_MANY_TERMS'])
    expect(codesOf(`a:(${Array.from({ length: 1001 }, (_, index) => index).join(' OR ')})`)).toEqual([
      'QUERY_TOO_MANY_TERMS',
    ])
    expect(codesOf(`a ${'| where b '.repeat(40)}`)).toEqual([])
    expect(codesOf('| limit 1 '.repeat(51))).toEqual(['QUERY_TOO_MANY_PIPES'])
    expect(codesOf('| parse json '.repeat(5))).toEqual(['QUERY_TOO_MANY_PIPES'])
  })

  /** Texts on which a careless grammar takes exponential time or all of the stack. The test's own time limit decides. */
  const HOSTILE = [
    'NOT '.repeat(16_000),
    '-'.repeat(65_000),
    '- '.repeat(32_000),
    'a OR '.repeat(13_000),
    'OR '.repeat(20_000),
    '"'.repeat(65_001),
    '\\'.repeat(65_000),
    '"\\'.repeat(20_000),
    '/'.repeat(65_000),
    '/a '.repeat(20_000),
    `/${'(a*)*'.repeat(800)}b/`,
    `/${'(a|a)*'.repeat(600)}/`,
    `/${'a{999}'.repeat(600)}/`,
    `/(${'a'.repeat(4000)}){1000}/`,
    `/${'('.repeat(2000)}${')'.repeat(2000)}/`,
    '/a{1000}/ '.repeat(999),
    'a:'.repeat(30_000),
    ':'.repeat(65_000),
    '..'.repeat(32_000),
    'a..'.repeat(20_000),
    '*'.repeat(65_000),
    'a*'.repeat(32_000),
    '|'.repeat(65_000),
    '| stats count( '.repeat(40),
    `| stats ${'count(), '.repeat(6000)}`,
    `| sort by ${'a, '.repeat(20_000)}`,
    ')'.repeat(65_000),
    ' '.repeat(65_536),
    '\0'.repeat(65_000),
    '\ud800'.repeat(21_000),
  ]
  test.each(HOSTILE.map((text) => [text.slice(0, 24), text]))('hostile text %j', (_start, text) => {
    expect(() => read(text)).not.toThrow()
  })

  test('any text at all', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostileText,
          fc.array(fc.oneof(piece, fc.constantFrom(...TOKENS))).map((parts) => parts.join(' ')),
        ),
        (text) => {
          const { query, problems } = compile(text, { nowNs: NOW_NS, target: 'search' })
          expect(query === undefined).toBe(problems.length > 0)
          for (const { from, to } of problems) expect(from >= 0 && from <= to && to <= text.length).toBe(true)
          if (query) {
            explain(query)
            toFilterSql(query)
            toSql(query, { limit: 1, range: { fromNs: 0n, toNs: NOW_NS } })
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

const TOKENS = [
  'a',
  '(',
  ')',
  '|',
  'OR',
  'AND',
  'NOT',
  '-',
  'a:',
  'level:>=',
  'time:',
  '"',
  '/',
  '/x/',
  '..',
  'a:(',
  'stats',
  'count()',
  'by',
  ',',
  'bin(',
  '5m',
  'sort',
  'limit',
  'top',
  'timechart',
  'extract',
  '/(?<u>a)/',
  'parse',
  'json',
  'from',
  'fields',
  'where',
  'n',
  'avg(a)',
  'as',
]

describe('what a query says of itself', () => {
  test('time range of the text', () => {
    expect(of('a time:2026-01-05..2026-01-06 time:<2026-01-06T12:00').range).toEqual({
      fromNs: parseTimestamp('2026-01-05T00:00:00Z'),
      toNs: parseTimestamp('2026-01-06T12:00:00Z'),
    })
    expect(of('time:-15m..').range).toEqual({ fromNs: NOW_NS - 900_000_000_000n })
    expect(of('(a time:2026-01-05)').range.fromNs).toBe(parseTimestamp('2026-01-05T00:00:00Z'))
    expect(of('a OR time:2026-01-05').range).toEqual({})
    expect(of('-time:2026-01-05').range).toEqual({})
  })

  test('kind, paging, limit, fields', () => {
    expect(of('a')).toMatchObject({ kind: 'events', isPageable: true, limit: undefined, fields: undefined })
    expect(of('a | fields x, level | limit 5')).toMatchObject({ isPageable: true, limit: 5, fields: ['x', 'level'] })
    expect(of('a | limit 5 | where b')).toMatchObject({ isPageable: false, limit: undefined })
    expect(of('a | sort by b')).toMatchObject({ isPageable: false })
    expect(of('a | stats count() n by service, bin(5m)')).toMatchObject({
      kind: 'table',
      isPageable: false,
      columns: [
        { name: 'service', type: 'text' },
        { name: 'time', type: 'time' },
        { name: 'n', type: 'number' },
      ],
    })
    expect(of('| timechart count()').isRangeNeeded).toBe(true)
    expect(of('| timechart 5m count()').isRangeNeeded).toBe(false)
  })

  test('a timechart with too many buckets is refused where the range is known', () => {
    const query = of('| timechart 1s count()')
    expect(() => toSql(query, { limit: 1, range: { fromNs: 0n, toNs: 86_400_000_000_000n } })).toThrow(AppError)
  })

  test('a query whose SQL the engine would not take is refused', () => {
    const pipes = '| parse json | parse logfmt | parse json | parse logfmt | where '
    expect(() => toSql(of(pipes + 'abc:>5 '.repeat(900)), { limit: 1 })).toThrow(AppError)
  })
})

describe('words that look like something else', () => {
  test.each([
    ['http://host/path', 'events whose message contains "http://host/path"'],
    ['12:30:45', 'events whose message contains "12:30:45"'],
    ['/api/v1/items', 'events whose message contains "/api/v1/items"'],
    ['loading...', 'events whose message contains "loading..."'],
    ['"level:error"', 'events whose message contains "level:error"'],
    ["don't", 'events whose message contains "don\'t"'],
    ['well-known -', 'events whose message contains "well-known" and "-"'],
    ['source:/var/log/x.log', 'events with source /var/log/x.log'],
    ['path:../etc', 'events with path ../etc'],
    ['temp:-5', 'events with temp -5'],
    ['temp:(-5 OR -7)', 'events with temp -5 or -7'],
    ['temp:(-a)', 'events with temp not a'],
    ['attributes.key:x', 'events with key x'],
    ['key:x', 'events with service x'],
    ['a\\b', 'events whose message contains "a\\\\b"'],
  ])('%s', (text, expected) => {
    const { query, problems } = compile(text, { nowNs: NOW_NS, target: 'search' })
    expect(problems).toEqual([])
    expect(query && explain(query)).toBe(expected)
  })
})
