import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ArgsDef } from 'citty'
import type { LogdCredentials } from '../../client/logd/credentials.ts'
import { CommandFailure, UsageError } from '../command.ts'
import type { Terminal } from '../terminal/terminal.ts'

const PORT = 6102
const LAYOUTS = ['v3', 'v2', 'v1'] as const

/** The flags of commands that speak logd's protocol as well. */
export const UDP_FLAGS = {
  udp: { type: 'string', valueHint: 'host:port', description: `Over logd's protocol instead of HTTP [port ${PORT}]` },
  'secret-file': {
    type: 'string',
    valueHint: 'file',
    description: 'With --udp: where the read secret is; else LOGD_READ_SECRET',
  },
  layout: {
    type: 'enum',
    options: [...LAYOUTS],
    description: 'With --udp: how packets are signed; v1 and v2 for servers of the original [v3]',
  },
} as const satisfies ArgsDef

export interface UdpArguments {
  udp?: string | undefined
  'secret-file'?: string | undefined
  layout?: (typeof LAYOUTS)[number] | undefined
}

/** Arguments that mean nothing over logd's protocol, by flag. */
export type HttpArguments = Readonly<Record<string, string | undefined>>

export type UdpRemote = LogdCredentials & { host: string; port: number }

/** Throws UsageError when flags are given that need --udp. */
export function refuseUdpFlags(given: UdpArguments): void {
  const flag = (['secret-file', 'layout'] as const).find((name) => given[name] !== undefined)
  if (flag) throw new UsageError(`--${flag} goes with --udp host:port`)
}

/** Where to, and what to sign with. Throws UsageError for what cannot be, and for flags of HTTP. */
export async function udpRemote(given: UdpArguments, ofHttp: HttpArguments, terminal: Terminal): Promise<UdpRemote> {
  const flag = Object.keys(ofHttp).find((name) => ofHttp[name] !== undefined)
  if (flag) throw new UsageError(`--${flag} is for HTTP: over --udp the read secret is all there is to show`)
  const address = udpAddress(given.udp ?? '')
  return { ...address, secret: await readSecret(given['secret-file'], terminal), layout: given.layout }
}

/** `host`, `host:port`, `[::1]:6102`, each with or without `udp://`. */
export function udpAddress(text: string): { host: string; port: number } {
  const [, v6, name, digits] = /^(?:udp:\/\/)?(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = v6 ?? name
  const port = digits === undefined ? PORT : Number(digits)
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw new UsageError(`${JSON.stringify(text)} is not an address`, `It looks like 127.0.0.1:${PORT}`)
}

async function readSecret(file: string | undefined, { env, cwd }: Terminal): Promise<string> {
  const secret = file === undefined ? env['LOGD_READ_SECRET'] : await readSecretFile(resolve(cwd, file))
  if (secret !== undefined && secret !== '') return secret
  throw new UsageError(
    file === undefined ? 'A read secret is needed to ask over UDP' : `${file} is empty`,
    'Set LOGD_READ_SECRET, or name a file that holds the secret with --secret-file',
  )
}

/** The last line break is the editor's. */
async function readSecretFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new CommandFailure(`The secret cannot be read: ${(error as Error).message}`)
  }
}

/** Failures of name lookup in a sentence; everything else as it is. */
export function explainLookup(error: unknown, { host }: UdpRemote): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException
  if (syscall !== 'getaddrinfo') return error
  return new CommandFailure(`The host ${host} cannot be found (${code}).`, 'Check the name after --udp')
}
