import { didYouMean } from '../../core/suggest.ts'
import type { Literal, PipeNode } from '../1-parse/tree.ts'
import { PIPES } from '../language.ts'
import { checkAggregate, checkColumns, checkGroup, checkInterval, fieldGroup } from './aggregates.ts'
import type { Aggregate, Column, Group, Pipe } from './checked.ts'
import { EVERYTHING } from './everything.ts'
import { checkFilter, type CheckContext } from './filter.ts'
import { isBuiltIn, scopeAfterMaking, tableScope, type Scope } from './scope.ts'

export interface CheckedPipe {
  pipe: Pipe
  /** What names mean after it. */
  scope: Scope
}

const LIMIT_MAX = 1_000_000
const TOP_DEFAULT = 10
const TOP_MAX = 10_000

/** One pipe; `index` is its place in the query. Undefined when it makes no sense; the problems are noted. */
export function checkPipe(node: PipeNode, index: number, scope: Scope, context: CheckContext): CheckedPipe | undefined {
  switch (node.kind) {
    case 'where':
      if (node.filter.kind === 'all') incomplete(node, context)
      return { pipe: { kind: 'where', filter: checkFilter(node.filter, scope, context) }, scope }
    case 'fields':
      return checkFields(node, scope, context)
    case 'sort':
      if (node.keys.length === 0) incomplete(node, context)
      return {
        pipe: {
          kind: 'sort',
          keys: node.keys.map((key) => ({
            field: scope.resolve(key.field),
            name: key.field.text,
            descending: key.descending,
          })),
        },
        scope,
      }
    case 'limit':
      return { pipe: { kind: 'limit', count: checkCount(node.count, LIMIT_MAX, node, context) ?? 1 }, scope }
    case 'stats':
      return checkStats(node, scope, context)
    case 'top':
      return checkTop(node, scope, context)
    case 'timechart':
      return checkTimechart(node, scope, context)
    case 'extract':
      return checkExtract(node, index, scope, context)
    case 'parse':
      return checkParse(node, index, scope, context)
    case 'unknown':
      unknownPipe(node, context)
      return undefined
  }
}

type Node<K extends PipeNode['kind']> = Extract<PipeNode, { kind: K }>

function unknownPipe(node: Node<'unknown'>, { problems }: CheckContext): void {
  const names = PIPES.map((pipe) => pipe.name)
  if (node.name === '') {
    problems.add(
      'QUERY_PIPE_INCOMPLETE',
      node.span,
      'there is nothing after |',
      `pipes are ${names.join(', ')}; for either of two filters write OR`,
    )
    return
  }
  const message = `there is no pipe ${node.name}${didYouMean(node.name, names)}`
  problems.add('QUERY_UNKNOWN_PIPE', node.keyword, message, `pipes are ${names.join(', ')}; to search for |, quote it`)
}

function incomplete(node: PipeNode, { problems }: CheckContext): void {
  const usage = PIPES.find((pipe) => pipe.name === node.kind)?.usage ?? ''
  problems.add('QUERY_PIPE_INCOMPLETE', node.keyword, `${node.kind} is not complete`, `it goes: ${usage}`)
}

function checkCount(literal: Literal | null, max: number, node: PipeNode, context: CheckContext): number | undefined {
  if (literal === null) {
    incomplete(node, context)
    return undefined
  }
  const count = /^\d{1,9}$/.test(literal.text) ? Number(literal.text) : 0
  if (count >= 1 && count <= max) return count
  const message = `${literal.text || 'nothing'} is not a whole number from 1 to ${max}`
  context.problems.add('QUERY_BAD_NUMBER', literal.span, message)
  return undefined
}

function checkFields(node: Node<'fields'>, scope: Scope, context: CheckContext): CheckedPipe {
  if (node.names.length === 0) incomplete(node, context)
  const fields = node.names.map((name) => ({ name: name.text, field: scope.resolve(name) }))
  if (scope.columns === undefined) {
    return { pipe: { kind: 'fields', fields, columns: [] }, scope }
  }
  const columns = fields.map(({ field, name }): Column => ({
    name,
    type: field.kind === 'column' ? field.type : 'text',
  }))
  checkColumns(
    columns,
    node.names.map((name) => name.span),
    context.problems,
  )
  return { pipe: { kind: 'fields', fields, columns }, scope: tableScope(columns, context.problems) }
}

function checkStats(node: Node<'stats'>, scope: Scope, context: CheckContext): CheckedPipe | undefined {
  const { problems } = context
  if (node.aggregates.length === 0) incomplete(node, context)
  const by: Group[] = []
  const aggregates: Aggregate[] = []
  const spans = []
  for (const part of node.by) {
    const group = checkGroup(part, scope, problems)
    if (!group) continue
    by.push(group)
    spans.push(part.kind === 'bin' ? part.span : part.field.span)
  }
  for (const part of node.aggregates) {
    const aggregate = checkAggregate(part, scope, problems)
    if (!aggregate) continue
    aggregates.push(aggregate)
    spans.push(part.alias?.span ?? part.span)
  }
  const columns = [...by, ...aggregates].map((part) => part.column)
  checkColumns(columns, spans, problems)
  if (aggregates.length === 0) return undefined
  return { pipe: { kind: 'stats', aggregates, by, columns }, scope: tableScope(columns, problems) }
}

function checkTop(node: Node<'top'>, scope: Scope, context: CheckContext): CheckedPipe | undefined {
  const { problems } = context
  if (node.field === null) {
    incomplete(node, context)
    return undefined
  }
  const count = node.count ? checkCount(node.count, TOP_MAX, node, context) : TOP_DEFAULT
  const field = fieldGroup(node.field, scope)
  const by = node.by ? fieldGroup(node.by, scope) : undefined
  const columns: Column[] = [...(by ? [by.column] : []), field.column, { name: 'count()', type: 'number' }]
  checkColumns(columns, [...(node.by ? [node.by.span] : []), node.field.span, node.keyword], problems)
  return { pipe: { kind: 'top', count: count ?? 1, field, by, columns }, scope: tableScope(columns, problems) }
}

function checkTimechart(node: Node<'timechart'>, scope: Scope, context: CheckContext): CheckedPipe | undefined {
  const { problems } = context
  if (scope.columns !== undefined) {
    problems.add('QUERY_PIPE_NOT_ALLOWED', node.keyword, 'timechart needs events; these rows are a table already')
    return undefined
  }
  if (node.aggregates.length === 0) incomplete(node, context)
  const intervalNs = node.interval ? checkInterval(node.interval, problems) : undefined
  const by = node.by ? fieldGroup(node.by, scope) : undefined
  const aggregates = node.aggregates
    .map((part) => checkAggregate(part, scope, problems))
    .filter((aggregate) => aggregate !== undefined)
  const time: Column = { name: 'time', type: 'time' }
  const columns = [time, ...(by ? [by.column] : []), ...aggregates.map((aggregate) => aggregate.column)]
  const spans = [
    node.keyword,
    ...(node.by ? [node.by.span] : []),
    ...node.aggregates.map((part) => part.alias?.span ?? part.span),
  ]
  checkColumns(columns, spans, problems)
  return { pipe: { kind: 'timechart', intervalNs, aggregates, by, columns }, scope: tableScope(columns, problems) }
}

function checkExtract(
  node: Node<'extract'>,
  index: number,
  scope: Scope,
  context: CheckContext,
): CheckedPipe | undefined {
  const { problems } = context
  if (node.regex === null) {
    incomplete(node, context)
    return undefined
  }
  const from = scope.resolve(node.from ?? MESSAGE_NAME)
  if (!isEventScope(node, scope, context)) return undefined
  const pattern = context.regexes.check(node.regex.source, node.regex.flags, node.regex.span)
  if (!pattern) return undefined
  const groups = context.regexes.groups(pattern)
  if (groups.length === 0) {
    problems.add(
      'QUERY_BAD_REGEX',
      node.regex.span,
      'the regular expression has no named group',
      'name one: (?<user>[a-z]+)',
    )
    return undefined
  }
  for (const { name } of groups) {
    if (!isBuiltIn(name)) continue
    problems.add(
      'QUERY_RESERVED_NAME',
      node.regex.span,
      `every event has a field ${name} already`,
      'give the group another name',
    )
  }
  const names = new Set(groups.map((group) => group.name))
  return { pipe: { kind: 'extract', pattern, groups, from }, scope: scopeAfterMaking(scope, index, names) }
}

const MESSAGE_NAME = { text: 'message', quoted: false, span: { from: 0, to: 0 } }

function checkParse(node: Node<'parse'>, index: number, scope: Scope, context: CheckContext): CheckedPipe | undefined {
  if (!isEventScope(node, scope, context)) return undefined
  const format = node.format?.text.toLowerCase()
  if (node.format === null) incomplete(node, context)
  else if (format !== 'json' && format !== 'logfmt') {
    const message = `parse does not know ${node.format.text}${didYouMean(node.format.text, ['json', 'logfmt'])}`
    context.problems.add('QUERY_BAD_ARGUMENT', node.format.span, message, 'write parse json or parse logfmt')
  }
  const from = scope.resolve(node.from ?? MESSAGE_NAME)
  return {
    pipe: { kind: 'parse', format: format === 'json' ? 'json' : 'logfmt', from },
    scope: scopeAfterMaking(scope, index, undefined),
  }
}

function isEventScope(node: PipeNode, scope: Scope, { problems }: CheckContext): boolean {
  if (scope.columns === undefined) return true
  problems.add(
    'QUERY_PIPE_NOT_ALLOWED',
    node.keyword,
    `${node.kind} needs events; these rows are a table already`,
    'put it before stats',
  )
  return false
}

/** What stands for a pipe that made no sense, so that the ones after it are still checked. */
export const NO_PIPE: Pipe = { kind: 'where', filter: EVERYTHING }
