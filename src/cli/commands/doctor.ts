import { hostname, networkInterfaces } from 'node:os'
import { isLoopback } from '../../core/loopback.ts'
import type { Config } from '../../app/config.ts'
import { connectClient, CONNECTION_FLAGS, type ConnectionArguments } from '../connection.ts'
import { defineCommand, EXIT_FAILED, EXIT_OK } from '../command.ts'
import { checkAccess } from '../doctor/access.ts'
import { formatFinding, type Finding } from '../doctor/finding.ts'
import { checkDoors } from '../doctor/doors.ts'
import { checkLogd } from '../doctor/logd.ts'
import { checkConfig, checkNode, checkStorage } from '../doctor/machine.ts'
import { checkPort, speaksTls } from '../doctor/port.ts'
import { checkServer } from '../doctor/server.ts'
import { checkTls } from '../doctor/tls.ts'
import type { Terminal } from '../terminal/terminal.ts'

const SERVER_FLAGS = [
  'config',
  'data',
  'host',
  'port',
  'storage',
  'store',
  'tls',
  'tls-cert',
  'tls-key',
  'tls-client-ca',
] as const

export const command = defineCommand(
  {
    name: 'doctor',
    summary: 'Say what is running, where data is, what is wrong and what to do',
    notes: [
      'Looks at this machine as a server would find it (settings, engine, data folder, disk, keys, certificate, port), ' +
        'and asks a running server about itself; that takes a key where there are keys. The server on this machine is ' +
        'known by its certificate here; another one by --ca or --fingerprint. Give it the flags that you give to `tailrace serve`. Exit code 1 when something is wrong.',
    ],
    examples: [
      ['tailrace doctor', 'This machine, and the server on it'],
      ['tailrace doctor --host 0.0.0.0 --tls self-signed', 'A server that others reach: its keys and certificate'],
      ['tailrace doctor --url https://logs.example:7575 --ca ca.pem', 'A server elsewhere'],
      ['tailrace doctor --config /etc/tailrace.yaml', 'What a server with these settings would find'],
    ],
  },
  {
    config: { type: 'string', valueHint: 'file', description: 'Settings file [tailrace.yaml]' },
    data: { type: 'string', valueHint: 'folder', description: 'Data folder, as for serve' },
    host: { type: 'string', valueHint: 'address', description: 'Address, as for serve' },
    port: { type: 'string', valueHint: 'n', description: 'Port, as for serve' },
    storage: { type: 'string', valueHint: 'kind', description: 'Storage, as for serve' },
    store: { type: 'string', valueHint: 'url', description: 'Store, as for serve' },
    tls: { type: 'string', valueHint: 'off|self-signed|files', description: 'Kind of TLS, as for serve' },
    'tls-cert': { type: 'string', valueHint: 'file', description: 'Certificate, as for serve' },
    'tls-key': { type: 'string', valueHint: 'file', description: 'Its private key, as for serve' },
    'tls-client-ca': { type: 'string', valueHint: 'file', description: 'Authorities of clients, as for serve' },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    const { out, env } = terminal
    let isWrong = false
    const report = async (findings: readonly Finding[]) => {
      for (const finding of findings) {
        isWrong ||= finding.state === 'wrong'
        await out.write(formatFinding(finding, out))
      }
    }
    await report([checkNode()])
    const flags: Record<string, string> = {}
    for (const name of SERVER_FLAGS) {
      const value = args[name]
      if (value !== undefined) flags[name] = value
    }
    const { config, findings } = checkConfig(flags, terminal)
    await report(findings)
    const { url = env['TAILRACE_URL'] } = args
    let here: ConnectionArguments = args
    if (config) {
      await report(await checkStorage(config, env))
      await report(await checkAccess(config, Date.now()))
      const isSecureThere = config.tls === 'off' && (await speaksTls(config.host, config.port))
      const tls = await checkTls(config, Date.now(), isSecureThere)
      await report(tls.findings)
      here = ownServer(config, { url, args, env, isSecureThere, fingerprint: tls.fingerprint })
      const port = await checkPort(config.host, config.port)
      await report([port, await checkLogd(config), ...(await checkDoors(config, Date.now()))])
      // Somebody else is there: asking for a server once more says nothing new.
      if (port.state === 'wrong' && url === undefined) return EXIT_FAILED
    }
    const client = connectClient(here, terminal)
    try {
      await report(await checkServer(client, url !== undefined))
    } finally {
      client.close()
    }
    return isWrong ? EXIT_FAILED : EXIT_OK
  },
)

interface Found {
  /** As it was named. */
  url: string | undefined
  args: ConnectionArguments
  env: Terminal['env']
  isSecureThere: boolean
  /** Of the certificate that lies here. */
  fingerprint: string | undefined
}

/**
 * How to reach the server: the one that was named, else the one on this machine. That one is known by the certificate
 * that lies here, unless something else was said; also when it was named.
 */
function ownServer({ host, port, tls }: Config, found: Found): ConnectionArguments {
  const { url, args, env, isSecureThere, fingerprint } = found
  const isHere = url === undefined || isOwnAddress(url, host, port)
  if (!isHere || port === 0) return args
  const address = `${bracketed(host)}:${port}`
  const scheme = tls !== 'off' || isSecureThere ? 'https' : 'http'
  const named = url ?? (scheme === 'http' ? address : `https://${address}`)
  const isKnown = [args.ca, args.fingerprint, env['TAILRACE_CA'], env['TAILRACE_FINGERPRINT']].some(Boolean)
  const isPlain = /^http:/i.test(named)
  return { ...args, url: named, ...(!isKnown && !isPlain && { fingerprint }) }
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** Whether a URL names the port of these settings, on this machine. */
function isOwnAddress(url: string, host: string, port: number): boolean {
  const full = url.includes('://') ? url : `https://${url}`
  if (!URL.canParse(full)) return false
  const { hostname, port: given, protocol } = new URL(full)
  if (Number(given || (protocol === 'http:' ? 80 : 443)) !== port) return false
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  if (name === host) return true
  if (!isLoopback(host) && !EVERYWHERE.has(host)) return false
  return name === 'localhost' || isLoopback(name) || (EVERYWHERE.has(host) && isOfThisMachine(name))
}

function isOfThisMachine(name: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return name === hostname().toLowerCase() || addresses.some(({ address }) => address === name)
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
