import { resolve } from 'node:path'
import type { ArgsDef } from 'citty'
import type { ClientTls, TlsTextError } from '../client/tls.ts'
import { UsageError } from './command.ts'
import { readShortFile } from './short-file.ts'
import type { Terminal } from './terminal/terminal.ts'

/** How a server with TLS is known, and what it is shown. */
export const TLS_FLAGS = {
  ca: { type: 'string', valueHint: 'file', description: 'Certificate to trust the server by (PEM), or TAILRACE_CA' },
  fingerprint: {
    type: 'string',
    valueHint: 'sha256',
    description: 'The only certificate the server may show, or TAILRACE_FINGERPRINT',
  },
  cert: { type: 'string', valueHint: 'file', description: 'Certificate to show the server, or TAILRACE_CERT' },
  'cert-key': { type: 'string', valueHint: 'file', description: 'Its private key, or TAILRACE_CERT_KEY' },
} as const satisfies ArgsDef

type TlsFlag = keyof typeof TLS_FLAGS

export type TlsArguments = { [name in TlsFlag]?: string | undefined }

const NAMES: readonly { flag: TlsFlag; variable: string; part: keyof ClientTls }[] = [
  { flag: 'ca', variable: 'TAILRACE_CA', part: 'ca' },
  { flag: 'fingerprint', variable: 'TAILRACE_FINGERPRINT', part: 'fingerprint' },
  { flag: 'cert', variable: 'TAILRACE_CERT', part: 'cert' },
  { flag: 'cert-key', variable: 'TAILRACE_CERT_KEY', part: 'key' },
]
const FILE_BYTES_MAX = 1024 * 1024

/** What is to be used, and where each part of it came from: a flag or a variable. */
export interface TlsChoice {
  tls: ClientTls
  origins: { [part in keyof ClientTls]?: string }
}

/**
 * What the flags say, else the variables, each for itself; `undefined` when there is none. Throws UsageError when a file
 * cannot be read.
 */
export function readTls(args: TlsArguments, { env, cwd }: Pick<Terminal, 'env' | 'cwd'>): TlsChoice | undefined {
  const choice: TlsChoice = { tls: {}, origins: {} }
  for (const { flag, variable, part } of NAMES) {
    const value = args[flag] ?? env[variable]
    if (value === undefined || value === '') continue
    const origin = args[flag] === undefined ? variable : `--${flag}`
    choice.origins[part] = origin
    choice.tls[part] = part === 'fingerprint' ? value : readPem(resolve(cwd, value), origin)
  }
  return Object.keys(choice.tls).length === 0 ? undefined : choice
}

/** In the words of whoever typed it. */
export function tlsMistake({ part, message }: TlsTextError, { origins }: TlsChoice): UsageError {
  const origin = origins[part] ?? part
  const hints: { [name in keyof ClientTls]?: string } = {
    fingerprint: 'The server prints its own when it starts.',
    cert: 'The key is given with --cert-key <file>.',
    key: 'The certificate is given with --cert <file>.',
  }
  return new UsageError(`What ${origin} gives ${message}`, hints[part])
}

function readPem(path: string, origin: string): string {
  let text: string | undefined
  try {
    text = readShortFile(path, FILE_BYTES_MAX)
  } catch (error) {
    throw new UsageError(`The file of ${origin} cannot be read: ${(error as Error).message}`)
  }
  if (text === undefined) throw new UsageError(`The file of ${origin} is too long for a certificate: ${path}`)
  return text
}
