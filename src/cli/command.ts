import { parseArgs, type ArgsDef, type ParsedArgs } from 'citty'
import type { Terminal } from './terminal/terminal.ts'

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_MISUSED = 2

export interface CommandHelp {
  name: string
  /** One sentence. */
  summary: string
  /** What a user has to know beyond the flags; one paragraph each. */
  notes?: readonly string[]
  examples: readonly Example[]
  /** Flags that `--help` shows where there are too many; `--help --all` shows every one. */
  mainFlags?: readonly string[]
  /** What follows `--` is a command line of its own. */
  takesCommand?: true
}

export type Example = readonly [command: string, meaning: string]

/** A command as `main.ts` runs it. */
export interface CliCommand extends CommandHelp {
  flags(): Promise<ArgsDef>
  /** Takes checked arguments (`arguments.ts`). Resolves with the exit code. */
  run(canonicalArguments: readonly string[], terminal: Terminal, commandLine?: readonly string[]): Promise<number>
}

/** Every value that a flag was given, in order, where `args` has the last one only. */
export type ValuesOf<T extends ArgsDef> = (flag: keyof T & string) => string[]

/** One definition gives the types of the arguments, their check, and the help. */
export function defineCommand<const T extends ArgsDef>(
  help: CommandHelp,
  flags: T | (() => Promise<T>),
  run: (
    args: ParsedArgs<T>,
    terminal: Terminal,
    valuesOf: ValuesOf<T>,
    commandLine: readonly string[],
  ) => Promise<number>,
): CliCommand {
  const load = async () => (typeof flags === 'function' ? flags() : flags)
  return {
    ...help,
    flags: load,
    run: async (canonicalArguments, terminal, commandLine = []) => {
      const args = parseArgs<T>([...canonicalArguments], await load())
      return run(args, terminal, (flag) => givenValues(canonicalArguments, flag), commandLine)
    },
  }
}

/** Out of `arguments.ts`' one form: `--flag=value …  -- positional …`. */
function givenValues(canonicalArguments: readonly string[], flag: string): string[] {
  const end = canonicalArguments.indexOf('--')
  const start = `--${flag}=`
  return canonicalArguments
    .slice(0, end === -1 ? undefined : end)
    .filter((argument) => argument.startsWith(start))
    .map((argument) => argument.slice(start.length))
}

/** The command line is not what the command takes: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** The work could not be done, for a reason that one sentence says: exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}
