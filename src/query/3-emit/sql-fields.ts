import { levelOf, LEVELS } from '../../core/severity.ts'
import type { Field, Pipe } from '../2-check/checked.ts'
import type { Parameters } from './parameters.ts'

/** What it takes to write a field as SQL. */
export interface SqlContext {
  parameters: Parameters
  pipes: readonly Pipe[]
  /** SQL names of the columns of the table that the rows come from. */
  columns: readonly string[]
}

/** One `key=value` of logfmt: the key, and the value with its quotes if it has any. */
export const LOGFMT = String.raw`(?:^|\s)([^\s="]+)=("(?:[^"\\]|\\(?s:.))*"|[^\s"]*)`
const UNQUOTE = String.raw`if(startsWith(v, '"'), replaceRegexpAll(substring(v, 2, length(v) - 2), '\\\\((?s:.))', '\\1'), v)`

const LEVEL_NAMES = `[${Array.from({ length: 25 }, (_, severity) => `'${levelOf(severity)}'`).join(', ')}]`

/** Level names in rising order, as a SQL array. */
export const LEVEL_ORDER = `[${LEVELS.map((level) => `'${level}'`).join(', ')}]`

/** Level name → its place in that order. */
export function levelRankSql(name: string): string {
  return `indexOf(${LEVEL_ORDER}, ${name})`
}

/** Severity number → level name. */
export function levelNameSql(severity: string): string {
  return `${LEVEL_NAMES}[least(toUInt8(${severity}), 24) + 1]`
}

/** The value of a field as it is compared: text as String, times as DateTime64, level as UInt8. */
export function fieldSql(field: Field, context: SqlContext): string {
  switch (field.kind) {
    case 'text':
    case 'time':
      return field.name
    case 'level':
      return 'severity'
    case 'attribute':
      return `attributes[${context.parameters.text(field.name)}]`
    case 'column':
      return context.columns[field.index] ?? 'NULL'
    case 'made':
      return `ifNull(nullIf(${madeSql(field, context)}, ''), ${fieldSql(field.before, context)})`
  }
}

/** What one `extract` or `parse` pipe found under a name; empty where it found nothing. */
function madeSql(field: Extract<Field, { kind: 'made' }>, context: SqlContext): string {
  const { parameters } = context
  const pipe = context.pipes[field.pipe]
  if (pipe?.kind === 'extract') {
    const index = pipe.groups.find((group) => group.name === field.name)?.index ?? 0
    return `extractGroups(${fieldSql(pipe.from, context)}, ${parameters.text(pipe.pattern.full)})[${index}]`
  }
  if (pipe?.kind !== 'parse') throw new TypeError('a made field without its pipe')
  const from = fieldSql(pipe.from, context)
  const name = parameters.text(field.name)
  if (pipe.format === 'json') return `JSONExtractString(${from}, ${name})`
  return `arrayMap(v -> ${UNQUOTE}, arrayFirst(g -> g[1] = ${name}, extractAllGroupsVertical(${from}, ${parameters.text(LOGFMT)})))[2]`
}

/** Everything that the making pipes found, as `Map(String, String)` expressions in the order of the pipes. */
export function madeMapsSql(context: SqlContext): string[] {
  const { parameters } = context
  return context.pipes.flatMap((pipe) => {
    if (pipe.kind === 'extract') {
      const from = fieldSql(pipe.from, context)
      const groups = `extractGroups(${from}, ${parameters.text(pipe.pattern.full)})`
      const names = parameters.texts(pipe.groups.map((group) => group.name))
      const indexes = pipe.groups.map((group) => group.index).join(', ')
      return [`mapFromArrays(${names}, arrayMap(i -> ${groups}[i], [${indexes}]))`]
    }
    if (pipe.kind !== 'parse') return []
    const from = fieldSql(pipe.from, context)
    // A key that stands twice counts once, the first time: readers of a map keep the last, so the order is turned.
    if (pipe.format === 'json') {
      return [`CAST(arrayReverse(JSONExtractKeysAndValues(${from}, 'String')), 'Map(String, String)')`]
    }
    const pairs = `extractAllGroupsVertical(${from}, ${parameters.text(LOGFMT)})`
    return [
      `CAST(arrayReverse(arrayMap(g -> (g[1], arrayMap(v -> ${UNQUOTE}, g)[2]), ${pairs})), 'Map(String, String)')`,
    ]
  })
}
