import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { AppError } from '../core/errors.ts'
import { didYouMean } from '../core/suggest.ts'
import { NS_PER_MS, parseDuration } from '../core/time.ts'
import { parseSize } from '../core/units.ts'
import { parseAgentPath, type AgentPath } from './agent-paths.ts'

const MiB = 1024 * 1024

/** `unit` as in settings.ts. */
const bytes = (value: number, minimum: number) => Type.Integer({ default: value, minimum, unit: 'bytes' })
const duration = (value: number, minimum = 1) => Type.Integer({ default: value, minimum, unit: 'ms' })

/** The section `agent` of tailrace.yaml. docs/agent.md describes each of these. */
const AgentSchema = Type.Object({
  url: Type.Array(Type.String(), { default: [] }),
  state: Type.String({ default: './tailrace-agent' }),
  host: Type.String({ default: '' }),
  paths: Type.Array(Type.Unknown(), { default: [] }),
  gzip: Type.Union([Type.Literal('auto'), Type.Literal('on'), Type.Literal('off')], { default: 'auto' }),
  lineBytesMax: bytes(MiB, 1024),
  deliveryBytes: bytes(4 * MiB, 64 * 1024),
  openFilesMax: Type.Integer({ default: 512, minimum: 4 }),
  filesMax: Type.Integer({ default: 100_000, minimum: 1 }),
  linger: duration(100),
  multilineWait: duration(200),
  partialWait: duration(5000),
  rotatedWait: duration(30_000),
  rescan: duration(15_000, 100),
  poll: duration(1000, 100),
  remoteWait: duration(3000, 100),
  failoverAfter: duration(10_000),
  spoolBytesMax: bytes(1024 * MiB, MiB),
})

export interface AgentSettings extends Omit<Static<typeof AgentSchema>, 'paths'> {
  paths: readonly AgentPath[]
}

/** What is followed when nothing else is said. */
export const DEFAULT_PATHS = ['/var/log/**/*.log', '/var/log/{syslog,messages,secure,maillog,cron,mail.err,dmesg}']
const DEFAULT_FILE = 'tailrace.yaml'

export interface AgentInput {
  /** Settings by their names in the file, as texts: they win over the file. */
  given: Readonly<Record<string, string | undefined>>
  /** Paths and globs of the command line: with any of them those of the file do not count. */
  paths: readonly string[]
  /** Of the settings file. */
  config?: string | undefined
  cwd: string
}

/** Defaults, the file, what was given. Throws CONFIG_INVALID naming every problem. */
export function loadAgentSettings({ given, paths, config, cwd }: AgentInput): AgentSettings {
  const problems: string[] = []
  const file = resolve(cwd, config ?? DEFAULT_FILE)
  const section = config !== undefined || existsSync(file) ? readSection(file, problems) : {}
  const values: Record<string, unknown> = {}
  for (const [source, entries] of [
    [`${file}: agent.`, section],
    ['--', given],
  ] as const) {
    for (const [name, value] of Object.entries(entries))
      if (value !== undefined) set(name, value, source, values, problems)
  }
  const settings = Value.Default(AgentSchema, values) as Static<typeof AgentSchema>
  for (const error of Value.Errors(AgentSchema, settings)) {
    problems.push(`agent${error.instancePath.replaceAll('/', '.')} ${error.message}`)
  }
  const wanted: readonly unknown[] = paths.length > 0 ? paths : settings.paths
  const parsed = wanted.flatMap((path) => {
    try {
      return [parseAgentPath(path, cwd)]
    } catch (error) {
      problems.push(`agent.paths: ${(error as Error).message}`)
      return []
    }
  })
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { detail: problems.join('\n'), problems })
  return { ...settings, state: resolve(cwd, settings.state), host: settings.host || hostname(), paths: parsed }
}

function readSection(file: string, problems: string[]): Record<string, unknown> {
  try {
    const content = (parse(readFileSync(file, 'utf8')) ?? {}) as { agent?: unknown }
    const { agent = {} } = content
    if (typeof agent === 'object' && agent !== null && !Array.isArray(agent)) return agent as Record<string, unknown>
    problems.push(`${file}: agent is a section of settings`)
  } catch (error) {
    problems.push(`${file}: ${(error as Error).message}`)
  }
  return {}
}

function set(name: string, raw: unknown, source: string, values: Record<string, unknown>, problems: string[]): void {
  const schema = AgentSchema.properties[name as keyof typeof AgentSchema.properties] as
    | { type?: string; unit?: string }
    | undefined
  if (!schema) {
    problems.push(`${source}${name} is not a setting${didYouMean(name, Object.keys(AgentSchema.properties))}`)
    return
  }
  const value = convert(schema, raw)
  if (value === undefined) problems.push(`${source}${name}: ${JSON.stringify(raw)} is not ${kindOf(schema)}`)
  else values[name] = value
}

function convert({ type, unit }: { type?: string; unit?: string }, raw: unknown): unknown {
  if (type === 'array') return Array.isArray(raw) ? raw : typeof raw === 'string' ? raw.split(',') : undefined
  if (typeof raw !== 'string' || type !== 'integer') return raw
  if (unit === 'bytes') return parseSize(raw)
  if (unit === 'ms') {
    const ns = parseDuration(raw.trim())
    return ns === undefined ? undefined : Number(ns / NS_PER_MS)
  }
  return /^\d+$/.test(raw) ? Number(raw) : undefined
}

function kindOf({ type, unit }: { type?: string; unit?: string }): string {
  if (unit === 'bytes') return 'a size such as 4MiB'
  if (unit === 'ms') return 'a duration such as 5s'
  return type === 'array' ? 'a list' : 'a whole number'
}
