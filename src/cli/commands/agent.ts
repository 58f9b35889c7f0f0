import { keepHeapSmall } from '../../app/agent-memory.ts'
import { openConnection } from '../../client/connection.ts'
import { ServerProblem } from '../../client/failures.ts'
import { AppError } from '../../core/errors.ts'
import type { AgentSettings } from '../../app/agent-settings.ts'
import type { Explanation } from '../../app/agent-trouble.ts'
import { CommandFailure, defineCommand, EXIT_OK, UsageError } from '../command.ts'
import { connectWith, CONNECTION_FLAGS, type ConnectionArguments } from '../connection.ts'
import { serverFailure } from '../failure.ts'
import { withoutSecrets } from '../secrecy.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { programVersion } from '../version.ts'

export const command = defineCommand(
  {
    name: 'agent',
    summary: 'Ship log files of this machine',
    notes: [
      'Follows every file that the paths and globs select, through rotation, and delivers their ' +
        'lines. Where it is with each file it keeps in its folder (--state). It never writes to the files.',
      'Several --url: the next server takes over while one is away. --exec and --syslog may be given again, too.',
      'The section `agent` of tailrace.yaml has the same settings and more, and what is particular to single paths.',
    ],
    examples: [
      ['tailrace agent --url https://logs:7575 --key-file /etc/tailrace/key', 'The logs in /var/log'],
      ["tailrace agent '/srv/*/log/*.log' /var/log/syslog", 'These, to the server on this machine'],
      ['tailrace agent --url logs-a:7575 --url logs-b:7575', 'The second takes over while the first is away'],
      ["tailrace agent --exec 'journalctl -f -o json' --service journal", 'The output of a command instead'],
      ['tailrace agent --syslog udp://127.0.0.1:5514', 'What daemons send as syslog'],
      ['app | tailrace agent --stdin --service app', 'Standard input, kept on disk while the server is away'],
    ],
  },
  {
    paths: {
      type: 'positional',
      required: false,
      valueHint: 'paths…',
      description: 'Paths and globs [those of /var/log]',
    },
    config: { type: 'string', valueHint: 'file', description: 'Settings file, or TAILRACE_CONFIG [tailrace.yaml]' },
    state: {
      type: 'string',
      valueHint: 'folder',
      description: 'Where it keeps what it knows, or TAILRACE_AGENT_STATE [./tailrace-agent]',
    },
    host: { type: 'string', valueHint: 'name', description: 'Host of the events [this machine]' },
    stdin: { type: 'boolean', description: 'Read standard input' },
    exec: { type: 'string', valueHint: 'command', description: 'Read the output of a command' },
    service: { type: 'string', valueHint: 'name', description: 'Service of standard input and commands [agent]' },
    syslog: {
      type: 'string',
      valueHint: 'address',
      description: 'Take syslog there: udp://127.0.0.1:5514, tcp://…, unix:///path',
    },
    'syslog-allow': {
      type: 'string',
      valueHint: 'ranges',
      description: 'Addresses that may send syslog, such as 10.0.0.0/8; * for all [this machine]',
    },
    gzip: {
      type: 'enum',
      options: ['auto', 'on', 'off'],
      description: 'Compress what is sent [auto: not on this machine]',
    },
    'log-level': {
      type: 'enum',
      options: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
      description: 'What it says about itself',
    },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal, valuesOf) => {
    keepHeapSmall()
    const [{ startAgent }, { loadAgentSettings }, { createLogger }, { tellStart }] = await Promise.all([
      import('../../app/agent.ts'),
      import('../../app/agent-settings.ts'),
      import('../../app/log.ts'),
      import('../../app/agent-start.ts'),
    ])
    const { state, host, gzip, service, stdin = false, config } = args
    const signal = terminal.interruption()
    try {
      const settings = loadAgentSettings({
        given: {
          state,
          host,
          gzip,
          service,
          exec: valuesOf('exec'),
          syslog: valuesOf('syslog'),
          syslogAllow: args['syslog-allow'],
        },
        paths: args._,
        hasStdin: stdin,
        env: terminal.env,
        config,
        cwd: terminal.cwd,
      })
      const logger = createLogger(args['log-level'])
      for (const warning of settings.warnings) logger.warn({}, warning)
      const connections = serversOf(settings, valuesOf('url'), terminal).map((url) =>
        connectWith(openConnection, connectionArguments(args, settings, url, terminal), terminal, { rereadsKey: true }),
      )
      const agent = await startAgent({
        settings,
        connections,
        version: programVersion(),
        logger,
        explain,
        signal,
        stdin: stdin ? terminal.stdin : undefined,
      })
      const servers = connections.map(({ url }) => url)
      tellStart(settings, { servers, listeners: agent.listeners, status: agent.status(), logger })
      await terminal.out.write(`${JSON.stringify({ ready: true, agent: agent.agent, servers, pid: process.pid })}\n`)
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      try {
        if (!signal.aborted) await Promise.race([agent.done, stopped])
      } finally {
        await agent.close()
        if (agent.isHeldUp()) endAtOnce()
      }
      return EXIT_OK
    } catch (error) {
      // Ended before it had begun.
      if (signal.aborted) return EXIT_OK
      throw failureOf(error)
    }
  },
)

/** Flags, else the variable, else the file, else the server on this machine. */
function serversOf(settings: AgentSettings, flags: readonly string[], { env }: Terminal): (string | undefined)[] {
  if (flags.length > 0) return [...flags]
  const variable = (env['TAILRACE_URL'] ?? '').split(',').flatMap((url) => url.trim() || [])
  if (variable.length > 0) return variable
  return settings.url.length > 0 ? settings.url : [undefined]
}

/** The file of settings has a say where neither a flag nor a variable has. */
function connectionArguments(
  args: ConnectionArguments,
  { keyFile, ca, fingerprint, cert, certKey }: AgentSettings,
  url: string | undefined,
  { env }: Terminal,
): ConnectionArguments {
  const other = (flag: string | undefined, variables: readonly string[], setting: string): string | undefined =>
    flag ?? (setting === '' || variables.some((name) => (env[name] ?? '') !== '') ? undefined : setting)
  return {
    url,
    key: args.key,
    'key-file':
      args.key === undefined
        ? other(args['key-file'], ['TAILRACE_KEY', 'TAILRACE_KEY_FILE'], keyFile)
        : args['key-file'],
    ca: other(args.ca, ['TAILRACE_CA'], ca),
    fingerprint: other(args.fingerprint, ['TAILRACE_FINGERPRINT'], fingerprint),
    cert: other(args.cert, ['TAILRACE_CERT'], cert),
    'cert-key': other(args['cert-key'], ['TAILRACE_CERT_KEY'], certKey),
  }
}

function explain(error: unknown): Explanation {
  if (error instanceof ServerProblem && error.code === 'NOT_FOUND') {
    return {
      reason: 'It is a Tailrace server that takes no deliveries of agents (NOT_FOUND)',
      hint: 'It is older than this agent: bring it up to date.',
    }
  }
  const known = serverFailure(error, 'agent')
  if (!known) return { reason: error instanceof Error ? error.message : String(error) }
  const hint = known.hints.flatMap((line) => line ?? []).join(' ')
  return { reason: withoutSecrets(known.sentence), ...(hint === '' ? {} : { hint: withoutSecrets(hint) }) }
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof AppError)) {
    return (error as Error).name === 'AgentReplaced'
      ? new CommandFailure((error as Error).message, 'Two agents must not share one folder.')
      : error
  }
  const { code, detail, title, hint } = error
  if (code === 'CONFIG_INVALID') return new UsageError(detail ?? title, hint)
  if (code === 'ENGINE_LOCKED')
    return new CommandFailure('Another agent uses this folder', 'Name another with --state.')
  return new CommandFailure(detail ?? title, hint)
}

/** Node waits for calls into file systems that do not answer, the system does not. Supervisors take this for an end in order. */
function endAtOnce(): void {
  process.removeAllListeners('SIGTERM')
  process.kill(process.pid, 'SIGTERM')
}
