import type { TextField } from '../core/event.ts'
import type { CheckedQuery, Field, Filter, Test } from './2-check/checked.ts'
import { textTest } from './3-emit/text-test.ts'

/** Fields that all events of some whole have in common. */
export type KnownFields = Readonly<Partial<Record<TextField | 'node', string>>>

/**
 * Whether a filter selects every event that has these fields, whatever else is in it: for things that are shown whole or
 * not at all. The filter must have no pipes.
 */
export function selectsAll({ filter, range, pipes }: CheckedQuery, known: KnownFields): boolean {
  if (pipes.length > 0) throw new TypeError('a filter has no pipes')
  const isTimeless = range.fromNs === undefined && range.toNs === undefined
  return isTimeless && verdict(filter, known) === true
}

/** `undefined`: it depends on what is not known. */
function verdict(filter: Filter, known: KnownFields): boolean | undefined {
  switch (filter.kind) {
    case 'all':
      return true
    case 'not': {
      const inner = verdict(filter.item, known)
      return inner === undefined ? undefined : !inner
    }
    case 'and':
    case 'or': {
      const decisive = filter.kind === 'or'
      const verdicts = filter.items.map((item) => verdict(item, known))
      if (verdicts.includes(decisive)) return decisive
      return verdicts.includes(undefined) ? undefined : !decisive
    }
    case 'test':
      return testVerdict(filter.field, filter.test, known)
  }
}

function testVerdict(field: Field, test: Test, known: KnownFields): boolean | undefined {
  if (field.kind !== 'text') return undefined
  const value = known[field.name]
  return value === undefined ? undefined : textTest(test)(value)
}
