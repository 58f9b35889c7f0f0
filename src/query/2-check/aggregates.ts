import { NS_PER_SECOND, parseDuration } from '../../core/time.ts'
import { didYouMean } from '../../core/suggest.ts'
import type { AggregateNode, GroupNode, Literal, Name } from '../1-parse/tree.ts'
import { FUNCTIONS } from '../language.ts'
import type { Problems } from '../problem.ts'
import { numberOf } from '../text.ts'
import type { Aggregate, Column, ColumnType, Field, Group } from './checked.ts'
import type { Scope } from './scope.ts'

const PERCENTILES: Readonly<Record<string, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }
const INTERVAL_HINT = 'write a duration such as 30s, 5m, 1h or 1d'
const INTERVAL_MIN_NS = 1_000_000n
const INTERVAL_MAX_NS = 3660n * 86_400n * NS_PER_SECOND

/** One `avg(duration_ms) mean`. Undefined when it makes no sense; the problem is noted. */
export function checkAggregate(node: AggregateNode, scope: Scope, problems: Problems): Aggregate | undefined {
  const name = node.name.toLowerCase()
  const known = FUNCTIONS.find((known) => known.name === name)
  if (!known) {
    const names = FUNCTIONS.map((known) => known.name)
    const message = `there is no function ${node.name}${didYouMean(node.name, names)}`
    problems.add('QUERY_UNKNOWN_FUNCTION', node.span, message, `functions are ${names.join(', ')}`)
    return undefined
  }
  const args = [...node.args]
  const shownName =
    node.alias?.text ?? (args.length === 0 ? `${name}()` : `${name}(${args.map((a) => a.text).join(', ')})`)
  const level = name === 'quantile' ? quantileLevel(args.shift(), node, problems) : PERCENTILES[name]
  const allowed = name === 'rate' ? [0] : name === 'count' ? [0, 1] : [1]
  if (!allowed.includes(args.length)) {
    problems.add('QUERY_BAD_ARGUMENT', node.span, `${name} is written ${known.usage}`)
    return undefined
  }
  if (name === 'rate' && scope.columns !== undefined) {
    problems.add('QUERY_BAD_ARGUMENT', node.span, 'rate needs events; these rows are a table already')
    return undefined
  }
  const [arg] = args
  const field = arg === undefined ? undefined : scope.resolve(arg)
  const kind = level === undefined ? (name as Aggregate['name']) : 'quantile'
  const type = resultType(kind, field, node, problems)
  return { name: kind, field, ...(level === undefined ? {} : { level }), column: { name: shownName, type } }
}

function resultType(
  kind: Aggregate['name'],
  field: Field | undefined,
  node: AggregateNode,
  problems: Problems,
): ColumnType {
  const type = field === undefined ? 'number' : typeOf(field)
  if (kind === 'min' || kind === 'max') return type === 'text' ? 'number' : type
  if ((type === 'time' || type === 'level') && kind !== 'count' && kind !== 'uniq') {
    problems.add(
      'QUERY_BAD_ARGUMENT',
      node.span,
      `${node.name} needs numbers; ${type === 'time' ? 'this is a time' : 'this is a level'}`,
    )
  }
  return 'number'
}

function quantileLevel(arg: Literal | undefined, node: AggregateNode, problems: Problems): number {
  const level = arg === undefined ? undefined : numberOf(arg.text)
  if (level !== undefined && level >= 0 && level <= 1) return level
  problems.add(
    'QUERY_BAD_ARGUMENT',
    arg?.span ?? node.span,
    'the first argument of quantile is a number from 0 to 1, such as 0.95',
  )
  return 0.5
}

/** What kind of values a field holds. Attributes are text; arithmetic takes those that are numbers. */
export function typeOf(field: Field): ColumnType {
  switch (field.kind) {
    case 'time':
      return 'time'
    case 'level':
      return 'level'
    case 'column':
      return field.type
    case 'text':
    case 'attribute':
    case 'made':
      return 'text'
  }
}

export function checkGroup(node: GroupNode, scope: Scope, problems: Problems): Group | undefined {
  if (node.kind === 'field') return fieldGroup(node.field, scope)
  if (scope.columns !== undefined) {
    problems.add('QUERY_PIPE_NOT_ALLOWED', node.span, 'bin needs events; these rows are a table already')
    return undefined
  }
  const intervalNs = checkInterval(node.interval, problems)
  return intervalNs === undefined ? undefined : { kind: 'bin', intervalNs, column: { name: 'time', type: 'time' } }
}

export function fieldGroup(name: Name, scope: Scope): Group {
  const field = scope.resolve(name)
  return { kind: 'field', field, column: { name: name.text, type: typeOf(field) } }
}

export function checkInterval(literal: Literal, problems: Problems): bigint | undefined {
  const intervalNs = parseDuration(literal.text)
  if (intervalNs !== undefined && intervalNs >= INTERVAL_MIN_NS && intervalNs <= INTERVAL_MAX_NS) return intervalNs
  problems.add('QUERY_BAD_DURATION', literal.span, `${literal.text || 'nothing'} is not an interval`, INTERVAL_HINT)
  return undefined
}

/** Two columns of one table must not bear the same name. */
export function checkColumns(columns: readonly Column[], spans: readonly Name['span'][], problems: Problems): void {
  columns.forEach((column, index) => {
    if (columns.findIndex((other) => other.name === column.name) === index) return
    const span = spans[index]
    if (span)
      problems.add(
        'QUERY_DUPLICATE_NAME',
        span,
        `there are two columns named ${column.name}`,
        'give one of them another name',
      )
  })
}
