import type { Expression, Tree } from '../../src/query/1-parse/tree.ts'

/** Texts that a query looks for in messages, in lower case: what to mark in the events that it found. */
export function markedTexts(tree: Tree | undefined): string[] {
  const found = new Set<string>()
  const visit = (expression: Expression): void => {
    if (expression.kind === 'and' || expression.kind === 'or') expression.items.forEach(visit)
    if (expression.kind !== 'term') return
    const { field, value } = expression
    if (field !== null && field.text !== 'message' && field.text !== 'msg') return
    if (value.kind === 'phrase') found.add(value.text.toLowerCase())
    if (value.kind === 'word') for (const part of value.text.split('*')) found.add(part.toLowerCase())
  }
  if (tree) {
    visit(tree.filter)
    for (const pipe of tree.pipes) if (pipe.kind === 'where') visit(pipe.filter)
  }
  found.delete('')
  // Longer ones first, so that they are not cut by what they contain.
  return [...found].sort((a, b) => b.length - a.length).slice(0, MARKS_MAX)
}

const MARKS_MAX = 20

/** The text in turns of not marked and marked, beginning with not marked. */
export function markText(text: string, marks: readonly string[]): string[] {
  if (marks.length === 0) return [text]
  const lower = text.toLowerCase()
  // Few characters change their length in lower case; where they do, positions mean nothing.
  if (lower.length !== text.length) return [text]
  const parts: string[] = []
  let done = 0
  while (done < text.length) {
    const next = nextMark(lower, marks, done)
    if (!next) break
    parts.push(text.slice(done, next.at), text.slice(next.at, next.at + next.length))
    done = next.at + next.length
  }
  return [...parts, text.slice(done)]
}

function nextMark(lower: string, marks: readonly string[], from: number): { at: number; length: number } | undefined {
  let best: { at: number; length: number } | undefined
  for (const mark of marks) {
    const at = lower.indexOf(mark, from)
    if (at !== -1 && (!best || at < best.at)) best = { at, length: mark.length }
  }
  return best
}
