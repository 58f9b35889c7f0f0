import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A child process that talks in lines of JSON on stdout. Its stderr goes to ours. */
export class LineChild {
  readonly process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
    this.process = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  /** The next line as JSON; rejects when the child ends without one. */
  async read<T>(): Promise<T> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`${this.process.spawnargs.join(' ')} ended without an answer`)
    return JSON.parse(value) as T
  }

  write(line: string): void {
    this.process.stdin?.write(`${line}\n`)
  }

  /** Asks the child to end and waits until it has. */
  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    const exited = once(this.process, 'exit')
    this.process.kill('SIGTERM')
    await exited
  }
}
