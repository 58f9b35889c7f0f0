/**
 * app: the composition roots. The only room that reads configuration and joins the other rooms: no other one looks at
 * files of settings, variables or flags, or makes what it can be given. Start with `server.ts`, where they are joined;
 * `config.ts` turns tailrace.yaml, variables and flags into one frozen object.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Value } from 'typebox/value'
import { parseDocument } from 'yaml'
import { AppError } from '../core/errors.ts'
import { isLoopback } from '../core/loopback.ts'
import { didYouMean } from '../core/suggest.ts'
import { formatDuration, NS_PER_MS, parseDuration } from '../core/time.ts'
import { formatSize, parseSize } from '../core/units.ts'
import { RULE_BUDGET_PARTS } from '../live/rings.ts'
import { parseListenAddress } from '../net/listen-address.ts'
import { forwardAddresses } from './forward-addresses.ts'
import { syslogProblems } from './syslog-addresses.ts'
import { settingEntries, SettingsSchema, type SettingEntry, type Settings } from './settings.ts'
import { parseRules, ruleProblems } from './retention-rules.ts'
import { settleTls } from './tls-settings.ts'

export interface ConfigInput {
  /** Flags without dashes, as given: `{ port: '0', 'spool-bytes-max': '1GiB' }`. */
  flags?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string | undefined>>
  cwd?: string
}

export interface Config extends Settings {
  /** The file that was read, if any. */
  configFile: string | null
  /** Settings that the file, a variable or a flag has set, even if to the default. */
  given: ReadonlySet<string>
  /** Things that are odd but do not stop the server. */
  warnings: string[]
}

const IN_CLEAR =
  'Others can reach this server, and it has no TLS: keys travel in clear. Set tls (--tls self-signed, or --tls-cert ' +
  'and --tls-key), or let a proxy on this machine do TLS'
const DEFAULT_FILE = 'tailrace.yaml'
/** Variables with our prefix that are not settings: what client commands read, and where the file is. */
const OTHER_VARIABLES = new Set(
  ['URL', 'KEY', 'KEY_FILE', 'CA', 'FINGERPRINT', 'CERT', 'CERT_KEY', 'CONFIG'].map((name) => `TAILRACE_${name}`),
)

/**
 * Settings in rising order of precedence: defaults, tailrace.yaml (in the working directory, or `--config`),
 * `TAILRACE_*` variables, flags. Throws CONFIG_INVALID naming every problem at once.
 */
export function loadConfig({ flags = {}, env = process.env, cwd = process.cwd() }: ConfigInput = {}): Config {
  const entries = settingEntries()
  const problems: string[] = []
  const warnings: string[] = []
  const values: Record<string, unknown> = {}

  const wantedFile = flags['config'] ?? env['TAILRACE_CONFIG']
  const configFile = resolve(cwd, wantedFile ?? DEFAULT_FILE)
  const text = readFile(configFile, wantedFile !== undefined)
  if (text !== undefined) readYaml(text, configFile, entries, values, problems)

  for (const entry of entries) {
    const value = entry.otherVariable === undefined ? undefined : env[entry.otherVariable]
    if (value !== undefined) setValue(entry, value, `variable ${entry.otherVariable}`, values, problems)
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TAILRACE_') || value === undefined || OTHER_VARIABLES.has(name)) continue
    // What agents read: see agent-settings.ts.
    if (name.startsWith('TAILRACE_TEST_') || name.startsWith('TAILRACE_AGENT_')) continue
    const entry = entries.find((candidate) => candidate.variable === name)
    if (entry) setValue(entry, value, `variable ${name}`, values, problems)
    else
      warnings.push(
        `variable ${name} is not a setting${didYouMean(
          name,
          entries.map((e) => e.variable),
        )}`,
      )
  }
  for (const [flag, value] of Object.entries(flags)) {
    if (flag === 'config') continue
    const entry = entries.find((candidate) => candidate.flag === flag)
    if (entry) setValue(entry, value, `flag --${flag}`, values, problems)
    else
      problems.push(
        `flag --${flag} is not known${didYouMean(
          flag,
          entries.map((e) => e.flag),
        )}`,
      )
  }

  const settings = assemble(entries, values, problems)
  checkTogether(settings, problems)
  const tls = settleTls(settings, { isKindGiven: values['tls'] !== undefined, cwd }, problems, warnings)
  if (tls.tls === 'off' && !isLoopback(settings.host)) warnings.push(IN_CLEAR)
  if (problems.length > 0) throw invalid(problems)
  return {
    ...settings,
    ...tls,
    data: resolve(cwd, settings.data),
    configFile: text === undefined ? null : configFile,
    given: new Set(Object.keys(values)),
    warnings,
  }
}

function readFile(path: string, isWanted: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (!isWanted && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AppError('CONFIG_INVALID', {
      cause,
      detail: `The file ${path} cannot be read: ${(cause as Error).message}`,
    })
  }
}

function readYaml(
  text: string,
  file: string,
  entries: readonly SettingEntry[],
  values: Record<string, unknown>,
  problems: string[],
): void {
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) {
    // With the line and a mark below it, but no empty lines between.
    problems.push(...document.errors.map(({ message }) => `${file}: ${message.trim().replaceAll(/\n\n+/g, '\n')}`))
    return
  }
  const content: unknown = document.toJS() ?? {}
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`${file}: expected settings such as "port: 7575"`)
    return
  }
  const walk = (node: object, prefix: string): void => {
    for (const [name, value] of Object.entries(node)) {
      const path = prefix + name
      const entry = entries.find((candidate) => candidate.path === path)
      // What agents read: see agent-settings.ts.
      if (path === 'agent') continue
      if (entry) setValue(entry, value, `${file}: ${path}`, values, problems)
      else if (entries.some((candidate) => candidate.path.startsWith(`${path}.`)) && isSection(value)) {
        walk(value ?? {}, `${path}.`)
      } else problems.push(`${file}: ${path} is not a setting${didYouMean(path, namesOf(entries))}`)
    }
  }
  walk(content, '')
}

/** Settings by their whole names, and the sections that they are in. */
function namesOf(entries: readonly SettingEntry[]): string[] {
  return [...new Set(entries.flatMap(({ path }) => [path, path.split('.', 1)[0] ?? path]))]
}

function isSection(value: unknown): value is object | null {
  return value === null || (typeof value === 'object' && !Array.isArray(value))
}

function setValue(
  entry: SettingEntry,
  raw: unknown,
  where: string,
  values: Record<string, unknown>,
  problems: string[],
): void {
  const value = convert(entry, raw)
  if (value === undefined) {
    const meant = typeof raw === 'string' ? didYouMean(raw, entry.choices ?? []) : ''
    problems.push(`${where}: ${JSON.stringify(raw)} is not ${kindOf(entry)}${meant}`)
  } else values[entry.path] = value
}

function convert(entry: SettingEntry, raw: unknown): unknown {
  if (entry.choices) return entry.choices.find((choice) => choice === raw)
  if (entry.kind === 'rules') return parseRules(raw)
  if (entry.kind === 'sizes') return convertSizes(raw)
  if (entry.kind === 'boolean') return raw === 'true' ? true : raw === 'false' ? false : booleanOf(raw)
  if (entry.isRepeatable && Array.isArray(raw)) return raw.every(isText) ? raw.join(',') : undefined
  if (entry.kind === 'text') return typeof raw === 'string' ? raw : undefined
  if (typeof raw === 'number') return raw
  if (typeof raw !== 'string') return undefined
  if (entry.unit === 'bytes') return parseSize(raw)
  if (entry.unit === 'ms') {
    const ns = raw.trim() === '0' ? 0n : parseDuration(raw.trim())
    return ns === undefined ? undefined : Number(ns / NS_PER_MS)
  }
  return /^-?\d+$/.test(raw.trim()) ? Number(raw) : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function booleanOf(raw: unknown): boolean | undefined {
  return typeof raw === 'boolean' ? raw : undefined
}

/** A section of sizes, or `name=size,name=size`; the last `=` counts, as names may have one. */
function convertSizes(raw: unknown): Record<string, number> | undefined {
  if (raw === null || raw === '') return {}
  if (typeof raw !== 'string' && !isSection(raw)) return undefined
  const pairs = typeof raw === 'string' ? raw.split(',').map(splitPair) : Object.entries(raw)
  const sizes = pairs.map(([name, size]) => [name, typeof size === 'string' ? parseSize(size) : size])
  return sizes.every(([, size]) => typeof size === 'number')
    ? (Object.fromEntries(sizes) as Record<string, number>)
    : undefined
}

function splitPair(text: string): [name: string, size: string] {
  const at = text.lastIndexOf('=')
  return [text.slice(0, Math.max(0, at)).trim(), text.slice(at + 1).trim()]
}

function kindOf(entry: SettingEntry): string {
  if (entry.kind === 'sizes') return 'a map of sizes such as /app=64MiB,/app/debug=1MiB'
  if (entry.kind === 'boolean') return 'true or false'
  if (entry.unit === 'bytes') return 'a size such as 64MiB'
  if (entry.unit === 'ms') return 'a duration such as 30s'
  if (entry.choices) return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(entry.choices)
  if (entry.kind === 'rules') return 'a list of rules such as { filter: "level:debug", age: 2d }'
  return entry.kind === 'integer' ? 'a whole number' : 'a text'
}

function assemble(entries: readonly SettingEntry[], values: Record<string, unknown>, problems: string[]): Settings {
  const settings: Record<string, unknown> = {}
  for (const entry of entries) {
    const parts = entry.path.split('.')
    const last = parts.pop() ?? ''
    let section = settings
    for (const part of parts) section = (section[part] ??= {}) as Record<string, unknown>
    section[last] = values[entry.path] ?? entry.defaultValue
  }
  for (const error of Value.Errors(SettingsSchema, settings)) {
    const path = error.instancePath.slice(1).replaceAll('/', '.')
    problems.push(`${path} ${error.message}`)
  }
  return settings as Settings
}

/** What no single setting can say. */
function checkTogether(settings: Settings, problems: string[]): void {
  problems.push(...ruleProblems(settings.retention.rules))
  if (settings.storage === 'memory' && settings.store !== 'embedded') {
    problems.push('storage memory uses no store: leave one of the two out')
  }
  if (settings.storage === 'memory' && settings.retention.rules.length > 0) {
    problems.push('storage memory takes no retention.rules: leave one of the two out')
  }
  if (settings.store !== 'embedded' && !/^https?:\/\//.test(settings.store)) {
    problems.push(`store ${JSON.stringify(settings.store)} is neither "embedded" nor an http:// or https:// URL`)
  }
  if (settings.logd !== 'off' && parseListenAddress(settings.logd)?.protocol !== 'udp') {
    problems.push(`logd ${JSON.stringify(settings.logd)} is neither off nor an address such as udp://127.0.0.1:6102`)
  }
  if (!forwardAddresses(settings.forward)) {
    problems.push(
      `forward ${JSON.stringify(settings.forward)} is neither off nor addresses such as tcp://127.0.0.1:24224 or unix:///run/x.sock`,
    )
  }
  problems.push(...syslogProblems(settings))
  problems.push(...livestreamProblems(settings))
  const ringBytesMax = Math.floor(settings.live.ringsBytesMax / RULE_BUDGET_PARTS)
  for (const [prefix, bytes] of Object.entries(settings.rings)) {
    if (bytes > ringBytesMax) problems.push(`rings ${prefix} is larger than half of live.ringsBytesMax`)
  }
}

function livestreamProblems(settings: Settings): string[] {
  return (['livestreamPut', 'livestreamGet'] as const).flatMap((name) => {
    const text = settings[name]
    const address = parseListenAddress(text)
    if (text === 'off') return []
    if (address?.protocol !== 'tcp') {
      return [`${name} ${JSON.stringify(text)} is neither off nor an address such as tcp://127.0.0.1:60022`]
    }
    const isOutside = name === 'livestreamPut' && !isLoopback(address.host)
    return isOutside ? [`livestreamPut ${JSON.stringify(text)} is not an address that only this machine can reach`] : []
  })
}

function invalid(problems: readonly string[]): AppError {
  return new AppError('CONFIG_INVALID', { detail: problems.join('\n'), problems })
}

/** The reference table of every setting, as it stands in docs/reference/config.md. */
export function configReference(): string {
  const rows = settingEntries().map((entry) => {
    const value = `\`${formatDefault(entry)}\``
    return `| \`${entry.path}\` | \`--${entry.flag}\` | \`${entry.variable}\` | ${value} | ${entry.description} |`
  })
  return ['| setting | flag | variable | default | meaning |', '|---|---|---|---|---|', ...rows].join('\n')
}

function formatDefault(entry: SettingEntry): string {
  if (typeof entry.defaultValue === 'object') return ''
  if (typeof entry.defaultValue !== 'number' || entry.defaultValue === 0) return String(entry.defaultValue)
  if (entry.unit === 'bytes') return formatSize(entry.defaultValue).replace(' ', '')
  if (entry.unit === 'ms') return formatDuration(BigInt(entry.defaultValue) * NS_PER_MS)
  return String(entry.defaultValue)
}
