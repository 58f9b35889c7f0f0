import type { EventView } from '../../../core/batch.ts'
import type { CheckedQuery } from '../../2-check/checked.ts'
import type { Readers } from '../select-fields.ts'
import { ROW_TEXTS, shownOf } from '../sql-events.ts'

/** Event → the row that `eventColumnsSql` selects, as JSONCompact has it. What `fields` leaves out is empty. */
export function eventPrinter(query: CheckedQuery, readers: Readers, node: string): (event: EventView) => unknown[] {
  const shown = shownOf(query)
  const texts = ROW_TEXTS.map((name) => ({ name, isShown: !shown || shown.names.has(name) }))
  const hasLevel = !shown || shown.names.has('level')
  const attributesOf = attributesReader(query, readers)
  return (event) => [
    event.timestampNs.toString(),
    event.receivedNs.toString(),
    node,
    hasLevel ? event.severity : 0,
    ...texts.map(({ name, isShown }) => (isShown ? event.text(name) : '')),
    attributesOf(event),
  ]
}

function attributesReader(query: CheckedQuery, readers: Readers): (event: EventView) => Record<string, string> {
  const shown = shownOf(query)
  if (!shown || shown.attributes === 'all') {
    return (event) => {
      const attributes = new Map(event.attributes)
      for (const made of readers.made) for (const [name, value] of made(event)) attributes.set(name, value)
      return Object.fromEntries(attributes)
    }
  }
  const fields = shown.attributes.map(({ name, field }) => ({ name, read: readers.text(field) }))
  return (event) =>
    Object.fromEntries(fields.map(({ name, read }) => [name, read(event)]).filter(([, value]) => value !== ''))
}
