/** What can be wrong with a query text. The codes are stable and documented in docs/query.md. */
export const PROBLEM_CODES = [
  'QUERY_TEXT_TOO_LONG',
  'QUERY_TOO_DEEP',
  'QUERY_TOO_MANY_TERMS',
  'QUERY_TOO_MANY_PIPES',
  'QUERY_UNCLOSED_QUOTE',
  'QUERY_UNCLOSED_PARENTHESIS',
  'QUERY_UNEXPECTED_TEXT',
  'QUERY_OPERAND_MISSING',
  'QUERY_VALUE_MISSING',
  'QUERY_UNKNOWN_PIPE',
  'QUERY_PIPE_INCOMPLETE',
  'QUERY_PIPE_NOT_ALLOWED',
  'QUERY_UNKNOWN_FIELD',
  'QUERY_UNKNOWN_FUNCTION',
  'QUERY_BAD_ARGUMENT',
  'QUERY_DUPLICATE_NAME',
  'QUERY_RESERVED_NAME',
  'QUERY_BAD_REGEX',
  'QUERY_BAD_RANGE',
  'QUERY_BAD_LEVEL',
  'QUERY_BAD_TIME',
  'QUERY_BAD_NUMBER',
  'QUERY_BAD_DURATION',
  'QUERY_BAD_TEST',
] as const

export type ProblemCode = (typeof PROBLEM_CODES)[number]

/** A mistake in a query text; `from` and `to` are UTF-16 offsets into it, `to` exclusive. */
export interface QueryProblem {
  code: ProblemCode
  message: string
  from: number
  to: number
  hint?: string
}

/** A piece of the query text. */
export interface Span {
  from: number
  to: number
}

/** Collects problems; the same code at the same place is kept once. */
export class Problems {
  readonly #found = new Map<string, QueryProblem>()

  add(code: ProblemCode, span: Span, message: string, hint?: string): void {
    const key = `${code} ${span.from}`
    if (this.#found.has(key)) return
    const { from, to } = span
    this.#found.set(key, { code, message, from, to, ...(hint === undefined ? {} : { hint }) })
  }

  /** In the order of the text. */
  list(): QueryProblem[] {
    return [...this.#found.values()].sort((a, b) => a.from - b.from || a.to - b.to)
  }
}
