import { spawn, type ChildProcess } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { MAIN } from './server.ts'

export interface CliResult {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningCli {
  readonly stdout: string
  readonly stderr: string
  readonly child: ChildProcess
  readonly ended: Promise<CliResult>
}

/** Starts `tailrace <args>` with this input. It is gone when the test is finished. */
export function startCli(args: readonly string[], input = ''): RunningCli {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A command that does not read its input closes it: that is no failure.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return {
    child,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr }))),
  }
}

/** Runs `tailrace <args>` to its end. */
export async function runCli(args: readonly string[], input = ''): Promise<CliResult> {
  return startCli(args, input).ended
}
