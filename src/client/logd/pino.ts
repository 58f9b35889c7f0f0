/**
 * `tailrace/logd/pino`: pino's lines to a logd server, in the process (`pino(pinoLogd(options))`) or in a worker
 * (`transport: { target: 'tailrace/logd/pino', options }`), for which pino wants a default export.
 */
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { severityFromName } from '../../core/severity.ts'
import { parseTimestamp } from '../../core/time.ts'
import type { LogdLevel } from '../../wire/logd/fields.ts'
import { contentOf, type LogdContent } from './content.ts'
import { createLogger, type Logger, type LoggerOptions, type LoggerStats } from './logger.ts'

export interface PinoLogdOptions extends LoggerOptions {
  /** As pino is told: `msg` unless given. */
  messageKey?: string | undefined
  /** As pino is told: `err` unless given. */
  errorKey?: string | undefined
  /** Fields that are not sent: `pid` and `hostname` unless given. */
  ignore?: readonly string[] | undefined
}

export interface PinoLogdStream extends Writable {
  /** For pino's `flush`: calls back when what was logged so far is handed to the kernel. */
  flush(done?: () => void): void
  stats(): LoggerStats
}

type Fields = Record<string, unknown>

/** A line that is longer is taken for one at this place, so that text without line breaks is not collected for ever. */
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024
/** pino's numbers for its levels, from which on they count. */
const LEVELS: readonly (readonly [from: number, level: LogdLevel])[] = [
  [60, 'fatal'],
  [50, 'error'],
  [40, 'warn'],
  [30, 'info'],
  [20, 'debug'],
]
/** OpenTelemetry's numbers, for levels that a formatter has made names of. */
const NAMED_LEVELS: typeof LEVELS = [
  [21, 'fatal'],
  [17, 'error'],
  [13, 'warn'],
  [9, 'info'],
  [5, 'debug'],
]

/** Throws TypeError for options that cannot work. Ends with everything handed to the kernel. */
export function pinoLogd(options: PinoLogdOptions): PinoLogdStream {
  const logger = createLogger(options)
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') writeLine(logger, line, options)
    if (rest.length <= LINE_CHARACTERS_MAX) return
    writeLine(logger, rest, options)
    rest = ''
  }
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      take(typeof chunk === 'string' ? chunk : decoder.write(chunk))
      done()
    },
    final(done) {
      take('\n')
      void callAfter(logger.close(), done)
    },
  })
  return Object.assign(stream, {
    flush: (done: () => void = () => {}) => void callAfter(logger.flush(), done),
    stats: () => logger.stats(),
  })
}

export default pinoLogd

async function callAfter(finished: Promise<void>, done: () => void): Promise<void> {
  await finished
  done()
}

function writeLine(logger: Logger, line: string, options: PinoLogdOptions): void {
  const fields = fieldsOf(line)
  if (!fields) return logger.write('info', { text: line })
  const { level, time, ...others } = fields
  for (const name of options.ignore ?? ['pid', 'hostname']) delete others[name]
  const timeNs = typeof time === 'number' || typeof time === 'string' ? parseTimestamp(String(time)) : undefined
  const content = contentOfLine(others, options.messageKey ?? 'msg', options.errorKey ?? 'err')
  logger.write(levelOf(level), timeNs === undefined ? content : { ...content, timeNs })
}

function fieldsOf(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    // Not one of pino's lines: somebody else wrote to the stream.
    return undefined
  }
}

function contentOfLine(fields: Fields, messageKey: string, errorKey: string): LogdContent {
  const { [messageKey]: message, [errorKey]: error, ...others } = fields
  const text = typeof message === 'string' ? message : undefined
  const isError = typeof error === 'object' && error !== null && typeof (error as Fields)['stack'] === 'string'
  const details: Fields = { ...others }
  if (text === undefined && message !== undefined) details[messageKey] = message
  if (!isError && error !== undefined) details[errorKey] = error
  const content = Object.keys(details).length === 0 ? { text: text ?? '' } : contentOf([details, text ?? ''])
  return isError ? withError(content, text ?? '', error as Fields) : content
}

/** What pino's serializer makes of an error: type, message and stack, and whatever else it bears. */
function withError(content: LogdContent, message: string, error: Fields): LogdContent {
  const { type, message: said, stack, ...others } = error
  const more = Object.keys(others).length === 0 ? '' : `\n${JSON.stringify(others)}`
  const stackTrace = `${String(stack)}${more}`
  // pino takes the error's message for a line that has none of its own.
  if (typeof said !== 'string' || message === said) return { ...content, stackTrace }
  const sentence = `${typeof type === 'string' ? type : 'Error'}: ${said}`
  return { ...content, text: content.text === '' ? sentence : `${content.text}: ${sentence}`, stackTrace }
}

function levelOf(level: unknown): LogdLevel {
  if (typeof level === 'string') return levelFrom(NAMED_LEVELS, severityFromName(level))
  return levelFrom(LEVELS, typeof level === 'number' ? level : undefined)
}

function levelFrom(levels: typeof LEVELS, value: number | undefined): LogdLevel {
  if (value === undefined) return 'unknown'
  return levels.find(([from]) => value >= from)?.[1] ?? 'trace'
}
