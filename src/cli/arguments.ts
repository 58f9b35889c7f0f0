import type { ArgDef, ArgsDef } from 'citty'
import { didYouMean } from '../core/suggest.ts'
import { UsageError } from './command.ts'

/** The hint of a flag that may be given several times: its values are joined with commas. */
export const REPEATABLE = 'address,…'

/**
 * Checks what was typed against a command's definition, which citty does not do, and writes it in one form:
 * `--name=value …  -- positional …`. Throws UsageError with a suggestion; all flags that there are not in one.
 *
 * A single dash begins a flag only where the command has that flag: `tailrace query -health` is a query.
 */
export function canonicalArguments(given: readonly string[], definition: ArgsDef): string[] {
  const flags = new Map<string, Flag>()
  for (const [name, argument] of Object.entries(definition)) {
    if (argument.type === 'positional') continue
    for (const spelling of [name, ...aliasesOf(argument)]) flags.set(spelling, { name, argument })
  }
  const options: string[] = []
  const positionals: string[] = []
  const unknown: string[] = []
  for (let index = 0; index < given.length; index++) {
    const text = given[index] ?? ''
    if (text === '--') {
      positionals.push(...given.slice(index + 1))
      break
    }
    const isLong = text.startsWith('--')
    const found = isLong ? longFlag(text, flags) : shortFlag(text, flags)
    if (!found) {
      if (isLong) unknown.push(unknownFlag(text, flags))
      else positionals.push(text)
      continue
    }
    const { flag, spelling, inlineValue } = found
    if (flag.argument.type === 'boolean') {
      if (inlineValue !== undefined) throw new UsageError(`${spelling} takes no value`)
      options.push(found.isNegated ? `--no-${flag.name}` : `--${flag.name}`)
      continue
    }
    const value = inlineValue ?? given[++index]
    if (value === undefined) throw new UsageError(`${spelling} needs a value, such as ${exampleOf(flag)}`)
    checkOption(flag, value)
    addOption(options, flag, value)
  }
  const [first, ...others] = unknown
  if (first !== undefined) throw new UsageError(first, others.length === 0 ? undefined : others.join('\n'))
  checkPositionals(positionals, definition)
  return [...options, '--', ...positionals]
}

function addOption(options: string[], { name, argument }: Flag, value: string): void {
  const start = `--${name}=`
  const before = options.findIndex((option) => option.startsWith(start))
  if (before < 0 || !('valueHint' in argument) || argument.valueHint !== REPEATABLE) options.push(start + value)
  else options[before] += `,${value}`
}

interface Flag {
  name: string
  argument: ArgDef
}

interface FoundFlag {
  flag: Flag
  spelling: string
  inlineValue: string | undefined
  isNegated: boolean
}

function longFlag(text: string, flags: ReadonlyMap<string, Flag>): FoundFlag | undefined {
  const equals = text.indexOf('=')
  const name = equals === -1 ? text.slice(2) : text.slice(2, equals)
  const inlineValue = equals === -1 ? undefined : text.slice(equals + 1)
  const flag = name.length > 1 ? flags.get(name) : undefined
  if (flag) return { flag, spelling: `--${name}`, inlineValue, isNegated: false }
  const negated = name.startsWith('no-') ? flags.get(name.slice(3)) : undefined
  if (negated?.argument.type === 'boolean')
    return { flag: negated, spelling: `--${name}`, inlineValue, isNegated: true }
  return undefined
}

function unknownFlag(text: string, flags: ReadonlyMap<string, Flag>): string {
  const [name = text] = text.split('=', 1)
  const known = [...flags.keys(), 'help'].filter((candidate) => candidate.length > 1)
  return `${name} is not a flag of this command${didYouMean(name, known.map(dashed))}`
}

function shortFlag(text: string, flags: ReadonlyMap<string, Flag>): FoundFlag | undefined {
  if (text.length < 2 || !text.startsWith('-')) return undefined
  const flag = flags.get(text.slice(1, 2))
  if (!flag) return undefined
  if (text.length === 2) return { flag, spelling: text, inlineValue: undefined, isNegated: false }
  // `-n50` gives a value; `-nothing` is more likely a word that is not wanted.
  return /^-[a-z]=?\d+$/.test(text) && flag.argument.type !== 'boolean'
    ? { flag, spelling: text.slice(0, 2), inlineValue: text.slice(2).replace(/^=/, ''), isNegated: false }
    : undefined
}

function checkOption({ name, argument }: Flag, value: string): void {
  if (argument.type !== 'enum' || !argument.options || argument.options.includes(value)) return
  throw new UsageError(
    `--${name} is ${argument.options.join(', ')}, not ${JSON.stringify(value)}${didYouMean(value, argument.options)}`,
  )
}

function checkPositionals(given: readonly string[], definition: ArgsDef): void {
  const places = Object.entries(definition).filter(([, { type }]) => type === 'positional')
  for (const [index, [name, { required }]] of places.entries()) {
    if (required !== false && given[index] === undefined) throw new UsageError(`The ${name} is missing`)
  }
  // `paths…`: as many as there are.
  if (given.length <= places.length || isRepeated(places.at(-1)?.[1])) return
  const [place] = places
  if (!place) throw new UsageError(`${JSON.stringify(given[0])} is not expected here`, 'This command takes only flags.')
  throw new UsageError(`The ${place[0]} must be one argument`, `Put quotes around it: ${quoteForShell(given)}`)
}

function isRepeated(argument: ArgDef | undefined): boolean {
  return Boolean(argument && 'valueHint' in argument && argument.valueHint?.endsWith('…'))
}

/** What was split by the shell, as it was probably meant. */
function quoteForShell(words: readonly string[]): string {
  const text = words.map((word) => (/\s/.test(word) && !word.includes('"') ? `"${word}"` : word)).join(' ')
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** Other spellings of a flag; one letter is given with a single dash. */
export function aliasesOf(argument: ArgDef): string[] {
  return 'alias' in argument && argument.alias !== undefined ? [argument.alias].flat() : []
}

function exampleOf({ name, argument }: Flag): string {
  if (argument.type === 'enum' && argument.options?.[0] !== undefined) return `--${name} ${argument.options[0]}`
  return `--${name} <${argument.valueHint ?? 'value'}>`
}

function dashed(name: string): string {
  return `--${name}`
}
