import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { AppError } from '../core/errors.ts'
import { didYouMean } from '../core/suggest.ts'
import { NS_PER_MS, parseDuration } from '../core/time.ts'
import { parseSize } from '../core/units.ts'
import { EntryProblem, parseAgentCommand, parseAgentPath, type AgentCommand, type AgentPath } from './agent-paths.ts'
import { readAgentSection, type AgentSection } from './agent-section.ts'
import { agentSyslogProblems } from './agent-syslog.ts'
import {
  choice,
  entries,
  integer,
  type PlainSchema,
  type PlainSection,
  type PlainValues,
  problemsOf,
  text,
  texts,
  withDefaults,
} from './plain-schema.ts'
import { SYSLOG_DEFAULTS } from './syslog-defaults.ts'

const KiB = 1024
const MiB = 1024 * KiB

const bytes = (value: number, minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  integer({ default: value, minimum, maximum, unit: 'bytes' })
const duration = (value: number, minimum = 1) => integer({ default: value, minimum, unit: 'ms' })
const count = (value: number, minimum = 1) => integer({ default: value, minimum })
const word = (value = '') => text({ default: value })
const words = () => texts({ default: [], isSplit: true, minLength: 1 })
/** Looked at one by one. */
const list = () => entries({ default: [], isSplit: false })

/** The section `agent` of tailrace.yaml. docs/agent.md describes each of these. */
const AGENT = {
  url: words(),
  keyFile: word(),
  ca: word(),
  fingerprint: word(),
  cert: word(),
  certKey: word(),
  state: word('./tailrace-agent'),
  host: word(),
  paths: list(),
  exec: list(),
  service: word('agent'),
  syslog: words(),
  syslogAllow: word(),
  syslogTimeZone: word(SYSLOG_DEFAULTS.timeZone),
  syslogMessageBytesMax: bytes(SYSLOG_DEFAULTS.messageBytesMax, SYSLOG_DEFAULTS.messageBytesMaxMin),
  syslogConnectionsMax: count(SYSLOG_DEFAULTS.connectionsMax),
  syslogReceiveBufferBytes: bytes(SYSLOG_DEFAULTS.receiveBufferBytes, SYSLOG_DEFAULTS.receiveBufferBytesMin),
  syslogUnacknowledgedBytesMax: bytes(
    SYSLOG_DEFAULTS.unacknowledgedBytesMax,
    SYSLOG_DEFAULTS.unacknowledgedBytesMaxMin,
  ),
  syslogUnixMode: text({ default: SYSLOG_DEFAULTS.unixMode, pattern: SYSLOG_DEFAULTS.unixModePattern }),
  gzip: choice(['auto', 'on', 'off'], { default: 'auto' }),
  lineBytesMax: bytes(MiB, KiB, 16 * MiB),
  deliveryBytes: bytes(4 * MiB, 64 * KiB, 16 * MiB),
  openFilesMax: count(512, 4),
  filesMax: count(100_000),
  linger: duration(100),
  multilineWait: duration(150),
  partialWait: duration(5000),
  rotatedWait: duration(30_000),
  rescan: duration(15_000, 100),
  poll: duration(1000, 100),
  remoteWait: duration(3000, 100),
  failoverAfter: duration(10_000, 100),
  doubtWait: duration(60_000, 0),
  returnAfter: duration(30_000, 100),
  spoolBytesMax: bytes(1024 * MiB, 4 * MiB),
  refusedBytesMax: bytes(256 * MiB, 0),
}
const SECTION: PlainSection = AGENT
const NAMES = Object.keys(SECTION)

export interface AgentSettings extends Omit<PlainValues<typeof AGENT>, 'paths' | 'exec'> {
  /** None: no files are followed. */
  paths: readonly AgentPath[]
  exec: readonly AgentCommand[]
  /** Things that are odd but do not stop the agent. */
  warnings: readonly string[]
}

/** What is followed when nothing else is said. */
export const DEFAULT_PATHS = ['/var/log/**/*.log', '/var/log/{syslog,messages,secure,maillog,cron,mail.err,dmesg}']
const DEFAULT_FILE = 'tailrace.yaml'
const PREFIX = 'TAILRACE_AGENT_'
/** What is too rich for a variable. */
const NO_VARIABLE: ReadonlySet<string> = new Set(['paths', 'exec'])

export interface AgentInput {
  /** Flags, by the names of the settings. */
  given: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Paths and globs of the command line: with any of them those of the file do not count. */
  paths: readonly string[]
  /** Standard input is read. */
  hasStdin: boolean
  env: Readonly<Record<string, string | undefined>>
  /** Of the settings file. */
  config?: string | undefined
  cwd: string
}

/** Defaults, the file, variables, flags, the last one wins. Throws CONFIG_INVALID naming every problem. */
export function loadAgentSettings({ given, paths, hasStdin, env, config, cwd }: AgentInput): AgentSettings {
  const problems: string[] = []
  const warnings: string[] = []
  const wanted = config ?? env['TAILRACE_CONFIG']
  const section = readAgentSection(resolve(cwd, wanted ?? DEFAULT_FILE), wanted !== undefined, problems)
  const values = new Values(problems)
  for (const [name, value] of Object.entries(section.entries)) values.set(name, value, section.placeOf([name]))
  readVariables(env, values, warnings)
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value.length > 0) values.set(name, value, `flag --${name}`)
  }
  const settings = withDefaults(AGENT, values.found)
  for (const { name, index, message } of problemsOf(SECTION, settings)) {
    const at = index === undefined ? '' : `[${index + 1}]`
    problems.push(`${values.placeOf(name)}${at}: ${message}`)
  }
  problems.push(...agentSyslogProblems(settings))
  const exec = parseEntries(
    settings.exec,
    parseAgentCommand,
    values.isFromFile('exec') ? section : undefined,
    'exec',
    problems,
  )
  const others = hasStdin || exec.length > 0 || settings.syslog.length > 0
  const [rawPaths, origin] = choosePaths(paths, settings.paths, values, others)
  const parsed = parseEntries(
    rawPaths,
    (raw) => parseAgentPath(raw, cwd),
    origin === 'file' ? section : undefined,
    'paths',
    problems,
  )
  if (rawPaths.length === 0 && !others)
    problems.push(`${values.placeOf('paths')}: is empty, and there is no other input`)
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { detail: problems.join('\n'), problems })
  const { state, host, ...rest } = settings
  return { ...rest, state: resolve(cwd, state), host: host || hostname(), paths: parsed, exec, warnings }
}

function choosePaths(
  ofCommandLine: readonly string[],
  ofFile: readonly unknown[],
  values: Values,
  hasOthers: boolean,
): [paths: readonly unknown[], origin: 'flags' | 'file' | 'defaults'] {
  if (ofCommandLine.length > 0) return [ofCommandLine, 'flags']
  if (values.isFromFile('paths')) return [ofFile, 'file']
  return [hasOthers ? [] : DEFAULT_PATHS, 'defaults']
}

function parseEntries<T>(
  entries: readonly unknown[],
  parse: (raw: unknown) => T,
  section: AgentSection | undefined,
  name: string,
  problems: string[],
): T[] {
  return entries.flatMap((raw, index) => {
    try {
      return [parse(raw)]
    } catch (error) {
      if (!(error instanceof EntryProblem)) throw error
      const part = error.part === undefined ? [] : [error.part]
      const place = section ? section.placeOf([name, index, ...part]) : [name, ...part].join('.')
      problems.push(`${place}: ${error.message}`)
      return []
    }
  })
}

/** Settings as they are found, and where. */
class Values {
  readonly found: Record<string, unknown> = {}
  readonly #places = new Map<string, string>()
  readonly #problems: string[]

  constructor(problems: string[]) {
    this.#problems = problems
  }

  set(name: string, raw: unknown, place: string): void {
    const schema = Object.hasOwn(SECTION, name) ? SECTION[name] : undefined
    if (!schema) {
      this.#problems.push(`${place} is not a setting${didYouMean(name, NAMES)}`)
      return
    }
    const value = convert(schema, raw)
    if (value === undefined) {
      this.#problems.push(`${place}: ${JSON.stringify(raw)} is not ${kindOf(schema)}`)
      return
    }
    this.found[name] = value
    this.#places.set(name, place)
  }

  placeOf(name: string): string {
    return this.#places.get(name) ?? `agent.${name}`
  }

  isFromFile(name: string): boolean {
    return name in this.found && !this.placeOf(name).startsWith('flag ')
  }
}

function readVariables(env: AgentInput['env'], values: Values, warnings: string[]): void {
  const names = new Map(
    NAMES.filter((name) => !NO_VARIABLE.has(name)).map((name) => [
      PREFIX + name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
      name,
    ]),
  )
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || value === undefined || value === '') continue
    const name = names.get(variable)
    if (name !== undefined) values.set(name, value, `variable ${variable}`)
    else warnings.push(`variable ${variable} is not a setting${didYouMean(variable, [...names.keys()])}`)
  }
}

/** `undefined`: it cannot be this setting. */
function convert({ type, unit, isSplit, choices }: PlainSchema<unknown>, raw: unknown): unknown {
  if (choices) return choices.includes(raw as string) ? raw : undefined
  if (type === 'array') {
    if (Array.isArray(raw)) return raw
    if (typeof raw !== 'string') return isSplit === true || raw === null ? undefined : [raw]
    return isSplit === true ? raw.split(',').map((part) => part.trim()) : [raw]
  }
  if (type === 'string') return typeof raw === 'string' ? raw : undefined
  if (typeof raw !== 'string') return typeof raw === 'number' ? raw : undefined
  if (unit === 'bytes') return parseSize(raw)
  if (unit === 'ms') {
    const ns = raw.trim() === '0' ? 0n : parseDuration(raw.trim())
    return ns === undefined ? undefined : Number(ns / NS_PER_MS)
  }
  return /^\d+$/.test(raw) ? Number(raw) : undefined
}

function kindOf({ type, unit, choices }: PlainSchema<unknown>): string {
  if (choices) return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(choices)
  if (unit === 'bytes') return 'a size such as 4MiB'
  if (unit === 'ms') return 'a duration such as 5s'
  if (type === 'array') return 'a list'
  return type === 'string' ? 'a text' : 'a whole number'
}
