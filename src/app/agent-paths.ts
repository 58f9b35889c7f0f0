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

/** One entry of `agent.paths`. */
export type AgentPath = Static<typeof PathSchema>

/** A path or glob, or a section with one. Throws an Error that says what is wrong with it. */
export function parseAgentPath(raw: unknown, cwd: string): AgentPath {
  const given = typeof raw === 'string' ? { path: raw } : raw
  for (const name of Object.keys(given ?? {})) {
    const names = Object.keys(PathSchema.properties)
    if (!names.includes(name)) throw new Error(`${name} is not a setting of a path${didYouMean(name, names)}`)
  }
  const [problem] = Value.Errors(PathSchema, given)
  if (problem) throw new Error(`${JSON.stringify(raw)}: ${problem.instancePath.slice(1)} ${problem.message}`)
  const { path, exclude = [], ...others } = given as AgentPath
  const pattern = { ...others, path: resolve(cwd, path), exclude: exclude.map((glob) => resolve(cwd, glob)) }
  try {
    checkPattern(pattern)
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error })
  }
  return pattern
}
