/** Filters as checks of one row in memory: an event, or a row of a table. They select what `sql-filter.ts` selects. */
import type { EventView } from '../../core/batch.ts'
import type { CheckedQuery, Field, Filter, Test } from '../2-check/checked.ts'
import type { TimeRange } from '../query.ts'
import type { Readers } from './select-fields.ts'
import { isBytewise, textTest } from './text-test.ts'

export type Predicate<Row> = (row: Row) => boolean

/** A filter over rows of which `testOf` knows how to test one field. */
export function predicateOf<Row>(filter: Filter, testOf: (field: Field, test: Test) => Predicate<Row>): Predicate<Row> {
  switch (filter.kind) {
    case 'all':
      return () => true
    case 'not': {
      const item = predicateOf(filter.item, testOf)
      return (row) => !item(row)
    }
    case 'and': {
      const items = filter.items.map((item) => predicateOf(item, testOf))
      return (row) => items.every((item) => item(row))
    }
    case 'or': {
      const items = filter.items.map((item) => predicateOf(item, testOf))
      return (row) => items.some((item) => item(row))
    }
    case 'test':
      return testOf(filter.field, filter.test)
  }
}

export function eventPredicate(filter: Filter, readers: Readers): Predicate<EventView> {
  return predicateOf(filter, (field, test) => eventTest(field, test, readers))
}

/** What a query asks of single events: its time range, its filter, and the `where` pipes that come while rows are events. */
export function queryPredicates(query: CheckedQuery, readers: Readers): Predicate<EventView>[] {
  return [...rangePredicates(query.range), ...eventFilters(query).map((filter) => eventPredicate(filter, readers))]
}

/** The filter of a query and its `where` pipes, as far as they ask events and not a table. */
export function eventFilters({ filter, pipes }: CheckedQuery): Filter[] {
  const filters = [filter]
  for (const pipe of pipes) {
    if (pipe.kind === 'stats' || pipe.kind === 'top' || pipe.kind === 'timechart') break
    if (pipe.kind === 'where') filters.push(pipe.filter)
  }
  return filters
}

export function rangePredicates({ fromNs, toNs }: TimeRange): Predicate<EventView>[] {
  if (fromNs === undefined && toNs === undefined) return []
  return [(event) => isBetween(event.timestampNs, fromNs, toNs)]
}

export function isBetween(ns: bigint, fromNs: bigint | undefined, toNs: bigint | undefined): boolean {
  return (fromNs === undefined || ns >= fromNs) && (toNs === undefined || ns < toNs)
}

function eventTest(field: Field, test: Test, readers: Readers): Predicate<EventView> {
  if (test.kind === 'severities') {
    const numbers = new Set(test.numbers)
    return (event) => numbers.has(event.severity)
  }
  if (field.kind === 'time') {
    if (test.kind !== 'time') return () => true
    const { fromNs, toNs } = test
    const read =
      field.name === 'timestamp' ? (event: EventView) => event.timestampNs : (event: EventView) => event.receivedNs
    return (event) => isBetween(read(event), fromNs, toNs)
  }
  const matches = textTest(test)
  if (field.kind === 'text' && field.name !== 'node' && isBytewise(test)) {
    const { name } = field
    // One character per byte: enough for ASCII, and cheaper than decoding.
    return (event) => matches(event.textBytes(name).toString('latin1'))
  }
  const read = readers.text(field)
  return (event) => matches(read(event))
}
