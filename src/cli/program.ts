import { EXIT_OK } from './command.ts'
import { COMMANDS, findCommand, groupOf, isGroup } from './commands.ts'
import { explainFailure } from './failure.ts'
import type { Terminal } from './terminal/terminal.ts'
import { programVersion } from './version.ts'

const HELP: ReadonlySet<string> = new Set(['--help', '-h'])

/** Runs what a command line asks for. Resolves with the exit code, whatever happens but our own faults. */
export async function runProgram(given: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(given, terminal)
  } catch (error) {
    const name = COMMANDS.find((command) => startsWith(given, command.name))?.name ?? groupOf(given)
    return explainFailure(error, terminal.err, name)
  }
}

async function run(given: readonly string[], terminal: Terminal): Promise<number> {
  const { out } = terminal
  const asked = given[0] === 'help' ? [...given.slice(1), '--help'] : given
  const [name = '--help', second] = asked
  if (HELP.has(name)) {
    const { programUsage } = await import('./usage.ts')
    await out.write(programUsage(programVersion(), out))
    return EXIT_OK
  }
  if (name === '--version' || name === '-v') {
    await out.write(`${programVersion()}\n`)
    return EXIT_OK
  }
  if (isGroup(name) && (second === undefined || HELP.has(second))) {
    const { groupUsage } = await import('./usage.ts')
    await out.write(await groupUsage(name, out))
    return EXIT_OK
  }
  const { entry, rest } = findCommand(asked)
  const command = await entry.load()
  const end = rest.indexOf('--')
  const beforeEnd = rest.slice(0, end === -1 ? undefined : end)
  if (beforeEnd.some((argument) => HELP.has(argument))) {
    const { commandUsage } = await import('./usage.ts')
    await out.write(await commandUsage(command, out, beforeEnd.includes('--all')))
    return EXIT_OK
  }
  const { canonicalArguments } = await import('./arguments.ts')
  const isSplit = command.takesCommand === true && end >= 0
  const own = isSplit ? rest.slice(0, end) : rest
  const commandLine = isSplit ? rest.slice(end + 1) : []
  return command.run(canonicalArguments(own, await command.flags()), terminal, commandLine)
}

function startsWith(given: readonly string[], name: string): boolean {
  return name.split(' ').every((word, index) => given[index] === word)
}
