import type { TextField } from '../../core/event.ts'
import type { TimeRange } from '../query.ts'

/** A query that makes sense: what `3-emit` turns into SQL, a row selector or English. */
export interface CheckedQuery {
  /** Without the top-level `time:` bounds, which are in `range`. */
  filter: Filter
  pipes: readonly Pipe[]
  /** What the text itself says about time; open where it says nothing. */
  range: TimeRange
  /** `events`: rows as they came. `table`: the outcome of stats, top or timechart. */
  kind: 'events' | 'table'
  /**
   * Only for events. True when the answer can be read in pages and windows of time: nothing but row-wise pipes, then
   * at most a limit. False when it must be read in one piece (sort, or a pipe after limit).
   */
  isPageable: boolean
  /** What `limit` at the end says, if the query is pageable. */
  limit: number | undefined
  /** Names after `fields`, in order; undefined: everything. */
  fields: readonly string[] | undefined
  /** A timechart without interval: it needs both ends of the time range to choose one. */
  isRangeNeeded: boolean
  /** Columns of a table. */
  columns: readonly Column[]
}

export type ColumnType = 'number' | 'text' | 'level' | 'time'

export interface Column {
  /** As shown: an alias, a field or `count()`. */
  name: string
  type: ColumnType
}

/** Where a value is found. */
export type Field =
  | { kind: 'text'; name: TextField | 'node' }
  | { kind: 'attribute'; name: string }
  | { kind: 'time'; name: 'timestamp' | 'received' }
  | { kind: 'level' }
  /** Made by the `pipe`-th pipe, an `extract` or `parse`; where it found nothing, the value is that of `before`. */
  | { kind: 'made'; name: string; pipe: number; before: Field }
  /** A column of the table that the pipe before this one made. */
  | { kind: 'column'; index: number; name: string; type: ColumnType }

export type Filter =
  | { kind: 'all' }
  | { kind: 'and' | 'or'; items: readonly Filter[] }
  | { kind: 'not'; item: Filter }
  | { kind: 'test'; field: Field; test: Test }

export type CompareOp = '>' | '>=' | '<' | '<='

/** What is asked of one value. Absent values (empty text) pass none of these. */
export type Test =
  | { kind: 'present' }
  /** Letters in either case; `exactCase`: for ids, as written, all lower or all upper case. */
  | { kind: 'equals'; text: string; exactCase: boolean }
  /** The parts stand in the text in this order; `anchored`: the first at its start, the last at its end. */
  | { kind: 'parts'; parts: readonly string[]; anchored: boolean; shown: string }
  | { kind: 'compare'; op: CompareOp; text: string; number: number | undefined }
  | { kind: 'regex'; pattern: Pattern }
  | { kind: 'severities'; numbers: readonly number[]; shown: SeverityShown }
  /** Half-open, in nanoseconds. */
  | { kind: 'time'; fromNs?: bigint; toNs?: bigint }
  /** Of a number in a table column. */
  | { kind: 'number'; op: CompareOp | '='; number: number }

export interface SeverityShown {
  op: '' | CompareOp | 'pattern'
  text: string
}

/** A regular expression that RE2 accepts. */
export interface Pattern {
  /** As written between the slashes. */
  source: string
  flags: string
  /** With the flags in front, as both engines get it. */
  full: string
  matchesEmpty: boolean
}

export interface Aggregate {
  name: 'count' | 'uniq' | 'sum' | 'avg' | 'min' | 'max' | 'quantile' | 'rate'
  field: Field | undefined
  /** For quantile. */
  level?: number
  column: Column
}

export type Group =
  | { kind: 'field'; field: Field; column: Column }
  | { kind: 'bin'; intervalNs: bigint; column: Column }

export type Pipe =
  | { kind: 'where'; filter: Filter }
  | { kind: 'fields'; fields: readonly { name: string; field: Field }[]; columns: readonly Column[] }
  | { kind: 'sort'; keys: readonly { field: Field; name: string; descending: boolean }[] }
  | { kind: 'limit'; count: number }
  | { kind: 'stats'; aggregates: readonly Aggregate[]; by: readonly Group[]; columns: readonly Column[] }
  | { kind: 'top'; count: number; field: Group; by: Group | undefined; columns: readonly Column[] }
  | {
      kind: 'timechart'
      /** Undefined: chosen from the range. */
      intervalNs: bigint | undefined
      aggregates: readonly Aggregate[]
      by: Group | undefined
      columns: readonly Column[]
    }
  | { kind: 'extract'; pattern: Pattern; groups: readonly { name: string; index: number }[]; from: Field }
  | { kind: 'parse'; format: 'json' | 'logfmt'; from: Field }
