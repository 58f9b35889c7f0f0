import { FIELD_ALIASES } from '../../src/query/language.ts'

/**
 * Changes to a query text that a click stands for. The text stays the reader's: what they wrote is kept as it is, and
 * a term is added, joined with its like, or taken away.
 */

export interface FieldValue {
  field: string
  /** Empty: the field is absent. */
  value: string
}

export type Sense = 'include' | 'exclude'

/** The filter and, from its first `|` on, the pipes. */
export function splitPipes(text: string): { filter: string; pipes: string } {
  const at = outside(text).indexOf('|')
  return at === -1 ? { filter: text, pipes: '' } : { filter: text.slice(0, at), pipes: text.slice(at) }
}

/** What stands side by side in a filter: terms, groups and operators. */
export function chunksOf(filter: string): string[] {
  const masked = outside(filter)
  return [...masked.matchAll(/[^ \t\r\n\u00a0]+/g)].map(({ index, 0: found }) =>
    filter.slice(index, index + found.length),
  )
}

/** Whether the text says so already, by a term of its own. */
export function senseOf(text: string, { field, value }: FieldValue): Sense | undefined {
  for (const chunk of chunksOf(splitPipes(text).filter)) {
    const term = termOf(chunk)
    if (term && sameField(term.field, field) && term.values.some((own) => sameValue(own, value))) return term.sense
  }
  return undefined
}

/** Adds the term, or takes it away where it is there already; the opposite gives way. */
export function toggleTerm(text: string, pair: FieldValue, sense: Sense): string {
  const { filter, pipes } = splitPipes(text)
  const had = senseOf(text, pair)
  let chunks = chunksOf(filter)
  if (had) chunks = chunks.flatMap((chunk) => without(chunk, pair))
  if (had !== sense) chunks = added(chunks, pair, sense)
  return joinParts(chunks.join(' '), pipes)
}

/** Whether the filter has a term of its own about this field. */
export function hasTerm(text: string, field: string): boolean {
  return chunksOf(splitPipes(text).filter).some((chunk) => sameField(termOf(chunk)?.field ?? '', field))
}

/** Without what it says about this field, to see what else there would be. */
export function withoutField(text: string, field: string): string {
  const { filter, pipes } = splitPipes(text)
  const chunks = chunksOf(filter)
  if (chunks.some((chunk) => /^(?:and|or|not)$/i.test(chunk))) return text
  return joinParts(chunks.filter((chunk) => !sameField(termOf(chunk)?.field ?? '', field)).join(' '), pipes)
}

/** Everything but this piece of the filter. */
export function withoutChunk(text: string, index: number): string {
  const { filter, pipes } = splitPipes(text)
  return joinParts(
    chunksOf(filter)
      .filter((_, at) => at !== index)
      .join(' '),
    pipes,
  )
}

function joinParts(filter: string, pipes: string): string {
  return [filter.trim(), pipes.trim()].filter((part) => part !== '').join(' ')
}

function added(chunks: string[], pair: FieldValue, sense: Sense): string[] {
  const { field, value } = pair
  const isLoose = chunks.some((chunk) => /^or$/i.test(chunk))
  const held = isLoose ? [`(${chunks.join(' ')})`] : chunks
  if (value === '') return [...held, sense === 'include' ? `-${quotedName(field)}:*` : `${quotedName(field)}:*`]
  const term = `${quotedName(field)}:${quotedValue(value)}`
  if (sense === 'exclude') return [...held, `-${term}`]
  const at = held.findIndex((chunk) => {
    const own = termOf(chunk)
    return own?.sense === 'include' && sameField(own.field, field) && own.values.length > 0
  })
  if (at === -1) return [...held, term]
  const own = termOf(held[at] ?? '')
  const values = [...(own?.written ?? []), quotedValue(value)]
  return held.with(at, `${quotedName(field)}:(${values.join(' OR ')})`)
}

function without(chunk: string, { field, value }: FieldValue): string[] {
  const term = termOf(chunk)
  if (!term || !sameField(term.field, field)) return [chunk]
  const written = term.written.filter((_, index) => !sameValue(term.values[index] ?? '', value))
  if (written.length === term.written.length) return [chunk]
  if (written.length === 0) return []
  const values = written.length === 1 ? written[0] : `(${written.join(' OR ')})`
  return [`${term.sense === 'exclude' ? '-' : ''}${quotedName(term.field)}:${values}`]
}

interface Term {
  sense: Sense
  field: string
  /** As meant, and as written. `-field:*` has the empty value. */
  values: string[]
  written: string[]
}

const TERM = /^(-?)(?:"((?:\\.|[^"\\])*)"|([A-Za-z_@$\u00aa-\uffff][\w.@$/\u00aa-\uffff-]*)):([^]+)$/

/** A term whose values are plain: one, or several joined by OR. */
function termOf(chunk: string): Term | undefined {
  const match = TERM.exec(chunk)
  if (!match) return undefined
  const [, minus, quoted, plain, rest = ''] = match
  const field = quoted === undefined ? (plain ?? '') : unescaped(quoted)
  const sense: Sense = minus === '-' ? 'exclude' : 'include'
  if (rest === '*') return { sense: sense === 'exclude' ? 'include' : 'exclude', field, values: [''], written: ['*'] }
  const isGroup = rest.startsWith('(') && rest.endsWith(')')
  const parts = isGroup ? chunksOf(rest.slice(1, -1)) : [rest]
  const isPlain = parts.every((part, index) => (index % 2 === 1 ? /^or$/i.test(part) : isPlainValue(part)))
  if (!isPlain || parts.length % 2 === 0) return undefined
  const written = parts.filter((_, index) => index % 2 === 0)
  return { sense, field, written, values: written.map(unquoted) }
}

function isPlainValue(text: string): boolean {
  return /^"(?:\\.|[^"\\])*"$/s.test(text) || (PLAIN.test(text) && !text.includes('..'))
}

const PLAIN = /^[\w\u00aa-\uffff][\w.@:/\u00aa-\uffff-]*$/
const KEYWORD = /^(?:and|or|not)$/i

export function quotedValue(value: string): string {
  const isPlain = PLAIN.test(value) && !value.includes('..') && !value.startsWith('/') && !KEYWORD.test(value)
  return isPlain ? value : `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

export function quotedName(name: string): string {
  return /^[A-Za-z_@$][\w.@$/-]*$/.test(name) ? name : `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

function unquoted(text: string): string {
  return text.startsWith('"') ? unescaped(text.slice(1, -1)) : text
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(["\\])/g, '$1')
}

function sameField(a: string, b: string): boolean {
  return (FIELD_ALIASES[a] ?? a) === (FIELD_ALIASES[b] ?? b)
}

function sameValue(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** The text of the same length with everything in quotes and parentheses blotted out. */
function outside(text: string): string {
  let depth = 0
  let isQuoted = false
  let result = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ''
    if (isQuoted && character === '\\' && at + 1 < text.length) {
      result += 'xx'
      at++
      continue
    }
    if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === '(') depth++
    result += isQuoted || depth > 0 || character === '"' ? 'x' : character
    if (!isQuoted && character === ')') depth = Math.max(0, depth - 1)
  }
  return result
}
