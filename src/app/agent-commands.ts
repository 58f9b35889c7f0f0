import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../client/backoff.ts'
import type { Logger } from '../core/logger.ts'

/** A command that ran so long works: when it ends it is started again soon. */
const STEADY_MS = 60_000
/** How long a command may take to end when it is asked to. */
const END_MS_MAX = 2000

export interface CommandOptions {
  command: string
  /** Resolves when the stream has ended and all of it is on disk. */
  read: (output: Readable) => Promise<void>
  logger: Logger
}

/** A command whose output is read, started again and again until it is stopped. */
export class Command {
  readonly #options: CommandOptions
  readonly #stopping = new AbortController()
  #child: ChildProcess | undefined
  #ended: Promise<void> | undefined
  /** Why it does not run at the moment; null when it does. */
  note: string | null = null

  constructor(options: CommandOptions) {
    this.#options = options
  }

  /** Resolves when it was stopped, and what it said is on disk. Rejects when that cannot be put there. */
  run(): Promise<void> {
    return (this.#ended ??= this.#run())
  }

  /** Ends it with everything it has started, and reads what it still says. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    kill(this.#child, 'SIGTERM')
    const hard = setTimeout(() => {
      kill(this.#child, 'SIGKILL')
      // What has left the group may have kept the pipe.
      this.#child?.stdout?.destroy()
    }, END_MS_MAX)
    await this.#ended?.catch(() => undefined)
    clearTimeout(hard)
  }

  async #run(): Promise<void> {
    const { command, read, logger } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      const startedMs = performance.now()
      // A group of its own, so that it can be ended with all that the shell has started.
      const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
      this.#child = child
      this.note = null
      const ended = new Promise<string>((resolve) => {
        child.once('error', (error) => resolve(error.message))
        child.once('exit', (code, name) => resolve(code === null ? `was ended by ${name}` : `ended with ${code}`))
      })
      try {
        await read(child.stdout)
      } catch (error) {
        if (!signal.aborted) kill(child, 'SIGTERM')
        // Cut off in `stop`.
        if (!signal.aborted || !child.stdout.destroyed) throw error
      }
      const how = await ended
      if (signal.aborted) return
      if (performance.now() - startedMs > STEADY_MS) attempt = 0
      const waitMs = backoffMs(attempt, Math.random)
      this.note = `${how}; it is started again`
      logger.warn({ command, how, againMs: waitMs }, 'The command is started again')
      await delay(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

function kill(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // All of it has ended already.
  }
}
