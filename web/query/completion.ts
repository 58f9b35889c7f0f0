import { FIELDS, FUNCTIONS, PIPES } from '../../src/query/language.ts'
import { quotedName, quotedValue } from './filter-text.ts'

/** What may stand where the caret is. */
export type Wanted =
  | { kind: 'field' | 'pipe' | 'function'; typed: string; from: number }
  | { kind: 'value'; field: string; typed: string; from: number }
  | { kind: 'nothing' }

export interface Suggestion {
  /** Replaces what was typed. */
  insert: string
  shown: string
  /** In a few words. */
  note: string
}

const BY_FIELDS: ReadonlySet<string> = new Set(['fields', 'sort', 'top'])
const BY_FUNCTIONS: ReadonlySet<string> = new Set(['stats', 'timechart'])

/** Looks at the text up to the caret only. */
export function wantedAt(text: string, caret: number): Wanted {
  const before = text.slice(0, caret)
  const { pipe, from, isQuoted } = lastPipe(before)
  const typed = /[^\s(),|"]*$/.exec(before)?.[0] ?? ''
  const at = caret - typed.length
  const value = /(?:^|[\s(|])-?([A-Za-z_@$][\w.@$/-]*):("?)([^\s()"|]*)$/.exec(before)
  const [, field = '', quote = '', start = ''] = value ?? []
  const inFilter = pipe === undefined || pipe === 'where'
  if (inFilter && value) return { kind: 'value', field, typed: start, from: caret - start.length - quote.length }
  if (isQuoted) return { kind: 'nothing' }
  if (pipe === undefined)
    return { kind: 'field', typed: typed.replace(/^-/, ''), from: typed.startsWith('-') ? at + 1 : at }
  const rest = before.slice(from)
  if (/^\s*\w*$/.test(rest)) return { kind: 'pipe', typed, from: at }
  if (inFilter || BY_FIELDS.has(pipe) || /\b(?:by|from)\b/i.test(rest) || /\([^)]*$/.test(rest)) {
    return { kind: 'field', typed, from: at }
  }
  return BY_FUNCTIONS.has(pipe) ? { kind: 'function', typed, from: at } : { kind: 'nothing' }
}

/** The pipe that the end of the text is in; `from` is where it begins, after the sign. */
function lastPipe(before: string): { pipe: string | undefined; from: number; isQuoted: boolean } {
  let from = -1
  let isQuoted = false
  for (let at = 0; at < before.length; at++) {
    const character = before[at]
    if (isQuoted && character === '\\') at++
    else if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === '|') from = at + 1
  }
  if (from === -1) return { pipe: undefined, from: 0, isQuoted }
  return { pipe: /^\s*(\w*)/.exec(before.slice(from))?.[1]?.toLowerCase() ?? '', from, isQuoted }
}

const SUGGESTIONS_MAX = 10

/** For pipes and functions, which are known here. */
export function languageSuggestions(kind: 'pipe' | 'function', typed: string): Suggestion[] {
  const words = kind === 'pipe' ? PIPES : FUNCTIONS
  return words
    .filter(({ name }) => name.startsWith(typed.toLowerCase()))
    .map(({ name, usage, text }) => ({
      insert: kind === 'pipe' ? `${name} ` : `${name}(`,
      shown: usage,
      note: text,
    }))
}

/** Own fields first, then attributes by how many events have them. */
export function fieldSuggestions(
  typed: string,
  attributes: readonly { name: string; count: number }[],
  isFilter: boolean,
): Suggestion[] {
  const word = typed.toLowerCase()
  const end = isFilter ? ':' : ' '
  const own = FIELDS.map(({ name, text }) => ({ name, note: text }))
  const others = attributes
    .filter(({ name }) => !own.some((field) => field.name === name))
    .map(({ name, count }) => ({ name, note: `in ${count.toLocaleString('en')} events` }))
  const all = [...own, ...others]
  const starting = all.filter(({ name }) => name.toLowerCase().startsWith(word))
  const containing = all.filter(({ name }) => name.toLowerCase().indexOf(word) > 0)
  return [...starting, ...containing]
    .slice(0, SUGGESTIONS_MAX)
    .map(({ name, note }) => ({ insert: quotedName(name) + end, shown: name, note }))
}

export function valueSuggestions(values: readonly { value: string; count: number }[]): Suggestion[] {
  return values
    .filter(({ value }) => value !== '')
    .slice(0, SUGGESTIONS_MAX)
    .map(({ value, count }) => ({
      insert: `${quotedValue(value)} `,
      shown: value.slice(0, 200),
      note: count.toLocaleString('en'),
    }))
}
