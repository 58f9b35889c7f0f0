import type { Span } from '../problem.ts'

/** What a query text says, before anybody has asked whether it makes sense. Spans are UTF-16 offsets. */
export interface Tree {
  filter: Expression
  pipes: PipeNode[]
}

export type Expression =
  | { kind: 'all' }
  | { kind: 'and' | 'or'; items: Expression[] }
  | { kind: 'not'; item: Expression }
  /** `field` is null for a bare word, phrase or regex: the message. */
  | { kind: 'term'; field: Name | null; value: Value; span: Span }

export interface Name {
  text: string
  quoted: boolean
  span: Span
}

export type Value =
  | { kind: 'any'; span: Span }
  | ({ kind: 'word' | 'phrase' } & Literal)
  | { kind: 'regex'; source: string; flags: string; span: Span }
  | { kind: 'compare'; op: '>' | '>=' | '<' | '<='; bound: Literal; span: Span }
  | { kind: 'range'; low: Literal | null; high: Literal | null; span: Span }

/** A piece of text as meant (escapes resolved). */
export interface Literal {
  text: string
  quoted: boolean
  span: Span
}

export interface AggregateNode {
  name: string
  args: Literal[]
  alias: Name | null
  span: Span
}

export type GroupNode = { kind: 'field'; field: Name } | { kind: 'bin'; interval: Literal; span: Span }

export type PipeNode = { span: Span; keyword: Span } & (
  | { kind: 'where'; filter: Expression }
  | { kind: 'fields'; names: Name[] }
  | { kind: 'sort'; keys: { field: Name; descending: boolean }[] }
  | { kind: 'limit'; count: Literal | null }
  | { kind: 'stats'; aggregates: AggregateNode[]; by: GroupNode[] }
  | { kind: 'top'; count: Literal | null; field: Name | null; by: Name | null }
  | { kind: 'timechart'; interval: Literal | null; aggregates: AggregateNode[]; by: Name | null }
  | { kind: 'extract'; regex: Extract<Value, { kind: 'regex' }> | null; from: Name | null }
  | { kind: 'parse'; format: Literal | null; from: Name | null }
  | { kind: 'unknown'; name: string }
)
