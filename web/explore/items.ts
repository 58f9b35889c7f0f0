import { type EventJson, OWN_ATTRIBUTES } from '../../src/core/event.ts'
import { FIELD_ALIASES } from '../../src/query/language.ts'

/** Events that a tail left out because they came faster than they were read. */
export interface Gap {
  id: string
  skipped: number
}

export type ListItem = EventJson | Gap

export function isGap(item: ListItem): item is Gap {
  return 'skipped' in item
}

const FIELDS = [
  'timestamp',
  'received',
  'level',
  'service',
  'host',
  'source',
  'message',
  'trace_id',
  'span_id',
] as const
type Field = (typeof FIELDS)[number]

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name)
}

/** Whether it is a field that every event has, rather than an attribute. */
export function isEventField(name: string): boolean {
  return isField(name)
}

/** A field or attribute as text; empty where the event has none. */
export function valueOf(event: EventJson, name: string): string {
  const field = FIELD_ALIASES[name] ?? name
  const parts: Partial<EventJson> = event
  // Queries with `fields` leave parts of an event out.
  if (isField(field)) return parts[field] ?? ''
  if (field === 'node') return event.id.slice(17)
  return parts.attributes?.[field] ?? ''
}

/** `status=500 user_id=u17`: the attributes that are no columns, about so many characters of them. */
export function attributesText(event: EventJson, columns: readonly string[], charsMax: number): string {
  const parts: Partial<EventJson> = event
  const texts: string[] = []
  let chars = 0
  for (const [name, value] of Object.entries(parts.attributes ?? {})) {
    if (chars >= charsMax) break
    if (columns.includes(name) || OWN_ATTRIBUTES.has(name)) continue
    const text = `${name}=${/[\s"]/.test(value) || value === '' ? JSON.stringify(value) : value}`
    texts.push(text.slice(0, charsMax - chars))
    chars += text.length + 1
  }
  return texts.join(' ')
}

const ERROR_SEVERITY = 17

export function isError(item: ListItem): boolean {
  return !isGap(item) && item.severity >= ERROR_SEVERITY
}
