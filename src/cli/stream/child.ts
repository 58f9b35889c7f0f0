import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { CommandFailure } from '../command.ts'

export interface ChildOptions {
  cwd: string
  env: Readonly<Record<string, string | undefined>>
  /** Takes what it writes to its outputs, in the order in which it comes; it is not read further before that resolves. */
  onOutput: (bytes: Buffer, isError: boolean) => Promise<void>
}

/**
 * Runs a command with our standard input. Resolves with its exit status, or 128 and the number of the signal that ended
 * it, when all of its output is taken. Rejects with CommandFailure when there is no such program.
 */
export async function runChild(
  [program = '', ...args]: readonly string[],
  { cwd, env, onOutput }: ChildOptions,
): Promise<number> {
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: ['inherit', 'pipe', 'pipe'] })
  const status = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new CommandFailure(`${program} cannot be started: ${error.message}`)))
  })
  const take = async (output: Readable, isError: boolean): Promise<void> => {
    for await (const bytes of output as AsyncIterable<Buffer>) await onOutput(bytes, isError)
  }
  await Promise.all([take(child.stdout, false), take(child.stderr, true)])
  return status
}
