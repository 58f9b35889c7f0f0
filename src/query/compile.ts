import { check } from './2-check/check.ts'
import type { CheckedQuery } from './2-check/checked.ts'
import { parse } from './1-parse/parse.ts'
import { Problems, type QueryProblem } from './problem.ts'

export interface CompileOptions {
  /** What `now` and `-15m` mean. */
  nowNs: bigint
  /** `tail`: also for retention and alert rules; takes the filter and the row pipes only. */
  target: 'search' | 'tail'
}

/** `query` is there exactly when there are no problems. */
export interface Compiled {
  query?: CheckedQuery
  problems: readonly QueryProblem[]
}

/** Query text → checked query, or everything that is wrong with it. Never throws, whatever the text. */
export function compile(text: string, options: CompileOptions): Compiled {
  const problems = new Problems()
  const tree = parse(text, problems)
  const query = tree && check(tree, problems, options)
  const found = problems.list()
  return query && found.length === 0 ? { query, problems: [] } : { problems: found }
}
