import type { Expression, Tree, Value } from '../../src/query/1-parse/tree.ts'

/** What a query looks for in messages: what to mark in the events that it found. */
export interface Marks {
  /** In lower case. */
  texts: readonly string[]
  patterns: readonly RegExp[]
}

const MARKS_MAX = 20

export function marksOf(tree: Tree | undefined): Marks {
  const texts = new Set<string>()
  const patterns: RegExp[] = []
  const visit = (expression: Expression): void => {
    if (expression.kind === 'and' || expression.kind === 'or') expression.items.forEach(visit)
    if (expression.kind !== 'term') return
    const { field, value } = expression
    if (field !== null && field.text !== 'message' && field.text !== 'msg') return
    if (value.kind === 'phrase') texts.add(value.text.toLowerCase())
    if (value.kind === 'word') for (const part of value.text.split('*')) texts.add(part.toLowerCase())
    const pattern = value.kind === 'regex' ? patternOf(value) : undefined
    if (pattern) patterns.push(pattern)
  }
  if (tree) {
    visit(tree.filter)
    for (const pipe of tree.pipes) if (pipe.kind === 'where') visit(pipe.filter)
  }
  texts.delete('')
  // Longer ones first, so that they are not cut by what they contain.
  const longestFirst = [...texts].sort((a, b) => b.length - a.length)
  return { texts: longestFirst.slice(0, MARKS_MAX), patterns: patterns.slice(0, MARKS_MAX) }
}

/**
 * For the browser's own engine, which unlike the server's may take very long: only those with at most one repetition
 * without end, and none around a group. What it does not understand is not marked.
 */
function patternOf({ source, flags }: Extract<Value, { kind: 'regex' }>): RegExp | undefined {
  const bare = source.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/g, 'x')
  const endless = bare.match(/[*+]|\{\d+,\}/g)?.length ?? 0
  if (endless > 1 || /\)[*+?{]/.test(bare)) return undefined
  try {
    return new RegExp(source, `g${flags.includes('i') ? 'i' : ''}`)
  } catch {
    // RE2 knows things that JavaScript does not.
    return undefined
  }
}

/** Beyond this many characters patterns are not looked for. */
const PATTERN_CHARS_MAX = 1000

/** The text in turns of not marked and marked, beginning with not marked. */
export function markText(text: string, { texts, patterns }: Marks): string[] {
  if (texts.length === 0 && patterns.length === 0) return [text]
  const lower = text.toLowerCase()
  // Few characters change their length in lower case; where they do, positions mean nothing.
  const found = lower.length === text.length ? texts : []
  const tried = text.length <= PATTERN_CHARS_MAX ? patterns : []
  const parts: string[] = []
  let done = 0
  while (done < text.length) {
    const next = earliest([
      ...found.map((mark) => textAt(lower, mark, done)),
      ...tried.map((one) => matchAt(text, one, done)),
    ])
    if (!next) break
    parts.push(text.slice(done, next.at), text.slice(next.at, next.at + next.length))
    done = next.at + next.length
  }
  return [...parts, text.slice(done)]
}

interface Place {
  at: number
  length: number
}

function textAt(lower: string, mark: string, from: number): Place | undefined {
  const at = lower.indexOf(mark, from)
  return at === -1 ? undefined : { at, length: mark.length }
}

function matchAt(text: string, pattern: RegExp, from: number): Place | undefined {
  pattern.lastIndex = from
  const match = pattern.exec(text)
  return match === null || match[0] === '' ? undefined : { at: match.index, length: match[0].length }
}

function earliest(places: readonly (Place | undefined)[]): Place | undefined {
  let first: Place | undefined
  for (const place of places) if (place && (!first || place.at < first.at)) first = place
  return first
}
