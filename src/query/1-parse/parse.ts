import type { Problems } from '../problem.ts'
import { DEPTH_MAX, TEXT_BYTES_MAX } from '../limits.ts'
import { PIPES } from '../language.ts'
import { parse as parseGrammar } from './grammar.generated.js'
import type { PipeNode, Tree } from './tree.ts'

/** What the grammar needs from outside. */
export interface ParseOptions {
  problems: Problems
  depthMax: number
  TooDeep: typeof TooDeep
  text(span: { from: number; to: number }): string
  usage(kind: PipeNode['kind']): string | undefined
}

class TooDeep extends Error {
  readonly at: number

  constructor(at: number) {
    super('too deep')
    this.at = at
  }
}

/** Text → tree. Problems go into `problems`; the tree is absent only when a limit stopped the reading. */
export function parse(text: string, problems: Problems): Tree | undefined {
  if (text.length > TEXT_BYTES_MAX || utf8Length(text) > TEXT_BYTES_MAX) {
    problems.add(
      'QUERY_TEXT_TOO_LONG',
      { from: 0, to: text.length },
      `the query is longer than ${TEXT_BYTES_MAX / 1024} KiB`,
    )
    return undefined
  }
  try {
    return parseGrammar(text, {
      problems,
      depthMax: DEPTH_MAX,
      TooDeep,
      text: ({ from, to }) => text.slice(from, to),
      usage: (kind) => {
        const usage = PIPES.find((pipe) => pipe.name === kind)?.usage
        return usage === undefined ? undefined : `it goes: ${usage}`
      },
    })
  } catch (error) {
    if (error instanceof TooDeep) {
      const span = { from: error.at, to: Math.min(error.at + 1, text.length) }
      problems.add('QUERY_TOO_DEEP', span, `the query is nested deeper than ${DEPTH_MAX} parentheses`)
      return undefined
    }
    throw error
  }
}

/** Without Node's Buffer: the page parses as well. */
function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length
}
