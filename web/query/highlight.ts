import { parse } from '../../src/query/1-parse/parse.ts'
import type { Expression, PipeNode, Tree, Value } from '../../src/query/1-parse/tree.ts'
import { Problems, type QueryProblem, type Span } from '../../src/query/problem.ts'

export type PieceKind = 'plain' | 'field' | 'value' | 'regex' | 'word' | 'sign'

/** A run of the query text that looks alike. */
export interface Piece {
  text: string
  kind: PieceKind
  /** Index into the problems. */
  problem: number | undefined
}

export interface Reading {
  tree: Tree | undefined
  /** What the grammar alone finds wrong; the server finds more. */
  problems: QueryProblem[]
}

/** The text with the language's own parser. Never throws. */
export function readQuery(text: string): Reading {
  const problems = new Problems()
  const tree = parse(text, problems)
  return { tree, problems: problems.list() }
}

/** Pipes that need all events before they know anything: no tail has them. */
const NEEDS_ALL: ReadonlySet<PipeNode['kind']> = new Set(['sort', 'limit', 'stats', 'top', 'timechart'])

export function canTail(text: string): boolean {
  return readQuery(text).tree?.pipes.every(({ kind }) => !NEEDS_ALL.has(kind)) ?? true
}

const MAKES_TABLE: ReadonlySet<PipeNode['kind']> = new Set(['stats', 'top', 'timechart'])

/** Whether the answer is a table instead of events. */
export function makesTable(text: string): boolean {
  return readQuery(text).tree?.pipes.some(({ kind }) => MAKES_TABLE.has(kind)) ?? false
}

/** The whole text, cut where the look changes. */
export function colour(text: string, tree: Tree | undefined, problems: readonly QueryProblem[]): Piece[] {
  const kinds = Array.from<PieceKind>({ length: text.length }).fill('plain')
  const paint = ({ from, to }: Span, kind: PieceKind): void => void kinds.fill(kind, from, to)
  if (tree) {
    paintExpression(tree.filter, paint)
    for (const pipe of tree.pipes) paintPipe(pipe, paint)
  }
  paintOperators(text, kinds)
  const wrong = Array.from<number | undefined>({ length: text.length }).fill(undefined)
  problems.forEach(({ from, to }, index) => wrong.fill(index, from, Math.max(to, from + 1)))
  const pieces: Piece[] = []
  for (let at = 0; at < text.length; at++) {
    const kind = kinds[at] ?? 'plain'
    const last = pieces.at(-1)
    if (last && last.kind === kind && last.problem === wrong[at]) last.text += text[at] ?? ''
    else pieces.push({ text: text[at] ?? '', kind, problem: wrong[at] })
  }
  return pieces
}

type Paint = (span: Span, kind: PieceKind) => void

function paintExpression(expression: Expression, paint: Paint): void {
  if (expression.kind === 'and' || expression.kind === 'or') {
    for (const item of expression.items) paintExpression(item, paint)
  } else if (expression.kind === 'not') paintExpression(expression.item, paint)
  else if (expression.kind === 'term') {
    if (expression.field) paint(expression.field.span, 'field')
    paint(expression.value.span, valueKind(expression.value, expression.field !== null))
  }
}

function valueKind({ kind }: Value, hasField: boolean): PieceKind {
  if (kind === 'regex') return 'regex'
  return hasField || kind === 'phrase' ? 'value' : 'plain'
}

function paintPipe(pipe: PipeNode, paint: Paint): void {
  paint(pipe.keyword, 'word')
  if (pipe.kind === 'where') paintExpression(pipe.filter, paint)
  else if (pipe.kind === 'fields') for (const name of pipe.names) paint(name.span, 'field')
  else if (pipe.kind === 'sort') for (const { field } of pipe.keys) paint(field.span, 'field')
  else if (pipe.kind === 'extract' && pipe.regex) paint(pipe.regex.span, 'regex')
  if (pipe.kind === 'stats') {
    for (const group of pipe.by) if (group.kind === 'field') paint(group.field.span, 'field')
  }
  if (pipe.kind === 'top' && pipe.field) paint(pipe.field.span, 'field')
  if ((pipe.kind === 'top' || pipe.kind === 'timechart') && pipe.by) paint(pipe.by.span, 'field')
  if (pipe.kind === 'stats' || pipe.kind === 'timechart') {
    for (const { args, alias } of pipe.aggregates) {
      for (const argument of args) paint(argument.span, 'field')
      if (alias) paint(alias.span, 'value')
    }
  }
}

/** Signs and words that the tree does not keep; only where nothing else was painted. */
function paintOperators(text: string, kinds: PieceKind[]): void {
  for (const match of text.matchAll(/[|():,-]|\b(?:and|or|not|by|as|from|asc|desc)\b/gi)) {
    const end = match.index + match[0].length
    if (!kinds.slice(match.index, end).every((kind) => kind === 'plain')) continue
    const isWord = /^\w/.test(match[0])
    // A sign inside of a word is part of it.
    if (match[0] === '-' && /\S/.test(text[match.index - 1] ?? ' ') && !/[(]/.test(text[match.index - 1] ?? ''))
      continue
    kinds.fill(isWord ? 'word' : 'sign', match.index, end)
  }
}
