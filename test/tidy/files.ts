import { basename } from 'node:path'
import { isProgram, isTest, roomOf, type SourceFile } from './repository.ts'

export const FILE_LINES_MAX = 400
export const COMPONENT_LINES_MAX = 200
const OPENING_LINES_MIN = 3
const OPENING_LINES_MAX = 8

const BANNED_NAME = /(?:^|[-.])(?:utils?|helpers?|common|shared|misc|managers?|services?|base)(?=[-.]|$)/i
const KEBAB_NAME = /^\.?[a-z0-9]+(?:[-.][a-z0-9]+)*$/
const UNFINISHED = /\b(?:TODO|FIXME|XXX|HACK)\b/
/** Folders that exist on one person's machine. */
const MACHINE_PATH = /(?<![\w.}/:-])\/(?:work|home|root|Users|farm)\/[\w.-]+/
/** Where packages were downloaded from says nothing to the reader, and may name a private mirror. */
const REGISTRY_HOST =
  /registry\.(?:npmjs|yarnpkg)|"resolved": "https?:|\b(?:npm|deb|pypi)\.[\w-]+\.(?:internal|local|org|net|io)\b/

export function lengthProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /\.(?:ts|tsx|mjs|peggy)$/.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }))
    .map((file) => ({ ...file, max: file.path.endsWith('.tsx') ? COMPONENT_LINES_MAX : FILE_LINES_MAX }))
    .filter(({ lines, max }) => lines > max)
    .map(({ path, lines, max }) => `${path} has ${lines} lines; ${max} are allowed`)
}

export function nameProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /^(?:src|web|test|bench|scripts)\/.*\.(?:ts|tsx|mjs|js)$/.test(path))
    .flatMap(({ path }) => {
      const name = basename(path)
      if (BANNED_NAME.test(name.replace(/\.[^.]+$/, ''))) return [`${path}: the name says nothing about what is inside`]
      if (/^index\.[a-z]+$/.test(name)) return [`${path}: import the file itself, not an index`]
      return KEBAB_NAME.test(name) ? [] : [`${path}: file names are kebab-case`]
    })
}

export function wordProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /^(?:src|web|bench|scripts)\//.test(path))
    .flatMap(({ path, text }) => linesWith(text, UNFINISHED).map((line) => `${path}:${line} is unfinished`))
}

/** Log samples in tests may speak of any machine; everything else that people read may not. */
export function machineProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !isTest(path) || path.startsWith('test/'))
    .flatMap(({ path, text }) => [
      ...linesWith(text, MACHINE_PATH).map((line) => `${path}:${line} names a path of one machine`),
      ...linesWith(text, REGISTRY_HOST).map((line) => `${path}:${line} names a package host`),
    ])
}

/** Each room has one file that opens with 3 to 8 lines saying what the room is: `room: …`. */
export function openingProblems(files: readonly SourceFile[]): string[] {
  const rooms = new Map<string, SourceFile[]>()
  for (const file of files.filter(isProgram)) {
    const room = roomOf(file.path)
    rooms.set(room, [...(rooms.get(room) ?? []), file])
  }
  return [...rooms].flatMap(([room, own]) => {
    const openings = own.flatMap(({ path, text }) => {
      const comment = /^(?:#!.*\n)?\/\*\*\n((?: \*.*\n)+?) \*\/\n/.exec(text)?.[1]
      return comment?.startsWith(` * ${room}: `) ? [{ path, lines: comment.split('\n').length - 1 }] : []
    })
    const [opening] = openings
    if (!opening) return [`${room}: no file opens with a comment " * ${room}: …" that says what the room is`]
    if (openings.length > 1) {
      return [`${room}: ${openings.map(({ path }) => path).join(' and ')} both open with what the room is`]
    }
    const isFit = opening.lines >= OPENING_LINES_MIN && opening.lines <= OPENING_LINES_MAX
    return isFit ? [] : [`${opening.path} opens with ${opening.lines} lines; 3 to 8 say enough`]
  })
}

/** A test that is skipped or focused says nothing about the rest. `skipIf` has a reason and is fine. */
export function testProblems(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.endsWith('.test.ts'))
    .flatMap(({ path, text }) =>
      linesWith(text, /\b(?:it|test|describe)\.(?:skip|only|todo|fails)\b/).map(
        (line) => `${path}:${line} skips or focuses a test`,
      ),
    )
}

function linesWith(text: string, pattern: RegExp): number[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [index + 1] : []))
}
