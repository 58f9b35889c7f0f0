/** The parser that `scripts/build.mjs` makes out of grammar.peggy. */
import type { ParseOptions } from './parse.ts'
import type { Tree } from './tree.ts'

export function parse(text: string, options: ParseOptions): Tree
