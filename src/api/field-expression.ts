import { AppError } from '../core/errors.ts'
import { TEXT_FIELDS } from '../core/event.ts'
import { levelOf } from '../core/severity.ts'
import type { StatementParameter } from '../core/statement.ts'
import { LANGUAGE } from '../query/query.ts'

/** How a field is written in SQL. */
export interface FieldExpression {
  /** The field's own name, where an alias was given. */
  name: string
  /** Its text (String or LowCardinality); empty where it is absent. Never holds the name of an attribute itself. */
  sql: string
  params: Readonly<Record<string, StatementParameter>>
}

const NAME_CHARS_MAX = 1000
const LEVEL_NAMES = Array.from({ length: 25 }, (_, severity) => `'${levelOf(severity)}'`).join(', ')

/** A field by its name, a known alias, or an attribute by its name. Times are refused: REQUEST_INVALID. */
export function fieldExpression(given: string): FieldExpression {
  // What every object has, such as constructor, is the name of an attribute here.
  const name = (Object.hasOwn(LANGUAGE.aliases, given) ? LANGUAGE.aliases[given] : undefined) ?? given
  if (name === 'level') return { name, sql: `[${LEVEL_NAMES}][least(severity, 24) + 1]`, params: {} }
  if (name === 'timestamp' || name === 'received') {
    throw new AppError('REQUEST_INVALID', { detail: `${name} is a time; its values cannot be counted.` })
  }
  if (name === 'node' || TEXT_FIELDS.some((text) => text === name)) {
    return { name, sql: name, params: {} }
  }
  if (name === '' || name.length > NAME_CHARS_MAX) {
    throw new AppError('REQUEST_INVALID', { detail: 'The name of the field is empty or too long.' })
  }
  return { name, sql: 'attributes[{field_name:String}]', params: { field_name: name } }
}
