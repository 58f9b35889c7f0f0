import pico from 'picocolors'
import type { Readable, Writable } from 'node:stream'

type Colors = ReturnType<typeof pico.createColors>

/** Everything a command may touch of the process it runs in. */
export interface Terminal {
  stdin: Readable
  out: Output
  err: Output
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  /** Aborts at the first Ctrl-C or SIGTERM; a second ends the process. Until it is asked for, the first ends it. */
  interruption(): AbortSignal
}

export interface Output {
  readonly isTerminal: boolean
  readonly colors: Colors
  /** Columns, as wide as the terminal is at this moment; `undefined` when it is none. */
  readonly columns: number | undefined
  /** Resolves when more may be written; a reader that went away is no error, but `isClosed` from then on. */
  write(text: string, encoding?: BufferEncoding): Promise<void>
  readonly isClosed: boolean
}

export function outputTo(
  stream: Writable & { isTTY?: boolean; columns?: number },
  env: Terminal['env'],
  onClosed: () => void = () => {},
): Output {
  const isTerminal = stream.isTTY === true
  let isClosed = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
    isClosed = true
    onClosed()
  })
  return {
    isTerminal,
    colors: pico.createColors(wantsColors(isTerminal, env)),
    get columns() {
      if (!isTerminal) return undefined
      return stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns
    },
    get isClosed() {
      return isClosed
    },
    async write(text, encoding = 'utf8') {
      if (isClosed || stream.write(text, encoding)) return
      await new Promise<void>((resolve) => {
        const go = () => {
          stream.off('drain', go)
          stream.off('close', go)
          stream.off('error', go)
          resolve()
        }
        stream.on('drain', go)
        stream.on('close', go)
        stream.on('error', go)
      })
    },
  }
}

/** NO_COLOR (no-color.org) beats FORCE_COLOR; without both, colours are for terminals that have them. */
function wantsColors(isTerminal: boolean, env: Terminal['env']): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return isTerminal && env['TERM'] !== 'dumb'
}

/** The terminal of this process. A closed standard output (`| head`) ends it quietly. */
export function processTerminal(): Terminal {
  let controller: AbortController | undefined
  return {
    stdin: process.stdin,
    out: outputTo(process.stdout, process.env, () => process.exit(0)),
    err: outputTo(process.stderr, process.env),
    env: process.env,
    cwd: process.cwd(),
    interruption() {
      if (controller) return controller.signal
      const created = new AbortController()
      controller = created
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          if (created.signal.aborted) process.exit(130)
          created.abort()
        })
      }
      return created.signal
    },
  }
}
