import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { didYouMean } from '../core/suggest.ts'
import { checkPattern } from '../sources/file/interpreter.ts'

const PathSchema = Type.Object(
  {
    path: Type.String({ minLength: 1 }),
    exclude: Type.Optional(Type.Array(Type.String())),
    service: Type.Optional(Type.String()),
    host: Type.Optional(Type.String()),
    format: Type.Optional(Type.String()),
    timeZone: Type.Optional(Type.String()),
    timestamp: Type.Optional(Type.String()),
    multiline: Type.Optional(Type.String()),
    startAt: Type.Optional(Type.Union([Type.Literal('beginning'), Type.Literal('end')])),
  },
  { additionalProperties: false },
)

const CommandSchema = Type.Object(
  { command: Type.String({ minLength: 1 }), service: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
)

/** One entry of `agent.paths`. */
export type AgentPath = Static<typeof PathSchema>
/** One entry of `agent.exec`. */
export type AgentCommand = Static<typeof CommandSchema>

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
  checkEntry(PathSchema, given, 'a path, a glob, or a section with `path`')
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
  checkEntry(CommandSchema, given, 'a command, or a section with `command`')
  return given as AgentCommand
}

function checkEntry(schema: typeof PathSchema | typeof CommandSchema, given: unknown, kind: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new EntryProblem(`${JSON.stringify(given)} is not ${kind}`)
  }
  const names = Object.keys(schema.properties)
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw new EntryProblem(`is not a setting here${didYouMean(name, names)}`, name)
  }
  const [problem] = Value.Errors(schema, given)
  if (!problem) return
  const part = problem.instancePath.split('/')[1]
  if (part === undefined || part === '') throw new EntryProblem(`${JSON.stringify(given)} is not ${kind}`)
  const value = JSON.stringify((given as Record<string, unknown>)[part])
  throw new EntryProblem(`${value} is not allowed: it ${problem.message}`, part)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
