import { levelOf, LEVELS, severityFromName, severityRange } from '../../core/severity.ts'
import { closest } from '../../core/suggest.ts'
import type { Literal, Value } from '../1-parse/tree.ts'
import type { CompareOp, Field, Filter, SeverityShown } from './checked.ts'
import { EVERYTHING } from './everything.ts'
import type { CheckContext } from './filter.ts'

const SEVERITY_MAX = 24
const ALL = Array.from({ length: SEVERITY_MAX + 1 }, (_, severity) => severity)

/**
 * `level:` tests become sets of severity numbers. A name stands for all numbers that bear it; `unknown` (0) is "no
 * level", so comparisons never select it.
 */
export function levelFilter(field: Field, value: Value, context: CheckContext): Filter {
  switch (value.kind) {
    case 'any':
      return severities(field, ALL.slice(1), { op: 'pattern', text: '*' })
    case 'regex': {
      const pattern = context.regexes.check(value.source, value.flags, value.span)
      if (!pattern) return EVERYTHING
      const names = context.regexes.select(pattern, LEVELS)
      return severities(
        field,
        ALL.filter((severity) => names.includes(levelOf(severity))),
        { op: 'pattern', text: `/${value.source}/${value.flags}` },
      )
    }
    case 'phrase':
    case 'word':
      if (value.kind === 'word' && value.text.includes('*')) return matchingName(field, value)
      return between(field, value, value, context, { op: '', text: value.text })
    case 'compare':
      return compared(field, value.op, value.bound, context)
    case 'range': {
      const text = `${value.low?.text ?? ''}..${value.high?.text ?? ''}`
      if (!value.low && !value.high) {
        context.problems.add('QUERY_BAD_RANGE', value.span, 'a range needs at least one end', 'write level:info..warn')
      }
      return between(field, value.low, value.high, context, { op: 'pattern', text })
    }
  }
}

function severities(field: Field, numbers: readonly number[], shown: SeverityShown): Filter {
  return { kind: 'test', field, test: { kind: 'severities', numbers, shown } }
}

function matchingName(field: Field, value: Literal): Filter {
  const source = value.text
    .toLowerCase()
    .split(/\*+/)
    .map((part) => part.replace(/[^a-z0-9]/g, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`))
    .join('.*')
  const pattern = new RegExp(`^${source}$`, 'u')
  const numbers = ALL.filter((severity) => pattern.test(levelOf(severity)))
  return severities(field, numbers, { op: 'pattern', text: value.text })
}

function compared(field: Field, op: CompareOp, bound: Literal, context: CheckContext): Filter {
  const range = rangeOf(bound, context)
  if (!range) return EVERYTHING
  const [low, high] = range
  const numbers = ALL.slice(1).filter((severity) => {
    if (op === '>') return severity > high
    if (op === '>=') return severity >= low
    return op === '<' ? severity < low : severity <= high
  })
  return severities(field, numbers, { op, text: bound.text })
}

function between(
  field: Field,
  low: Literal | null,
  high: Literal | null,
  context: CheckContext,
  shown: SeverityShown,
): Filter {
  const lowRange = low ? rangeOf(low, context) : ([1, 1] as const)
  const highRange = high === low ? lowRange : high ? rangeOf(high, context) : ([SEVERITY_MAX, SEVERITY_MAX] as const)
  if (!lowRange || !highRange) return EVERYTHING
  if (low && high && lowRange[0] > highRange[1]) {
    const span = { from: low.span.from, to: high.span.to }
    context.problems.add('QUERY_BAD_RANGE', span, `no level lies between ${low.text} and ${high.text}`)
  }
  const numbers = ALL.filter((severity) => severity >= lowRange[0] && severity <= highRange[1])
  return severities(field, numbers, shown)
}

/** The severity numbers that a name or number stands for. */
function rangeOf(literal: Literal, context: CheckContext): readonly [min: number, max: number] | undefined {
  const text = literal.text.trim().toLowerCase()
  if (/^\d{1,2}$/.test(text) && Number(text) <= SEVERITY_MAX) return [Number(text), Number(text)]
  const severity = severityFromName(text)
  if (severity !== undefined) return /\d$/.test(text) ? [severity, severity] : severityRange(levelOf(severity))
  const near = closest(text, LEVELS)
  context.problems.add(
    'QUERY_BAD_LEVEL',
    literal.span,
    `${literal.text || 'nothing'} is not a level${near === undefined ? '' : `; did you mean ${near}?`}`,
    `levels are ${LEVELS.join(', ')}, or the OpenTelemetry numbers 0 to ${SEVERITY_MAX}`,
  )
  return undefined
}
