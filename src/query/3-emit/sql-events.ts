import type { CheckedQuery, Field } from '../2-check/checked.ts'
import { fieldSql, madeMapsSql, type SqlContext } from './sql-fields.ts'

/** The text columns of an event row, in the order in which a row holds them (after timestamp, received, node, severity). */
export const ROW_TEXTS = ['service', 'host', 'source', 'message', 'trace_id', 'span_id'] as const

/** What `fields a, b` keeps of an event. */
export interface Shown {
  /** Event fields (columns) to show. */
  names: ReadonlySet<string>
  /** All attributes, or these. */
  attributes: 'all' | readonly { name: string; field: Field }[]
}

/** Undefined when everything is shown. */
export function shownOf(query: CheckedQuery): Shown | undefined {
  const pipe = query.pipes.findLast((pipe) => pipe.kind === 'fields')
  if (!pipe || query.kind === 'table') return undefined
  const names = new Set<string>()
  const attributes = new Map<string, { name: string; field: Field }>()
  let isAll = false
  for (const { name, field } of pipe.fields) {
    if (name === 'attributes') isAll = true
    else if (field.kind === 'attribute' || field.kind === 'made')
      attributes.set(field.name, { name: field.name, field })
    else if (field.kind === 'level') names.add('level')
    else if (field.kind === 'text' || field.kind === 'time') names.add(field.name)
  }
  return { names, attributes: isAll ? 'all' : [...attributes.values()] }
}

/**
 * The SELECT list for events: timestamp and received in nanoseconds, node, severity, the six texts, attributes. What
 * `fields` leaves out is an empty constant, so that it is not read.
 */
export function eventColumnsSql(query: CheckedQuery, context: SqlContext): string {
  const shown = shownOf(query)
  const texts = ROW_TEXTS.map((name) => (shown && !shown.names.has(name) ? "''" : name))
  const severity = shown && !shown.names.has('level') ? '0' : 'severity'
  const columns = [
    'toUnixTimestamp64Nano(timestamp)',
    'toUnixTimestamp64Nano(received)',
    'node',
    severity,
    ...texts,
    attributesSql(shown, context),
  ]
  return columns.map((column, index) => `${column} AS r${index}`).join(', ')
}

function attributesSql(shown: Shown | undefined, context: SqlContext): string {
  if (shown && shown.attributes !== 'all') {
    if (shown.attributes.length === 0) return 'map()'
    const entries = shown.attributes.map(
      ({ name, field }) => `${context.parameters.text(name)}, toString(${fieldSql(field, context)})`,
    )
    return `mapFilter((k, v) -> v != '', map(${entries.join(', ')}))`
  }
  return madeMapsSql(context).reduce(
    (attributes, made) => `mapUpdate(${attributes}, mapFilter((k, v) -> v != '', ${made}))`,
    madeMapsSql(context).length === 0 ? 'attributes' : "CAST(attributes, 'Map(String, String)')",
  )
}
