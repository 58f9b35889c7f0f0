import { connectClient, CONNECTION_FLAGS } from '../connection.ts'
import { defineCommand, EXIT_FAILED, EXIT_OK } from '../command.ts'
import { formatFinding, type Finding } from '../doctor/finding.ts'
import { checkLogd } from '../doctor/logd.ts'
import { checkConfig, checkNode, checkStorage } from '../doctor/machine.ts'
import { checkPort } from '../doctor/port.ts'
import { checkServer } from '../doctor/server.ts'

const SERVER_FLAGS = ['config', 'data', 'host', 'port', 'storage', 'store'] as const

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
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    const { out, env } = terminal
    let isWrong = false
    const report = async (findings: readonly Finding[]) => {
      for (const finding of findings) {
        isWrong ||= finding.state === 'wrong'
        await out.write(formatFinding(finding, out.colors))
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
    const { url = env['TAILRACE_URL'], key } = args
    if (config) {
      await report(await checkStorage(config, env))
      const port = await checkPort(config.host, config.port)
      await report([port, await checkLogd(config)])
      // Somebody else is there: asking for a server once more says nothing new.
      if (port.state === 'wrong' && url === undefined) return EXIT_FAILED
    }
    const here = config && config.port > 0 ? `http://${bracketed(config.host)}:${config.port}` : undefined
    const client = connectClient({ url: url ?? here, key }, terminal)
    try {
      await report(await checkServer(client, url !== undefined))
    } finally {
      client.close()
    }
    return isWrong ? EXIT_FAILED : EXIT_OK
  },
)

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
