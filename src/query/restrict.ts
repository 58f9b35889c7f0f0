import { intersectRanges } from './range.ts'
import type { CheckedQuery, Filter } from './2-check/checked.ts'
import { FILTER_CHARS_MAX } from './limits.ts'
import { compile } from './compile.ts'

/**
 * The query as it was, over nothing but the events that `filter` selects. Both have been understood before they are
 * joined, so no text of the one changes what the other means; the filter is asked of events as they were stored,
 * before any pipe, whatever names the pipes make. `filter` must have no pipes.
 */
export function restrict(query: CheckedQuery, filter: CheckedQuery): CheckedQuery {
  if (filter.pipes.length > 0) throw new TypeError('a filter has no pipes')
  return { ...query, filter: both(filter.filter, query.filter), range: intersectRanges(filter.range, query.range) }
}

function both(first: Filter, second: Filter): Filter {
  if (first.kind === 'all') return second
  return second.kind === 'all' ? first : { kind: 'and', items: [first, second] }
}

/**
 * What is wrong with a text that is to limit what somebody may read, in a sentence; `undefined`: nothing. An empty text
 * is no limit. `nowNs` is what `now` and `-15m` mean.
 */
export function checkFilter(text: string, nowNs: bigint): string | undefined {
  if (text === '') return undefined
  if (text.trim() === '') return 'the filter is blank'
  if (text.length > FILTER_CHARS_MAX) return `the filter is longer than ${FILTER_CHARS_MAX} characters`
  const { query, problems } = compile(text, { nowNs, target: 'tail' })
  const [first] = problems
  if (first) {
    const hint = first.hint === undefined ? '' : ` (${first.hint})`
    return `at character ${first.from + 1} of the filter: ${first.message}${hint}`
  }
  return query && query.pipes.length > 0 ? 'a filter has no pipes' : undefined
}
