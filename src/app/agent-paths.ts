import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { didYouMean } from '../core/suggest.ts'
import { checkPattern } from '../sources/file/interpreter.ts'
import { isRemote } from '../sources/file/mounts.ts'
import { choice, optional, type PlainSection, type PlainValues, problemsOf, text, texts } from './plain-schema.ts'

const PATH = {
  path: text({ minLength: 1 }),
  exclude: optional(texts()),
  service: optional(text()),
  host: optional(text()),
  format: optional(text()),
  timeZone: optional(text()),
  timestamp: optional(text()),
  multiline: optional(text()),
  startAt: optional(choice(['beginning', 'end'])),
}

const COMMAND = { command: text({ minLength: 1 }), service: optional(text({ minLength: 1 })) }

/** One entry of `agent.paths`. */
export type AgentPath = PlainValues<typeof PATH>
/** One entry of `agent.exec`. */
export type AgentCommand = PlainValues<typeof COMMAND>

/** What is wrong with an entry, and with which part of it. */
export class EntryProblem extends Error {
  readonly part: string | undefined

  constructor(message: string, part?: string, cause?: unknown) {
    super(message, { cause })
    this.part = part
  }
}

/** A path or glob, or a section with one. Throws EntryProblem. */
export function parseAgentPath(raw: unknown, cwd: string): AgentPath {
  const given = typeof raw === 'string' ? { path: raw } : raw
  checkEntry(PATH, given, 'a path, a glob, or a section with `path`')
  const { path, exclude = [], ...others } = given as AgentPath
  const pattern = { ...others, path: resolve(cwd, path), exclude: exclude.map((glob) => resolve(cwd, glob)) }
  try {
    checkPattern(pattern)
  } catch (error) {
    throw new EntryProblem(`${path}: ${(error as Error).message}`, undefined, error)
  }
  if (isFolder(pattern.path)) {
    throw new EntryProblem(
      `${path} is a folder: write ${path.replace(/\/+$/, '')}/*.log, or ${path.replace(/\/+$/, '')}/**/*.log for all below it`,
    )
  }
  return pattern
}

/** A command line, or a section with one. Throws EntryProblem. */
export function parseAgentCommand(raw: unknown): AgentCommand {
  const given = typeof raw === 'string' ? { command: raw } : raw
  checkEntry(COMMAND, given, 'a command, or a section with `command`')
  return given as AgentCommand
}

function checkEntry(section: PlainSection, given: unknown, kind: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new EntryProblem(`${JSON.stringify(given)} is not ${kind}`)
  }
  const names = Object.keys(section)
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw new EntryProblem(`is not a setting here${didYouMean(name, names)}`, name)
  }
  const values = given as Record<string, unknown>
  const [problem] = problemsOf(section, values)
  if (!problem) return
  const { name, message } = problem
  if (values[name] === undefined) throw new EntryProblem(`${JSON.stringify(given)} is not ${kind}`)
  throw new EntryProblem(`${JSON.stringify(values[name])} is not allowed: it ${message}`, name)
}

/** A file system of another machine is not asked: it may not answer, and nobody waits for this with a limit. */
function isFolder(path: string): boolean {
  if (isRemote(path)) return false
  try {
    return statSync(path).isDirectory()
  } catch {
    // It is not there, or cannot be looked at: whoever follows it says so.
    return false
  }
}
