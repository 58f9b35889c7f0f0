import { eventDefaults } from '../../wire/transcode/row-writer.ts'
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
      defaults: eventDefaults({ service, host, source: path }),
      startOffset,
    })
  }

  #toolsOf(timeZone: string): LineTools {
    const known = this.#tools.get(timeZone)
    if (known) return known
    const tools = new LineTools(timeZone, { lineBytesMax: this.#lineBytesMax })
    this.#tools.set(timeZone, tools)
    return tools
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
