import type { EventView } from '../../core/batch.ts'
import { eventJson, type EventJson } from '../../core/event.ts'
import type { CheckedQuery } from '../2-check/checked.ts'
import { queryPredicates } from './predicate.ts'
import { onlyShown } from './rows.ts'
import { createReaders, type Readers } from './select-fields.ts'
import { shownOf } from './sql-events.ts'

/**
 * Checked query (of target `tail`) → what a row becomes for a reader, or undefined when the reader did not ask for it.
 * Selects the same rows as `toFilterSql`. `node` is the name of the server whose rows these are. Not for use by two
 * readers at once: it remembers the row it is at.
 */
export function toSelector(
  query: CheckedQuery,
  options: { node: string },
): (event: EventView) => Partial<EventJson> | undefined {
  const readers = createReaders(query.pipes, options.node)
  const predicates = queryPredicates(query, readers)
  const show = printer(query, readers, options.node)
  return (event) => {
    readers.next()
    for (const predicate of predicates) if (!predicate(event)) return undefined
    return show(event)
  }
}

/** Whether an event passes the query's filter, `where` pipes and time range: what `toFilterSql` asks. Not for two users. */
export function toPredicate(query: CheckedQuery, options: { node: string }): (event: EventView) => boolean {
  const readers = createReaders(query.pipes, options.node)
  const predicates = queryPredicates(query, readers)
  return (event) => {
    readers.next()
    for (const predicate of predicates) if (!predicate(event)) return false
    return true
  }
}

function printer(query: CheckedQuery, readers: Readers, node: string): (event: EventView) => Partial<EventJson> {
  const shown = shownOf(query)
  if (!shown || shown.attributes === 'all') {
    return (event) => {
      const made = readers.made.map((read) => read(event))
      const whole = eventJson(event.toEvent(), node)
      for (const fields of made) Object.assign(whole.attributes, Object.fromEntries(fields))
      return onlyShown(query, whole, node)
    }
  }
  const attributes = shown.attributes.map(({ name, field }) => ({ name, read: readers.text(field) }))
  return (event) => {
    const whole = eventJson({ ...event.toEvent(), attributes: new Map() }, node)
    const found = attributes.map(({ name, read }) => [name, read(event)]).filter(([, value]) => value !== '')
    return onlyShown(query, { ...whole, attributes: Object.fromEntries(found) }, node)
  }
}
