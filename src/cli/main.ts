#!/usr/bin/env node
/**
 * cli: one file per command in `commands/`, loaded when it is run. It must never know sockets or SQL: commands talk to
 * a server through `client`, or start one through `app`. Start here, then `commands.ts` (which there are) and
 * `command.ts` (what one is).
 */
import { readFileSync } from 'node:fs'
import { didYouMean } from '../core/suggest.ts'
import { EXIT_OK, UsageError } from './command.ts'
import { COMMANDS } from './commands.ts'
import { explainFailure } from './failure.ts'
import { processTerminal, type Terminal } from './terminal/terminal.ts'

const HELP: ReadonlySet<string> = new Set(['--help', '-h'])

async function run(given: readonly string[], terminal: Terminal): Promise<number> {
  const [name = '--help', ...rest] = given[0] === 'help' ? [given[1] ?? '--help', '--help'] : given
  if (HELP.has(name)) {
    const { programUsage } = await import('./usage.ts')
    await terminal.out.write(programUsage(version(), terminal.out))
    return EXIT_OK
  }
  if (name === '--version' || name === '-v') {
    await terminal.out.write(`${version()}\n`)
    return EXIT_OK
  }
  const names = COMMANDS.map((entry) => entry.name)
  const entry = COMMANDS.find((candidate) => candidate.name === name)
  if (!entry) {
    const kind = name.startsWith('-') ? 'flag' : 'command'
    throw new UsageError(`There is no ${kind} ${name}${didYouMean(name, names)}`, `Commands: ${names.join(', ')}`)
  }
  const command = await entry.load()
  const end = rest.indexOf('--')
  if (rest.slice(0, end === -1 ? undefined : end).some((argument) => HELP.has(argument))) {
    const { commandUsage } = await import('./usage.ts')
    await terminal.out.write(await commandUsage(command, terminal.out))
    return EXIT_OK
  }
  const { canonicalArguments } = await import('./arguments.ts')
  return command.run(canonicalArguments(rest, await command.flags()), terminal)
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

const terminal = processTerminal()
const given = process.argv.slice(2)
let code: number
try {
  code = await run(given, terminal)
} catch (error) {
  code = await explainFailure(error, terminal.err, COMMANDS.find(({ name }) => name === given[0])?.name)
}
// Standard input may still be open, and nothing that runs now is wanted any more.
process.stdout.write('', () => process.exit(code))
