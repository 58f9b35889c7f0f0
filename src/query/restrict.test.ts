import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch, EventView } from '../core/batch.ts'
import type { EventJson } from '../core/event.ts'
import { parseTimestamp } from '../core/time.ts'
import { checkFilter, compile, restrict, toFilterSql, toSelector, toSql, type CheckedQuery } from './query.ts'
import { CORPUS_EVENTS, CORPUS_NODE, CORPUS_NOW_NS, readCorpus } from './testing/corpus.ts'
import { filterText, hostileEvent, rowQueryText } from './testing/generate.ts'

function understood(text: string, target: 'search' | 'tail' = 'search'): CheckedQuery | undefined {
  return compile(text, { nowNs: CORPUS_NOW_NS, target }).query
}

const must = (query: CheckedQuery | undefined): CheckedQuery => {
  if (!query) throw new Error('not a query')
  return query
}

type Selected = (Partial<EventJson> | undefined)[]

function selected(batch: EventBatch, query: CheckedQuery): Selected {
  const select = toSelector(query, { node: CORPUS_NODE })
  const view = new EventView()
  return Array.from({ length: batch.rows }, (_, row) => select(view.at(batch.bytes, batch.offsets[row] ?? 0)))
}

/** What is left of an answer when the filter, on its own, lets only some of the events through. */
function among(answer: Selected, visible: Selected): Selected {
  return answer.map((event, row) => (visible[row] === undefined ? undefined : event))
}

function batchOf(events: Iterable<Parameters<EventBatch['append']>[0]>): EventBatch {
  const batch = new EventBatch()
  for (const event of events) batch.append(event)
  return batch
}

describe('a restricted query', () => {
  const batch = batchOf(CORPUS_EVENTS)
  const tails = readCorpus().flatMap(({ query: text }) => understood(text, 'tail') ?? [])

  test.each(['service:auth', 'level:>=warn', 'user:bob', '-user:bob', 'time:2026-01-05', 'a OR service:auth', '*'])(
    'selects what it selected, among the events of %s alone',
    (text) => {
      const filter = must(understood(text))
      const visible = selected(batch, filter)
      expect(tails.length).toBeGreaterThan(60)
      for (const query of tails) {
        expect(selected(batch, restrict(query, filter))).toEqual(among(selected(batch, query), visible))
      }
    },
  )

  test('whatever the two texts and the events are', () => {
    let joined = 0
    fc.assert(
      fc.property(
        rowQueryText,
        filterText,
        fc.array(hostileEvent, { minLength: 1, maxLength: 8 }),
        (text, filterText, events) => {
          const query = understood(text, 'tail')
          const filter = understood(filterText, 'tail')
          if (!query || !filter || filter.pipes.length > 0) return
          joined++
          const own = batchOf(events)
          expect(selected(own, restrict(query, filter))).toEqual(among(selected(own, query), selected(own, filter)))
        },
      ),
      { numRuns: 500 },
    )
    expect(joined).toBeGreaterThan(200)
  })

  test('does not mistake a name that a pipe makes for the field of the event', () => {
    const [event] = selected(
      batchOf([{ message: 'tenant=a', attributes: new Map([['tenant', 'b']]) }]),
      restrict(must(understood('* | extract /tenant=(?<tenant>a)/ | where tenant:a')), must(understood('tenant:a'))),
    )
    expect(event).toBeUndefined()
  })

  test('says both in SQL, the filter on the stored rows', () => {
    const filter = must(understood('tenant:a time:>=2026-01-05'))
    for (const text of ['x OR y', 'x | parse json | stats count() by tenant', '* | limit 5 | where z', '']) {
      const { sql } = toSql(restrict(must(understood(text)), filter), { limit: 1 }).statement
      expect(sql).toMatch(/FROM events WHERE [^()]*.*timestamp >= .* AND .*attributes\[\{p\d+:String\}\]/)
    }
    expect(toFilterSql(restrict(must(understood('')), must(understood('a OR b')))).sql).toMatch(/^\(.* OR .*\)$/)
  })

  test('has the narrower range of the two', () => {
    const filter = must(understood('time:2026-01-05..2026-01-06'))
    const query = must(understood('time:>=2026-01-06T12:00'))
    expect(restrict(query, filter).range).toEqual({
      fromNs: parseTimestamp('2026-01-06T12:00:00Z'),
      toNs: parseTimestamp('2026-01-07T00:00:00Z'),
    })
    expect(restrict(must(understood('')), filter).range).toEqual(filter.range)
  })

  test('is refused for a filter with pipes', () => {
    expect(() => restrict(must(understood('')), must(understood('a | where b')))).toThrow('no pipes')
  })
})

describe('a filter', () => {
  test.each([
    ['', undefined],
    ['service:/ops/*', undefined],
    ['tenant:a OR (level:>=warn -debug)', undefined],
    ['time:-1d.. service:a', undefined],
    ['a'.repeat(4096), undefined],
    ['a'.repeat(4097), 'the filter is longer than 4096 characters'],
    [' \n', 'the filter is blank'],
    ['a | where b', 'a filter takes no pipes at all: leave out everything from the first | on'],
    ['a | limit 5', 'a filter takes no pipes at all: leave out everything from the first | on'],
    ['| stats count()', 'a filter takes no pipes at all: leave out everything from the first | on'],
    ['"a | b"', undefined],
    ['(a', /a parenthesis is not closed/],
    ['a) OR (b', /closes nothing/],
    ['"a', /a quote is not closed/],
    ['level:loud', /at character 7 of the filter: loud is not a level.*\(levels are/],
    ['service:/a(/', /regular expression is not valid/],
  ])('%j: %s', (text, problem) => {
    const found = checkFilter(text, CORPUS_NOW_NS)
    if (problem instanceof RegExp) expect(found).toMatch(problem)
    else expect(found).toBe(problem)
  })
})
