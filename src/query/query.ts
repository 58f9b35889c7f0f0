/**
 * query: one small language (docs/query.md), as three pure phases: text → tree (`1-parse`), tree → checked query with
 * every problem found (`2-check`), checked query → SQL, row selector, evaluation in memory, explanation (`3-emit`). It knows no IO, no
 * clock and no database client. Start reading here: these are its doors.
 */
export type { CheckedQuery, Column, ColumnType } from './2-check/checked.ts'
export type { QueryProblem, ProblemCode } from './problem.ts'
export { compile, type Compiled, type CompileOptions } from './compile.ts'
export { selectsAll, type KnownFields } from './certain.ts'
export { checkFilter, restrict } from './restrict.ts'
export { toFilterSql, toSql, type SqlOptions, type SqlQuery } from './3-emit/sql.ts'
export {
  readEventRow,
  readLogEvent,
  readTableRow,
  rowPosition,
  type RowOptions,
  type RowPosition,
  type TableCell,
} from './3-emit/rows.ts'
export { BUCKETS_END_NS } from './3-emit/sql-time.ts'
export { toPredicate, toSelector } from './3-emit/select.ts'
export { createEvaluation, type Evaluation, type EvaluationOptions } from './3-emit/evaluation/evaluation.ts'
export { explain } from './3-emit/explain.ts'
export { chooseIntervalNs, bucketStartNs } from './interval.ts'
export { intersectRanges } from './range.ts'
export { TABLE_ROWS_MAX } from './limits.ts'
export { LANGUAGE, type LanguageWord } from './language.ts'

/** Half-open in nanoseconds: `fromNs <= timestamp < toNs`. */
export interface TimeRange {
  fromNs?: bigint
  toNs?: bigint
}
