import { formatDuration, formatTimestamp } from '../../core/time.ts'
import type { Aggregate, CheckedQuery, CompareOp, Field, Filter, Group, Pipe, Test } from '../2-check/checked.ts'
import type { TimeRange } from '../query.ts'

const OPERATORS: Readonly<Record<CompareOp, string>> = {
  '>': 'above',
  '>=': 'at least',
  '<': 'below',
  '<=': 'at most',
}

/** Checked query → plain English: what it selects, then what it does with it. */
export function explain(query: CheckedQuery): string {
  const events = eventsPhrase(query)
  return [events, ...query.pipes.map(pipePhrase)].join('; then ')
}

function eventsPhrase(query: CheckedQuery): string {
  const conditions =
    query.filter.kind === 'and' ? query.filter.items : query.filter.kind === 'all' ? [] : [query.filter]
  const ofFields = conditions.filter((item) => !isAboutMessage(item)).map(filterPhrase)
  const ofMessage = messagePhrase(conditions.filter(isAboutMessage))
  const range = rangePhrase(query.range)
  const withFields = ofFields.length === 0 ? '' : ` with ${ofFields.join(', ')}`
  const withMessage = ofMessage === '' ? '' : `${ofFields.length === 0 ? '' : ','} whose message ${ofMessage}`
  const all = withFields === '' && withMessage === '' && range === '' ? 'all events' : 'events'
  return `${all}${range}${withFields}${withMessage}`
}

function isMessage(field: Field): boolean {
  return field.kind === 'text' && field.name === 'message'
}

function isAboutMessage(filter: Filter): boolean {
  if (filter.kind === 'not') return filter.item.kind === 'test' && isMessage(filter.item.field)
  return filter.kind === 'test' && isMessage(filter.field)
}

/** `contains "connection reset" but not "health"`. */
function messagePhrase(filters: readonly Filter[]): string {
  const wanted = filters.flatMap((filter) => (filter.kind === 'test' ? [verbPhrase(filter.test, false)] : []))
  const unwanted = filters.flatMap((filter) =>
    filter.kind === 'not' && filter.item.kind === 'test' ? [filter.item.test] : [],
  )
  if (wanted.length === 0) return unwanted.map((test) => verbPhrase(test, true)).join(' and ')
  const allContain = [...wanted, ...unwanted.map((test) => testPhrase(test, false))].every((text) =>
    text.startsWith('contains '),
  )
  const joined = wanted.join(' and ').replaceAll(' and contains ', ' and ')
  if (unwanted.length === 0) return joined
  if (allContain) return `${joined} but not ${unwanted.map((test) => testPhrase(test, false).slice(9)).join(' or ')}`
  return `${joined} and ${unwanted.map((test) => verbPhrase(test, true)).join(' and ')}`
}

function filterPhrase(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return 'anything'
    case 'and':
      if (filter.items.length === 0) return 'anything'
      return betweenPhrase(filter.items) ?? `(${filter.items.map(filterPhrase).join(' and ')})`
    case 'or':
      return orPhrase(filter.items)
    case 'not':
      return filter.item.kind === 'test'
        ? fieldTestPhrase(filter.item.field, filter.item.test, true)
        : `not ${filterPhrase(filter.item)}`
    case 'test':
      return fieldTestPhrase(filter.field, filter.test, false)
  }
}

/** `status from 500 to 599` for the two ends of a range. */
function betweenPhrase(items: readonly Filter[]): string | undefined {
  const [low, high] = items
  if (items.length === 1 && low) return filterPhrase(low)
  if (items.length !== 2 || low?.kind !== 'test' || high?.kind !== 'test' || low.field !== high.field) return undefined
  const ends = [low.test, high.test].map((test) => {
    if (test.kind === 'number') return String(test.number)
    return test.kind === 'compare' ? test.text : undefined
  })
  return ends.includes(undefined) ? undefined : `${fieldName(low.field)} from ${ends[0]} to ${ends[1]}`
}

/** `status 500 or 502` where one field is asked for several values. */
function orPhrase(items: readonly Filter[]): string {
  const phrases = items.map(filterPhrase)
  const [first] = items
  const name = first?.kind === 'test' ? `${fieldName(first.field)} ` : undefined
  if (name !== undefined && phrases.every((phrase) => phrase.startsWith(name))) {
    return name + phrases.map((phrase) => phrase.slice(name.length)).join(' or ')
  }
  return `(${phrases.join(' or ')})`
}

function fieldTestPhrase(field: Field, test: Test, isNegated: boolean): string {
  const name = fieldName(field)
  if (test.kind === 'present') return isNegated ? `no ${name}` : `any ${name}`
  if (test.kind === 'time') {
    const range = rangePhrase(test).trim()
    return isNegated ? `${name} not ${range}` : `${name} ${range}`
  }
  return `${name} ${testPhrase(test, isNegated)}`
    .replace(/^message contains /, 'message containing ')
    .replace(/^message does not contain /, 'message not containing ')
}

/** The same after "whose message": with a verb. */
function verbPhrase(test: Test, isNegated: boolean): string {
  if (test.kind === 'regex') {
    return `${isNegated ? 'does not match' : 'matches'} /${test.pattern.source}/${test.pattern.flags}`
  }
  return test.kind === 'compare' ? `is ${testPhrase(test, isNegated)}` : testPhrase(test, isNegated)
}

/** Without the field: `contains "x"`, `at least 500`, `"billing"`. */
function testPhrase(test: Test, isNegated: boolean): string {
  const not = isNegated ? 'not ' : ''
  switch (test.kind) {
    case 'present':
      return isNegated ? 'is empty' : 'is not empty'
    case 'equals':
      return `${not}${/^[\w./:@-]+$/.test(test.text) ? test.text : JSON.stringify(test.text)}`
    case 'parts':
      return partsPhrase(test, isNegated)
    case 'compare':
      return `${not}${OPERATORS[test.op]} ${test.number === undefined ? `${JSON.stringify(test.text)} in the alphabet` : test.text}`
    case 'regex':
      return `${isNegated ? 'not matching' : 'matching'} /${test.pattern.source}/${test.pattern.flags}`
    case 'severities':
      return not + severityPhrase(test)
    case 'time':
      return not + rangePhrase(test).trim()
    case 'number':
      return `${not}${test.op === '=' ? '' : `${OPERATORS[test.op]} `}${test.number}`
  }
}

function severityPhrase({ shown }: Extract<Test, { kind: 'severities' }>): string {
  switch (shown.op) {
    case '>=':
      return `${shown.text} or above`
    case '<=':
      return `${shown.text} or below`
    case '>':
    case '<':
      return `${OPERATORS[shown.op]} ${shown.text}`
    case '':
      return shown.text
    case 'pattern':
      if (shown.text === '*') return 'known'
      return shown.text.includes('..') ? rangeOfLevels(shown.text) : `like ${shown.text}`
  }
}

function rangeOfLevels(text: string): string {
  const [low = '', high = ''] = text.split('..')
  if (low === '') return `${high} or below`
  return high === '' ? `${low} or above` : `from ${low} to ${high}`
}

function partsPhrase(test: Extract<Test, { kind: 'parts' }>, isNegated: boolean): string {
  const { parts, anchored, shown } = test
  if (!anchored) {
    const quoted = parts.map((part) => JSON.stringify(part)).join(' followed by ')
    return isNegated ? `does not contain ${quoted}` : `contains ${quoted}`
  }
  const not = isNegated ? 'not ' : ''
  const filled = parts.filter(Boolean)
  const [only = ''] = filled
  if (filled.length !== 1) return `${not}like ${shown}`
  if (parts[0] !== '') return `${not}starting with ${only}`
  return parts.at(-1) === '' ? `${not}containing ${only}` : `${not}ending with ${only}`
}

function rangePhrase({ fromNs, toNs }: TimeRange): string {
  if (fromNs !== undefined && toNs !== undefined)
    return ` from ${formatTimestamp(fromNs)} to before ${formatTimestamp(toNs)}`
  if (fromNs !== undefined) return ` since ${formatTimestamp(fromNs)}`
  return toNs === undefined ? '' : ` before ${formatTimestamp(toNs)}`
}

function fieldName(field: Field): string {
  return field.kind === 'level' ? 'level' : field.name
}

function pipePhrase(pipe: Pipe): string {
  switch (pipe.kind) {
    case 'where':
      return `keeps those with ${filterPhrase(pipe.filter)}`
    case 'fields':
      return `shows only ${pipe.fields.map((field) => field.name).join(', ')}`
    case 'sort':
      return `sorts by ${pipe.keys.map((key) => key.name + (key.descending ? ', highest first' : '')).join(', then by ')}`
    case 'limit':
      return `keeps the first ${pipe.count}`
    case 'stats':
      return `${aggregatesPhrase(pipe.aggregates)}${pipe.by.length === 0 ? '' : ` per ${pipe.by.map(groupPhrase).join(' and ')}`}`
    case 'top':
      return `finds the ${pipe.count === 1 ? 'most frequent value' : `${pipe.count} most frequent values`} of ${groupPhrase(pipe.field)}${pipe.by ? ` per ${groupPhrase(pipe.by)}` : ''}`
    case 'timechart': {
      const interval = pipe.intervalNs === undefined ? 'interval' : intervalPhrase(pipe.intervalNs)
      const by = pipe.by ? ` and ${groupPhrase(pipe.by)}` : ''
      return `${aggregatesPhrase(pipe.aggregates)} per ${interval}${by}, without gaps`
    }
    case 'extract':
      return `takes ${pipe.groups.map((group) => group.name).join(', ')} out of ${fieldName(pipe.from)} with /${pipe.pattern.source}/`
    case 'parse':
      return `reads fields out of ${fieldName(pipe.from)} as ${pipe.format}`
  }
}

/** `counts`, or `calculates avg(duration_ms) as mean`. */
function aggregatesPhrase(aggregates: readonly Aggregate[]): string {
  const [only] = aggregates
  if (aggregates.length === 1 && only?.name === 'count' && only.field === undefined) return 'counts'
  return `calculates ${aggregates.map(aggregatePhrase).join(', ')}`
}

function aggregatePhrase(aggregate: Aggregate): string {
  const { name, field, level, column } = aggregate
  const of = field === undefined ? '' : fieldName(field)
  const call = name === 'quantile' ? `quantile(${level}, ${of})` : `${name}(${of})`
  return column.name === call || /\(/.test(column.name) ? column.name : `${call} as ${column.name}`
}

function groupPhrase(group: Group): string {
  if (group.kind === 'field') return fieldName(group.field)
  return intervalPhrase(group.intervalNs)
}

const UNITS: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day' }

/** `5 minutes`, `hour`, `1h30m`. */
function intervalPhrase(ns: bigint): string {
  const text = formatDuration(ns)
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? []
  if (count === undefined) return text
  return count === '1' ? `${UNITS[unit]}` : `${count} ${UNITS[unit]}s`
}
