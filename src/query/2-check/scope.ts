import { didYouMean } from '../../core/suggest.ts'
import type { Name } from '../1-parse/tree.ts'
import { FIELD_ALIASES, FIELDS } from '../language.ts'
import type { Problems } from '../problem.ts'
import type { Column, Field } from './checked.ts'

/** Which names mean something at one point of the query, and what. */
export interface Scope {
  /** Absent while the rows are events; else the columns of the table. */
  columns: readonly Column[] | undefined
  resolve(name: Name): Field
}

const ATTRIBUTE_PREFIX = 'attributes.'

/** Names that cannot be given to a field made by `extract`: they are columns of every event. */
export function isBuiltIn(name: string): boolean {
  return FIELDS.some((field) => field.name === name) || Object.hasOwn(FIELD_ALIASES, name)
}

/** The field that a name means in an event. Every name means something: an attribute if nothing else. */
export function eventField(text: string): Field {
  const name = Object.hasOwn(FIELD_ALIASES, text) ? (FIELD_ALIASES[text] ?? text) : text
  switch (name) {
    case 'timestamp':
    case 'received':
      return { kind: 'time', name }
    case 'level':
      return { kind: 'level' }
    case 'service':
    case 'host':
    case 'source':
    case 'message':
    case 'trace_id':
    case 'span_id':
    case 'node':
      return { kind: 'text', name }
  }
  if (name.startsWith(ATTRIBUTE_PREFIX) && name.length > ATTRIBUTE_PREFIX.length) {
    return { kind: 'attribute', name: name.slice(ATTRIBUTE_PREFIX.length) }
  }
  return { kind: 'attribute', name }
}

/** Rows are events, untouched. */
export const EVENT_SCOPE: Scope = { columns: undefined, resolve: (name) => eventField(name.text) }

/** After `extract` or `parse`: `names` are made by that pipe; undefined means that any attribute may be. */
export function scopeAfterMaking(before: Scope, pipe: number, names: ReadonlySet<string> | undefined): Scope {
  return {
    columns: undefined,
    resolve(name) {
      const field = before.resolve(name)
      const made = field.kind === 'attribute' || field.kind === 'made' ? field.name : undefined
      if (made === undefined || (names && !names.has(made))) return field
      return { kind: 'made', name: made, pipe, before: field }
    },
  }
}

/** After `stats`, `top` or `timechart`: only the columns are left. */
export function tableScope(columns: readonly Column[], problems: Problems): Scope {
  const names = columns.map((column) => column.name)
  return {
    columns,
    resolve(name) {
      let index = names.indexOf(name.text)
      const alias = Object.hasOwn(FIELD_ALIASES, name.text) ? FIELD_ALIASES[name.text] : undefined
      if (index < 0 && alias !== undefined) index = names.indexOf(alias)
      const column = columns[index]
      if (column) return { kind: 'column', index, name: column.name, type: column.type }
      problems.add(
        'QUERY_UNKNOWN_FIELD',
        name.span,
        `there is no column ${name.text} here${didYouMean(name.text, names)}`,
        `the columns are ${names.join(', ')}`,
      )
      return { kind: 'column', index: 0, name: name.text, type: 'text' }
    },
  }
}
