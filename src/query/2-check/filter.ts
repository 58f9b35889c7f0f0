import { TIMESTAMP_MAX_NS } from '../../core/time.ts'
import type { Expression, Value } from '../1-parse/tree.ts'
import { TERMS_MAX } from '../limits.ts'
import type { Problems, Span } from '../problem.ts'
import { compareBytes, lowerAscii, numberOf } from '../text.ts'
import type { CompareOp, Field, Filter, Test } from './checked.ts'
import { EVERYTHING } from './everything.ts'
import { levelFilter } from './levels.ts'
import type { RegexChecker } from './regex.ts'
import type { Scope } from './scope.ts'
import { lastSpanOf, timeSpanOf, type TimeSpan } from './times.ts'

/** What checking needs beside the tree. */
export interface CheckContext {
  problems: Problems
  regexes: RegexChecker
  nowNs: bigint
  /** Terms seen so far in the whole query. */
  terms: number
}

const TIME_HINT =
  'write time:-15m.. or time:2026-01-05..2026-01-06; a time is 2026-01-05, 2026-01-05T10:30:00Z, now or -2h'
const MESSAGE: Field = { kind: 'text', name: 'message' }

export function checkFilter(expression: Expression, scope: Scope, context: CheckContext): Filter {
  switch (expression.kind) {
    case 'all':
      return EVERYTHING
    case 'not':
      return { kind: 'not', item: checkFilter(expression.item, scope, context) }
    case 'and':
    case 'or':
      return { kind: expression.kind, items: expression.items.map((item) => checkFilter(item, scope, context)) }
    case 'term':
      return checkTerm(expression, scope, context)
  }
}

function checkTerm(term: Extract<Expression, { kind: 'term' }>, scope: Scope, context: CheckContext): Filter {
  if (++context.terms > TERMS_MAX) {
    if (context.terms === TERMS_MAX + 1) {
      context.problems.add('QUERY_TOO_MANY_TERMS', term.span, `the query has more than ${TERMS_MAX} terms`)
    }
    return EVERYTHING
  }
  if (term.field === null) {
    if (term.value.kind === 'any') return EVERYTHING
    if (scope.columns === undefined) return textFilter(MESSAGE, term.value, context)
    context.problems.add(
      'QUERY_BAD_TEST',
      term.span,
      'after stats, top or timechart there is no message to search in',
      `name a column: ${scope.columns.map((column) => column.name).join(', ')}`,
    )
    return EVERYTHING
  }
  return valueFilter(scope.resolve(term.field), term.value, context)
}

function valueFilter(field: Field, value: Value, context: CheckContext): Filter {
  if (field.kind === 'level' || (field.kind === 'column' && field.type === 'level')) {
    return levelFilter(field, value, context)
  }
  if (field.kind === 'time' || (field.kind === 'column' && field.type === 'time')) {
    return timeFilter(field, value, context)
  }
  if (field.kind === 'column' && field.type === 'number') return numberFilter(field, value, context)
  return textFilter(field, value, context)
}

function test(field: Field, test: Test): Filter {
  return { kind: 'test', field, test }
}

function textFilter(field: Field, value: Value, context: CheckContext): Filter {
  const isMessage = field.kind === 'text' && field.name === 'message'
  switch (value.kind) {
    case 'any':
      return test(field, { kind: 'present' })
    case 'regex': {
      const pattern = context.regexes.check(value.source, value.flags, value.span)
      return pattern ? test(field, { kind: 'regex', pattern }) : EVERYTHING
    }
    case 'phrase':
    case 'word':
      return wordFilter(field, isMessage, value.text, value.kind === 'word')
    case 'compare':
      return test(field, comparison(value.op, value.bound.text))
    case 'range':
      return textRange(field, value, context)
  }
}

function wordFilter(field: Field, isMessage: boolean, text: string, hasWildcards: boolean): Filter {
  if (text === '') return isMessage ? EVERYTHING : { kind: 'not', item: test(field, { kind: 'present' }) }
  const parts = hasWildcards ? text.split(/\*+/) : [text]
  if (parts.every((part) => part === '')) return test(field, { kind: 'present' })
  if (isMessage) return test(field, { kind: 'parts', parts: parts.filter(Boolean), anchored: false, shown: text })
  if (parts.length > 1) return test(field, { kind: 'parts', parts, anchored: true, shown: text })
  const exactCase = field.kind === 'text' && (field.name === 'trace_id' || field.name === 'span_id')
  return test(field, { kind: 'equals', text, exactCase })
}

/** A bound of `inf` or `nan` is a text. */
function comparison(op: CompareOp, text: string): Test {
  const number = numberOf(text)
  return { kind: 'compare', op, text, number: Number.isFinite(number) ? number : undefined }
}

function textRange(field: Field, range: Extract<Value, { kind: 'range' }>, context: CheckContext): Filter {
  const low = range.low?.text
  const high = range.high?.text
  const items: Filter[] = []
  if (low !== undefined) items.push(test(field, comparison('>=', low)))
  if (high !== undefined) items.push(test(field, comparison('<=', high)))
  if (low === undefined && high === undefined) badRange(range.span, context, 'a range needs at least one end')
  if (low !== undefined && high !== undefined) {
    const [lowNumber, highNumber] = [numberOf(low), numberOf(high)]
    const isNumeric = lowNumber !== undefined && highNumber !== undefined
    const isReversed = isNumeric ? lowNumber > highNumber : compareBytes(lowerAscii(low), lowerAscii(high)) > 0
    if (isReversed) {
      badRange(range.span, context, `nothing lies between ${low} and ${high}`, `did you mean ${high}..${low}?`)
    }
  }
  return { kind: 'and', items }
}

function badRange(span: Span, context: CheckContext, message: string, hint?: string): void {
  context.problems.add(
    'QUERY_BAD_RANGE',
    span,
    message,
    hint ?? 'write 500..599, 500.. or ..599; to search for two dots, quote them',
  )
}

function timeFilter(field: Field, value: Value, context: CheckContext): Filter {
  const { problems, nowNs } = context
  const at = (text: string, span: Span): TimeSpan | undefined => {
    const found = timeSpanOf(text, nowNs)
    if (!found) problems.add('QUERY_BAD_TIME', span, `${text || 'nothing'} is not a time`, TIME_HINT)
    return found
  }
  switch (value.kind) {
    case 'any':
      return test(field, { kind: 'present' })
    case 'regex':
      problems.add('QUERY_BAD_TEST', value.span, 'a time cannot be matched by a regular expression', TIME_HINT)
      return EVERYTHING
    case 'phrase':
    case 'word': {
      const span = lastSpanOf(value.text, nowNs) ?? at(value.text, value.span)
      return span ? test(field, { kind: 'time', ...span }) : EVERYTHING
    }
    case 'compare': {
      const span = at(value.bound.text, value.bound.span)
      if (!span) return EVERYTHING
      if (value.op === '>') return test(field, { kind: 'time', fromNs: span.toNs })
      if (value.op === '>=') return test(field, { kind: 'time', fromNs: span.fromNs })
      return test(field, { kind: 'time', toNs: value.op === '<' ? span.fromNs : span.toNs })
    }
    case 'range': {
      const low = value.low ? at(value.low.text, value.low.span) : undefined
      const high = value.high ? at(value.high.text, value.high.span) : undefined
      if (!value.low && !value.high) badRange(value.span, context, 'a range needs at least one end', TIME_HINT)
      if (low && high && low.fromNs >= high.toNs) {
        badRange(value.span, context, 'this time range ends before it begins', TIME_HINT)
      }
      return test(field, {
        kind: 'time',
        ...(low && { fromNs: low.fromNs }),
        ...(high && high.toNs < TIMESTAMP_MAX_NS && { toNs: high.toNs }),
      })
    }
  }
}

function numberFilter(field: Field, value: Value, context: CheckContext): Filter {
  const { problems } = context
  const number = (text: string, span: Span): number | undefined => {
    const found = numberOf(text)
    if (found === undefined) {
      problems.add('QUERY_BAD_NUMBER', span, `${text || 'nothing'} is not a number; this column holds numbers`)
    }
    return found
  }
  switch (value.kind) {
    case 'any':
      return test(field, { kind: 'present' })
    case 'regex':
      problems.add('QUERY_BAD_TEST', value.span, 'a column of numbers cannot be matched by a regular expression')
      return EVERYTHING
    case 'phrase':
    case 'word': {
      const found = number(value.text, value.span)
      return found === undefined ? EVERYTHING : test(field, { kind: 'number', op: '=', number: found })
    }
    case 'compare': {
      const found = number(value.bound.text, value.bound.span)
      return found === undefined ? EVERYTHING : test(field, { kind: 'number', op: value.op, number: found })
    }
    case 'range': {
      const low = value.low ? number(value.low.text, value.low.span) : undefined
      const high = value.high ? number(value.high.text, value.high.span) : undefined
      if (!value.low && !value.high) badRange(value.span, context, 'a range needs at least one end')
      if (low !== undefined && high !== undefined && low > high) {
        badRange(value.span, context, `nothing lies between ${low} and ${high}`, `did you mean ${high}..${low}?`)
      }
      const items: Filter[] = []
      if (low !== undefined) items.push(test(field, { kind: 'number', op: '>=', number: low }))
      if (high !== undefined) items.push(test(field, { kind: 'number', op: '<=', number: high }))
      return { kind: 'and', items }
    }
  }
}
