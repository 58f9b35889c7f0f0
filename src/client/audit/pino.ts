/**
 * `tailrace/audit/pino`: pino's lines as audit records, in the process (`pino(pinoAudit({ client, map }))`) or in a worker
 * (`transport: { target: 'tailrace/audit/pino', options }`), for which pino wants a default export and options that can
 * be copied: there the mapping is a module of its own.
 */
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { pathToFileURL } from 'node:url'
import { submit, type AuditConsoleOptions, type AuditMapping, type LoggedCall } from './audit-console.ts'
import { createSmartAuditClient, type SmartAuditOptions } from './smart-client.ts'
import { tcpConnection, unixConnection } from './socket-connection.ts'

export interface PinoAuditOptions extends Pick<AuditConsoleOptions, 'client' | 'map' | 'onRefused'> {
  /** As pino is told: `msg` unless given. */
  messageKey?: string
  /** Called when pino is done with the stream; closes the client, for instance. */
  onEnd?: () => Promise<unknown>
}

/** Options of the transport in a worker. */
export interface PinoAuditTransportOptions extends Pick<SmartAuditOptions, 'queueSize' | 'acknowledge' | 'overflow'> {
  /** Path or URL of a module whose default export is the mapping. */
  mapModule: string
  /** A socket in the file system, … */
  path?: string
  /** … or TCP. */
  host?: string
  port?: number
  key?: string
  sharedKey?: string
  messageKey?: string
}

/** A line that is longer is taken for one at this place, so that text without line breaks is not collected for ever. */
const LINE_CHARACTERS_MAX = 4 * 1024 * 1024
/** pino's numbers for its levels. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** Lines that the mapping makes no record of are passed over. */
export function pinoAudit(options: PinoAuditOptions): Writable {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_CHARACTERS_MAX) lines.push(rest.slice(0, LINE_CHARACTERS_MAX))
    if (rest.length > LINE_CHARACTERS_MAX) rest = ''
    for (const line of lines) {
      const call = callOf(line, options.messageKey ?? 'msg')
      if (call) submit(options, call)
    }
  }
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      take(typeof chunk === 'string' ? chunk : decoder.write(chunk))
      done()
    },
    final(done) {
      take('\n')
      void end(options, done)
    },
  })
}

async function end({ onEnd }: PinoAuditOptions, done: () => void): Promise<void> {
  await onEnd?.()
  done()
}

/** For pino's worker. Rejects when the module has no mapping. */
export default async function pinoAuditTransport(options: PinoAuditTransportOptions): Promise<Writable> {
  const { mapModule, path, host, port, key, sharedKey, messageKey, ...own } = options
  const url = /^[a-z]+:\/\//.test(mapModule) ? mapModule : pathToFileURL(mapModule).href
  const { default: map } = (await import(url)) as { default?: AuditMapping }
  if (typeof map !== 'function') throw new TypeError(`audit: ${mapModule} has no mapping as its default export`)
  const credentials = { ...(key !== undefined && { key }), ...(sharedKey !== undefined && { sharedKey }) }
  const connection =
    port === undefined
      ? unixConnection(path)
      : tcpConnection({ port, ...(host !== undefined && { host }), ...credentials })
  const client = createSmartAuditClient(connection, own)
  return pinoAudit({ client, map, onEnd: () => client.close(), ...(messageKey !== undefined && { messageKey }) })
}

function callOf(line: string, messageKey: string): LoggedCall | undefined {
  if (line === '') return undefined
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const { level, [messageKey]: message, ...fields } = value as Record<string, unknown>
    return {
      level: typeof level === 'number' ? (LEVELS[level] ?? String(level)) : String(level),
      message: typeof message === 'string' ? message : '',
      fields,
    }
  } catch {
    // Not one of pino's lines: somebody else wrote to the stream.
    return undefined
  }
}
