import { Readable, Writable } from 'node:stream'
import { outputTo, type Terminal } from '../terminal/terminal.ts'

export interface MemoryTerminal extends Terminal {
  outText: () => string
  errText: () => string
  interrupt: () => void
}

export interface MemoryTerminalOptions {
  stdin?: Readable | Iterable<Buffer> | AsyncIterable<Buffer>
  /** A terminal of this width; without it, a pipe. */
  columns?: number
  env?: Record<string, string>
  cwd?: string
}

/** A terminal whose screen is text. */
export function memoryTerminal(options: MemoryTerminalOptions = {}): MemoryTerminal {
  const { stdin = [], columns, env = {}, cwd = '/' } = options
  const screens: [string[], string[]] = [[], []]
  const outputs = screens.map((screen) => {
    const stream = new Writable({
      write(bytes: Buffer, _encoding, done) {
        screen.push(bytes.toString('utf8'))
        done()
      },
    })
    return outputTo(Object.assign(stream, columns === undefined ? {} : { isTTY: true, columns }), env)
  })
  const [out, err] = outputs
  if (!out || !err) throw new Error('unreachable')
  const controller = new AbortController()
  return {
    stdin: stdin instanceof Readable ? stdin : Readable.from(stdin),
    out,
    err,
    env,
    cwd,
    interruption: () => controller.signal,
    interrupt: () => controller.abort(),
    outText: () => screens[0].join(''),
    errText: () => screens[1].join(''),
  }
}
