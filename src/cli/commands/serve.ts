import type { ArgsDef } from 'citty'
import { REPEATABLE } from '../arguments.ts'
import { defineCommand } from '../command.ts'

export const command = defineCommand(
  {
    name: 'serve',
    summary: 'Run the server',
    notes: [
      'Every flag is also a TAILRACE_ variable (--spool-bytes-max: TAILRACE_SPOOL_BYTES_MAX) and a line in ' +
        'tailrace.yaml; flags beat variables, variables beat the file.',
      'When everything listens, one line of JSON with the addresses goes to standard output; the server’s own log goes ' +
        'to standard error. SIGTERM or Ctrl-C finishes what was accepted and ends it.',
    ],
    mainFlags: [
      'config',
      'port',
      'host',
      'tls',
      'data',
      'store',
      'storage',
      'logd',
      'forward',
      'syslog',
      'livestream-put',
      'livestream-get',
      'log-level',
      'retention-age',
      'retention-disk-bytes',
      'spool-bytes-max',
      'engine-memory-bytes-max',
    ],
    examples: [
      ['tailrace serve', 'On http://127.0.0.1:7575, data in ./tailrace-data'],
      ['tailrace serve --port 0 --data /tmp/try', 'On any free port, data elsewhere'],
      ['tailrace serve --host 0.0.0.0 --tls self-signed', 'For others, with TLS; the first start makes an admin key'],
      ['tailrace serve --retention-age 90d --retention-disk-bytes 200GB', 'Keep three months, at most 200 GB'],
      ['tailrace serve --store https://user:password@ch.example:8443/logs', 'With a ClickHouse server as the store'],
    ],
  },
  serverFlags,
  async (args) => {
    const { runServer } = await import('../../app/run.ts')
    const names = Object.keys(await serverFlags())
    const flags: Record<string, string> = {}
    for (const name of names) {
      const value = args[name]
      if (typeof value === 'string') flags[name] = value
    }
    return runServer({ flags })
  },
)

const HINTS: Readonly<Record<string, string>> = {
  bytes: 'size',
  ms: 'duration',
  integer: 'number',
  boolean: 'true|false',
}

/** The server's settings are the flags, as they are: `app` reads and checks the values. */
async function serverFlags() {
  const { settingEntries } = await import('../../app/settings.ts')
  const { formatDuration } = await import('../../core/time.ts')
  const { formatSize } = await import('../../core/units.ts')
  const flags: Record<string, { type: 'string'; description: string; valueHint: string }> = {}
  for (const { flag, unit, kind, choices, isRepeatable, defaultValue, description } of settingEntries()) {
    const isNumber = typeof defaultValue === 'number'
    let shown = typeof defaultValue === 'object' ? '' : String(defaultValue)
    if (unit === 'bytes' && isNumber && defaultValue > 0) shown = formatSize(defaultValue).replace(' ', '')
    if (unit === 'ms' && isNumber) shown = formatDuration(BigInt(defaultValue) * 1_000_000n)
    const valueHint = isRepeatable ? REPEATABLE : (choices?.join('|') ?? HINTS[unit ?? kind] ?? kind)
    flags[flag] = { type: 'string', valueHint, description: `${description} [${shown}]` }
  }
  const config = { type: 'string', valueHint: 'file', description: 'Settings file [tailrace.yaml]' } as const
  return { config, ...flags } satisfies ArgsDef
}
