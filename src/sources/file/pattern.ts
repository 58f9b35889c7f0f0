import { basename } from 'node:path'
import type { Glob } from './glob.ts'
import { parseGlob } from './glob.ts'

/** Which files are read, and what is known of their lines beforehand. */
export interface FilePatternSettings {
  /** A path or glob. */
  path: string
  /** Globs of files that are left alone all the same. */
  exclude?: readonly string[]
  /** Service of its events; else what the file is called. */
  service?: string
  host?: string
  /** How lines are read, as the interpreter of lines knows it; found out by looking at the first ones unless given. */
  format?: string
  timeZone?: string
  /** The form of the times in its lines, instead of looking for it. */
  timestamp?: string
  /** How lines belong together: `auto`, `off`, or a regular expression that begins an event. */
  multiline?: string
  /** Where a file begins to be read that was there before the agent knew it. */
  startAt?: 'beginning' | 'end'
}

export interface FilePattern extends FilePatternSettings {
  glob: Glob
  excluded: readonly Glob[]
}

/** Throws RangeError when a glob cannot be read. */
export function parsePattern(settings: FilePatternSettings): FilePattern {
  return { ...settings, glob: parseGlob(settings.path), excluded: (settings.exclude ?? []).map(parseGlob) }
}

/** The first pattern that wants the file. */
export function patternOf(path: string, patterns: readonly FilePattern[]): FilePattern | undefined {
  return patterns.find(({ glob, excluded }) => glob.matches(path) && !excluded.some((other) => other.matches(path)))
}

/** What a file is called below the folder where its pattern begins: `/var/log/nginx/access.log` → `nginx/access`. */
export function serviceOf(path: string, { glob }: Pick<FilePattern, 'glob'>): string {
  const root = glob.root.endsWith('/') ? glob.root : `${glob.root}/`
  const below = path.startsWith(root) ? path.slice(root.length) : basename(path)
  const plain = below.replace(/\.gz$/, '').replace(/[.-]\d[\d.-]*$/, '')
  return plain.replace(/\.(?:log|txt|out|err|json|jsonl|ndjson)$/, '') || below
}
