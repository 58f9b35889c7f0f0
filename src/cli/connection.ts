import type { ArgsDef } from 'citty'
import type { ConnectionOptions } from '../client/connection.ts'
import { createHttpClient, type HttpClient } from '../client/http-client.ts'
import { TlsTextError } from '../client/tls.ts'
import { UsageError } from './command.ts'
import { checkSigningKey, readKey, rereadKey, type KeyArguments } from './key-source.ts'
import type { Terminal } from './terminal/terminal.ts'
import { readTls, TLS_FLAGS, tlsMistake, type TlsArguments, type TlsChoice } from './tls-flags.ts'

const DEFAULT_HOST = '127.0.0.1:7575'
export const DEFAULT_URL = `http://${DEFAULT_HOST}`

/** The flags of every command that talks to a server. */
export const CONNECTION_FLAGS = {
  url: { type: 'string', valueHint: 'url', description: `The server, or TAILRACE_URL [${DEFAULT_URL}]` },
  'key-file': {
    type: 'string',
    valueHint: 'file',
    description: 'File with the key to show the server, or TAILRACE_KEY_FILE',
  },
  key: { type: 'string', valueHint: 'key', description: 'The key itself, or TAILRACE_KEY' },
  ...TLS_FLAGS,
} as const satisfies ArgsDef

export interface ConnectionArguments extends KeyArguments, TlsArguments {
  url?: string | undefined
}

export interface ConnectionWishes {
  /** Sign each request with the key instead of showing it. */
  sign?: boolean
  /** Read the file of the key again now and then. */
  rereadsKey?: boolean
}

/** Throws UsageError when the URL is none, or when a key or certificate cannot be read or can be none. */
export function connectClient(
  args: ConnectionArguments,
  terminal: Terminal,
  wishes: ConnectionWishes = {},
): HttpClient {
  return connectWith(createHttpClient, args, terminal, wishes)
}

/** The same for whatever connects. */
export function connectWith<T>(
  connect: (options: ConnectionOptions) => T,
  args: ConnectionArguments,
  terminal: Terminal,
  { sign = false, rereadsKey = false }: ConnectionWishes = {},
): T {
  const choice = readTls(args, terminal)
  const url = serverUrl(args.url ?? terminal.env['TAILRACE_URL'] ?? DEFAULT_HOST, choice)
  const key = readKey(args, terminal)
  if (sign) checkSigningKey(key)
  try {
    return connect({ url, key: rereadsKey ? rereadKey(args, terminal) : key, sign, tls: choice?.tls })
  } catch (error) {
    throw choice && error instanceof TlsTextError ? tlsMistake(error, choice) : error
  }
}

/** `host:port` is taken for http, or for https when there is something to know the server by. */
export function serverUrl(text: string, tls?: TlsChoice): string {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${tls ? 'https' : 'http'}://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url && (url.username !== '' || url.password !== '')) {
    throw new UsageError('The URL of the server holds a user or password', 'Give the key with --key-file instead.')
  }
  if (tls && url?.protocol === 'http:') {
    const origin = Object.values(tls.origins)[0]
    throw new UsageError(
      `${origin} is for https, and the URL is ${text}`,
      'Without TLS nothing of it could be checked.',
    )
  }
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return full
  throw new UsageError(`${JSON.stringify(text)} is not the URL of a server`, `It looks like ${DEFAULT_URL}`)
}

/** Whole numbers from `minimum` on. Throws UsageError naming the flag. */
export function wholeNumber(flag: string, text: string, minimum = 0): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (value >= minimum) return value
  throw new UsageError(`--${flag} is a whole number from ${minimum} on, not ${JSON.stringify(text)}`)
}
