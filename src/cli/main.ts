#!/usr/bin/env node
/**
 * cli: one file per command in `commands/`, loaded when it is run. It must never know sockets or SQL: commands talk to
 * a server through `client`, or start one through `app`. Start here, then `program.ts` (how one is found and run),
 * `commands.ts` (which there are) and `command.ts` (what one is).
 */
import { hideSecrets } from './secrecy.ts'

// First of all: while other files are loaded, a key could be seen in the list of processes.
hideSecrets(process)
const { runProgram } = await import('./program.ts')
const { processTerminal } = await import('./terminal/terminal.ts')
const code = await runProgram(process.argv.slice(2), processTerminal())
// Standard input may still be open, and nothing that runs now is wanted any more.
process.stdout.write('', () => process.exit(code))
