import {
  createLineInterpreter,
  LINE_FORMATS,
  type LineFormat,
  type LineInterpreter,
} from '../../wire/lines/interpreter.ts'
import type { Multiline } from '../../wire/lines/continuation.ts'
import { LineTools } from '../../wire/lines/tools.ts'
import { EVENT_LIMITS } from '../../wire/transcode/limits.ts'
import { type FilePattern, type FilePatternSettings, parsePattern, serviceOf } from './pattern.ts'

export type { LineInterpreter } from '../../wire/lines/interpreter.ts'

/** Makes the interpreters of files; those of one time zone share what they can. */
export class Interpreters {
  readonly #host: string
  readonly #lineBytesMax: number
  readonly #tools = new Map<string, LineTools>()
  readonly #texts = new Texts()
  /** There are as many as the settings name. */
  readonly #hosts = new Map<string, Buffer>()

  constructor(host: string, lineBytesMax: number) {
    this.#host = host
    this.#lineBytesMax = lineBytesMax
  }

  /** For a file that is read from `startOffset` on and was written to last at `writtenMs`. */
  create(path: string, pattern: FilePattern, startOffset: number, writtenMs: number): LineInterpreter {
    const {
      service = serviceOf(path, pattern),
      host = this.#host,
      timeZone = 'local',
      format,
      timestamp,
      multiline,
    } = pattern
    return createLineInterpreter({
      format: formatOf(format),
      tools: this.#toolsOf(timeZone),
      ...(timestamp === undefined ? {} : { timestampPattern: timestamp }),
      ...(multiline === undefined ? {} : { multiline: multilineOf(multiline) }),
      referenceSeconds: Math.floor(writtenMs / 1000),
      defaults: {
        service: this.#texts.keep(service),
        host: this.#hostOf(host),
        source: this.#texts.keep(path),
        severity: 0,
      },
      startOffset,
    })
  }

  #hostOf(text: string): Buffer {
    const known = this.#hosts.get(text)
    if (known) return known
    const bytes = this.#texts.keep(text)
    this.#hosts.set(text, bytes)
    return bytes
  }

  #toolsOf(timeZone: string): LineTools {
    const known = this.#tools.get(timeZone)
    if (known) return known
    const tools = new LineTools(timeZone, { lineBytesMax: this.#lineBytesMax })
    this.#tools.set(timeZone, tools)
    return tools
  }
}

const SLAB_BYTES = 4096

/**
 * Texts that stay as long as a file is followed, side by side: a small buffer of its own costs several times its text,
 * and one of those that Node.js makes keeps 8 KiB of other things alive.
 */
class Texts {
  #slab = Buffer.alloc(0)
  #used = 0

  keep(text: string): Buffer {
    const size = Buffer.byteLength(text)
    if (this.#used + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size))
      this.#used = 0
    }
    const bytes = this.#slab.subarray(this.#used, this.#used + size)
    this.#used += bytes.write(text)
    return bytes
  }
}

/** Throws RangeError for what is no format. */
export function formatOf(text = 'auto'): LineFormat {
  const format = LINE_FORMATS.find((known) => known === text)
  if (!format) throw new RangeError(`${JSON.stringify(text)} is no format: one of ${LINE_FORMATS.join(', ')}`)
  return format
}

/** Throws SyntaxError for what is no regular expression. */
export function multilineOf(text: string): Multiline {
  return text === 'auto' || text === 'off' ? text : { start: new RegExp(text) }
}

/** Throws RangeError or SyntaxError for what cannot be used. */
export function checkPattern(settings: FilePatternSettings): void {
  new Interpreters('', EVENT_LIMITS.lineBytesMax).create(settings.path, parsePattern(settings), 0, 0)
}
