import type { TimeRange } from '../query.ts'
import type { PipeNode, Tree } from '../1-parse/tree.ts'
import { MAKING_PIPES_MAX, PIPES_MAX } from '../limits.ts'
import type { Problems } from '../problem.ts'
import type { CheckedQuery, Filter, Pipe } from './checked.ts'
import { EVERYTHING } from './everything.ts'
import { checkFilter, type CheckContext } from './filter.ts'
import { checkPipe, NO_PIPE } from './pipes.ts'
import { createRegexChecker } from './regex.ts'
import { EVENT_SCOPE } from './scope.ts'

export interface CheckOptions {
  nowNs: bigint
  target: 'search' | 'tail'
}

/** Pipes that need all events before they know anything: a tail never has them. */
const NEEDS_ALL: ReadonlySet<PipeNode['kind']> = new Set(['sort', 'limit', 'stats', 'top', 'timechart'])

/** Tree → checked query, which is only good when no problem was noted. */
export function check(tree: Tree, problems: Problems, options: CheckOptions): CheckedQuery {
  const context: CheckContext = { problems, regexes: createRegexChecker(problems), nowNs: options.nowNs, terms: 0 }
  const { filter, range } = splitRange(checkFilter(tree.filter, EVENT_SCOPE, context))
  const pipes: Pipe[] = []
  let scope = EVENT_SCOPE
  const tooMany = tree.pipes[PIPES_MAX]
  if (tooMany) problems.add('QUERY_TOO_MANY_PIPES', tooMany.span, `the query has more than ${PIPES_MAX} pipes`)
  const making = tree.pipes.filter((node) => node.kind === 'extract' || node.kind === 'parse')[MAKING_PIPES_MAX]
  if (making) {
    const message = `the query has more than ${MAKING_PIPES_MAX} extract and parse pipes`
    problems.add('QUERY_TOO_MANY_PIPES', making.keyword, message, 'one extract can have several groups')
  }
  tree.pipes.slice(0, PIPES_MAX).forEach((node, index) => {
    if (options.target === 'tail' && NEEDS_ALL.has(node.kind)) {
      const message = `a tail cannot run ${node.kind}: it never has all events`
      problems.add(
        'QUERY_PIPE_NOT_ALLOWED',
        node.keyword,
        message,
        'use it in a search; a tail takes where, fields, extract and parse',
      )
    }
    const checked = checkPipe(node, index, scope, context)
    pipes.push(checked?.pipe ?? NO_PIPE)
    if (checked) ({ scope } = checked)
  })
  const last = pipes.at(-1)
  const isPageable = pipes.every(
    (pipe, index) => isRowWise(pipe) || (pipe.kind === 'limit' && index === pipes.length - 1),
  )
  return {
    filter,
    pipes,
    range,
    kind: scope.columns === undefined ? 'events' : 'table',
    isPageable: isPageable && scope.columns === undefined,
    limit: isPageable && last?.kind === 'limit' ? last.count : undefined,
    fields: scope.columns === undefined ? shownFields(pipes) : undefined,
    isRangeNeeded: pipes.some((pipe) => pipe.kind === 'timechart' && pipe.intervalNs === undefined),
    columns: scope.columns ?? [],
  }
}

function isRowWise(pipe: Pipe): boolean {
  return pipe.kind === 'where' || pipe.kind === 'fields' || pipe.kind === 'extract' || pipe.kind === 'parse'
}

function shownFields(pipes: readonly Pipe[]): string[] | undefined {
  const last = pipes.findLast((pipe) => pipe.kind === 'fields')
  return last && [...new Set(last.fields.map((field) => field.name))]
}

/** Takes `time:` bounds that hold for the whole filter out of it. */
function splitRange(filter: Filter): { filter: Filter; range: TimeRange } {
  const range: TimeRange = {}
  const rest: Filter[] = []
  const visit = (item: Filter): void => {
    if (item.kind === 'and' && holdsTime(item)) {
      for (const part of item.items) visit(part)
    } else if (item.kind === 'test' && item.test.kind === 'time' && isTimestamp(item.field)) {
      const { fromNs, toNs } = item.test
      if (fromNs !== undefined && (range.fromNs === undefined || fromNs > range.fromNs)) range.fromNs = fromNs
      if (toNs !== undefined && (range.toNs === undefined || toNs < range.toNs)) range.toNs = toNs
    } else if (item.kind !== 'all') {
      rest.push(item)
    }
  }
  if (filter.kind === 'and') filter.items.forEach(visit)
  else visit(filter)
  const [only] = rest
  return {
    filter: rest.length === 0 ? EVERYTHING : rest.length === 1 && only ? only : { kind: 'and', items: rest },
    range,
  }
}

/** Whether there is a time bound among what must all hold. */
function holdsTime(filter: Filter): boolean {
  if (filter.kind === 'and') return filter.items.some(holdsTime)
  return filter.kind === 'test' && filter.test.kind === 'time' && isTimestamp(filter.field)
}

function isTimestamp(field: { kind: string; name?: string }): boolean {
  return field.kind === 'time' && field.name === 'timestamp'
}
