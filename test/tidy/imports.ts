import { posix } from 'node:path'
import type { SourceFile } from './repository.ts'

export interface Import {
  /** As written: `../core/errors.ts`, `node:fs`, `fastify`. */
  specifier: string
  /** The repository path where it is relative, else undefined. */
  target: string | undefined
  /** Erased by the compiler. */
  isType: boolean
  /** Loaded when first needed. */
  isDynamic: boolean
}

const STATIC = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w$*\s{},]+?\s+from\s+)?'([^'\n]+)'/gm
const DYNAMIC = /\bimport\(\s*'([^'\n]+)'\s*\)/g

/** The imports and re-exports of a file, found in its text. */
export function importsOf(file: SourceFile): Import[] {
  const code = withoutBlockComments(file.text)
  const statics = [...code.matchAll(STATIC)].map((match) => ({
    specifier: match[2] ?? '',
    isType: match[1] !== undefined,
    isDynamic: false,
  }))
  const dynamics = [...code.matchAll(DYNAMIC)].map((match) => ({
    specifier: match[1] ?? '',
    isType: isTypeQuery(code, match.index),
    isDynamic: true,
  }))
  return [...statics, ...dynamics].map((found) => ({
    ...found,
    target: found.specifier.startsWith('.') ? posix.join(posix.dirname(file.path), found.specifier) : undefined,
  }))
}

/** `typeof import('x')` names a type. */
function isTypeQuery(code: string, at: number): boolean {
  return code.slice(0, at).trimEnd().endsWith('typeof')
}

function withoutBlockComments(text: string): string {
  return text.replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
}

/** Import cycles that exist when the program runs (types are erased), each as the files it goes through. */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap((found) => (found.target === undefined || found.isType ? [] : [found.target])),
    ]),
  )
  const finished = new Set<string>()
  const cycles: string[][] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path)
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), path])
      return
    }
    if (finished.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}
