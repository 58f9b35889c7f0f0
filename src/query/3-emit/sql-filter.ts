import { levelOf } from '../../core/severity.ts'
import type { Field, Filter, Test } from '../2-check/checked.ts'
import { foldedPattern, hasOnlyAsciiCase, longestAsciiRun, lowerAscii, openings } from '../text.ts'
import { fieldSql, type SqlContext } from './sql-fields.ts'

/** A filter as a SQL condition: always 0 or 1, never NULL. */
export function filterSql(filter: Filter, context: SqlContext): string {
  switch (filter.kind) {
    case 'all':
      return '1'
    case 'not':
      return `NOT (${filterSql(filter.item, context)})`
    case 'and':
      return joined(
        filter.items.map((item) => filterSql(item, context)),
        ' AND ',
      )
    case 'or':
      return joined(orSql(filter.items, context), ' OR ')
    case 'test':
      return testSql(filter.field, filter.test, context)
  }
}

function joined(conditions: readonly string[], separator: string): string {
  return conditions.length === 0
    ? '1'
    : conditions.length === 1
      ? (conditions[0] ?? '1')
      : `(${conditions.join(separator)})`
}

/** Alternatives; equalities on one field become one `IN`, which the engine answers from a set. */
function orSql(items: readonly Filter[], context: SqlContext): string[] {
  const sets = new Map<string, string[]>()
  const rest: string[] = []
  for (const item of items) {
    const values = item.kind === 'test' ? equalitySql(item.field, item.test, context) : undefined
    if (values === undefined) rest.push(filterSql(item, context))
    else sets.set(values.side, [...(sets.get(values.side) ?? []), ...values.texts])
  }
  const merged = [...sets].map(([side, texts]) => isOneOf(side, [...new Set(texts)], context))
  return [...merged, ...rest]
}

function isOneOf(side: string, texts: readonly string[], { parameters }: SqlContext): string {
  const [only] = texts
  return texts.length === 1 && only !== undefined
    ? `${side} = ${parameters.text(only)}`
    : `${side} IN ${parameters.texts(texts)}`
}

/** `side` equals one of `texts`, when that is all the test asks. */
function equalitySql(field: Field, test: Test, context: SqlContext): { side: string; texts: string[] } | undefined {
  if (test.kind !== 'equals' || !hasOnlyAsciiCase(test.text)) return undefined
  const value = fieldSql(field, context)
  const lower = lowerAscii(test.text)
  if (test.exactCase) return { side: value, texts: [...new Set([test.text, lower, upperAscii(test.text)])] }
  return { side: /[a-z]/.test(lower) ? `lower(${value})` : value, texts: [lower] }
}

function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (run) => run.toUpperCase())
}

function testSql(field: Field, test: Test, context: SqlContext): string {
  const { parameters } = context
  const value = fieldSql(field, context)
  switch (test.kind) {
    case 'present':
      return presentSql(field, value)
    case 'equals': {
      const equality = equalitySql(field, test, context)
      if (equality) return isOneOf(equality.side, equality.texts, context)
      return `match(${value}, ${parameters.text(`^${foldedPattern(test.text, 're2')}$`)})`
    }
    case 'parts':
      return partsSql(field, value, test, context)
    case 'compare':
      return compareSql(value, test, context)
    case 'regex': {
      const matches = `match(${value}, ${parameters.text(test.pattern.full)})`
      return test.pattern.matchesEmpty ? `(${value} != '' AND ${matches})` : matches
    }
    case 'severities':
      return severitiesSql(field, value, test.numbers, context)
    case 'time': {
      const conditions = []
      const at = (ns: bigint): string =>
        field.kind === 'column' ? parameters.int64(ns) : `fromUnixTimestamp64Nano(${parameters.int64(ns)}, 'UTC')`
      if (test.fromNs !== undefined) conditions.push(`${value} >= ${at(test.fromNs)}`)
      if (test.toNs !== undefined) conditions.push(`${value} < ${at(test.toNs)}`)
      const condition = joined(conditions, ' AND ')
      return field.kind === 'column' ? `ifNull(${condition}, 0)` : condition
    }
    case 'number':
      return Number.isFinite(test.number) ? `ifNull(${value} ${test.op} ${parameters.number(test.number)}, 0)` : '0'
  }
}

function presentSql(field: Field, value: string): string {
  if (field.kind === 'time') return '1'
  if (field.kind === 'column' && field.type !== 'text' && field.type !== 'level') return `isNotNull(${value})`
  return `${value} != ''`
}

function partsSql(field: Field, value: string, test: Extract<Test, { kind: 'parts' }>, context: SqlContext): string {
  const { parameters } = context
  const text = test.parts.join('*')
  if (hasOnlyAsciiCase(text)) {
    const like = test.parts.map((part) => lowerAscii(part).replace(/[\\%_]/g, String.raw`\$&`)).join('%')
    const pattern = parameters.text(test.anchored ? like : `%${like}%`)
    // `lower(message)` is what the store's text index is built on, so messages are always asked that way.
    const isMessage = field.kind === 'text' && field.name === 'message'
    return `${isMessage || /[A-Za-z]/.test(text) ? `lower(${value})` : value} LIKE ${pattern}`
  }
  const folded = test.parts.map((part) => foldedPattern(part, 're2')).join('.*')
  const matches = `match(${value}, ${parameters.text(`(?s)${test.anchored ? `^${folded}$` : folded}`)})`
  const runs = test.parts.map(longestAsciiRun).sort((a, b) => b.length - a.length)
  const first = lowerAscii(runs[0] ?? '')
  const longest = [...test.parts].sort((a, b) => b.length - a.length)[0] ?? ''
  if (first === '') return `(multiSearchAny(${value}, ${parameters.texts(openings(longest))}) AND ${matches})`
  return `(lower(${value}) LIKE ${parameters.text(`%${first.replace(/[\\%_]/g, String.raw`\$&`)}%`)} AND ${matches})`
}

function compareSql(value: string, test: Extract<Test, { kind: 'compare' }>, { parameters }: SqlContext): string {
  const bound = lowerAscii(test.text)
  // Upper case only matters where the bound has something that sorts at or after A.
  const folded = /[^\0-@]/.test(bound) ? `lower(${value})` : value
  const byText = `${folded} ${test.op} ${parameters.text(bound)}`
  const condition =
    test.number === undefined
      ? byText
      : `ifNull(toFloat64OrNull(${value}) ${test.op} ${parameters.number(test.number)}, ${byText})`
  const absentFails = bound !== '' && (test.op === '>' || test.op === '>=')
  return absentFails ? condition : `(${value} != '' AND ${condition})`
}

function severitiesSql(field: Field, value: string, numbers: readonly number[], { parameters }: SqlContext): string {
  if (field.kind === 'column') return `${value} IN ${parameters.texts([...new Set(numbers.map(levelOf))])}`
  const [low] = numbers
  const high = numbers.at(-1)
  if (low === undefined || high === undefined) return '0'
  if (high - low + 1 !== numbers.length) return `${value} IN (${numbers.join(', ')})`
  return low === high ? `${value} = ${low}` : `${value} BETWEEN ${low} AND ${high}`
}
