import type { Config } from '../../app/config.ts'
import { connectClient, CONNECTION_FLAGS, type ConnectionArguments } from '../connection.ts'
import { defineCommand, EXIT_FAILED, EXIT_OK } from '../command.ts'
import { checkAccess } from '../doctor/access.ts'
import { formatFinding, type Finding } from '../doctor/finding.ts'
import { checkLogd } from '../doctor/logd.ts'
import { checkConfig, checkNode, checkStorage } from '../doctor/machine.ts'
import { checkPort } from '../doctor/port.ts'
import { checkServer } from '../doctor/server.ts'
import { checkTls } from '../doctor/tls.ts'

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
      'Looks at this machine as a server would find it (settings, engine, data folder, disk, port), and asks a running ' +
        'server about itself. Give it the flags that you give to `tailrace serve`. Exit code 1 when something is wrong.',
    ],
    examples: [
      ['tailrace doctor', 'This machine, and the server on it'],
      ['tailrace doctor --url http://logs.example:7575', 'A server elsewhere'],
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
    tls: { type: 'string', valueHint: 'kind', description: 'off, self-signed or files, as for serve' },
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
      const tls = await checkTls(config, Date.now())
      await report(tls.findings)
      here = ownServer(config, args, tls.fingerprint)
      const port = await checkPort(config.host, config.port)
      await report([port, await checkLogd(config)])
      // Somebody else is there: asking for a server once more says nothing new.
      if (port.state === 'wrong' && url === undefined) return EXIT_FAILED
    }
    const client = connectClient(url === undefined ? here : args, terminal)
    try {
      await report(await checkServer(client, url !== undefined))
    } finally {
      client.close()
    }
    return isWrong ? EXIT_FAILED : EXIT_OK
  },
)

/** How to reach the server on this machine: by the certificate that lies here, unless something else was said. */
function ownServer(
  { host, port, tls }: Config,
  args: ConnectionArguments,
  fingerprint: string | undefined,
): ConnectionArguments {
  if (port === 0) return args
  const address = `${bracketed(host)}:${port}`
  if (tls === 'off') return { ...args, url: address }
  const isPinned = args.ca === undefined && args.fingerprint === undefined
  return { ...args, url: `https://${address}`, ...(isPinned && { fingerprint }) }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
