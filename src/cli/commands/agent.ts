import { type Connection, openConnection } from '../../client/connection.ts'
import { AppError } from '../../core/errors.ts'
import { CommandFailure, defineCommand, EXIT_OK, UsageError } from '../command.ts'
import { connectWith, CONNECTION_FLAGS } from '../connection.ts'

export const command = defineCommand(
  {
    name: 'agent',
    summary: 'Ship log files of this machine',
    notes: [
      'Follows every file that the paths and globs select, through rotation, and delivers their ' +
        'lines. Where it is with each file it keeps in its folder (--state). It never writes to the files.',
      'The section `agent` of tailrace.yaml has the same settings, and what is particular to single paths.',
    ],
    examples: [
      ['tailrace agent --url https://logs:7575 --key-file /etc/tailrace/key', 'The logs in /var/log'],
      ["tailrace agent '/srv/*/log/*.log' /var/log/syslog", 'These, to the server on this machine'],
      ['tailrace agent --url logs-a:7575 --url logs-b:7575', 'The second takes over while the first is away'],
      ["tailrace agent --exec 'journalctl -f -o json' --service journal", 'The output of a command instead'],
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
    config: { type: 'string', valueHint: 'file', description: 'Settings file [tailrace.yaml]' },
    state: { type: 'string', valueHint: 'folder', description: 'Where it keeps what it knows [./tailrace-agent]' },
    host: { type: 'string', valueHint: 'name', description: 'Host of the events [this machine]' },
    stdin: { type: 'boolean', description: 'Read standard input' },
    exec: { type: 'string', valueHint: 'command', description: 'Read the output of a command; may be given again' },
    service: {
      type: 'string',
      valueHint: 'name',
      default: 'agent',
      description: 'Service of standard input and commands',
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
    const [{ startAgent }, { DEFAULT_PATHS, loadAgentSettings }, { createLogger }, { readPackage }] = await Promise.all(
      [
        import('../../app/agent.ts'),
        import('../../app/agent-settings.ts'),
        import('../../app/log.ts'),
        import('../../app/package.ts'),
      ],
    )
    const commands = valuesOf('exec')
    const isOther = args.stdin === true || commands.length > 0
    const { state, host, gzip } = args
    try {
      const settings = loadAgentSettings({
        given: { state, host, gzip },
        paths: args._,
        config: args.config,
        cwd: terminal.cwd,
      })
      const paths = settings.paths.length > 0 || isOther ? settings.paths : DEFAULT_PATHS.map((path) => ({ path }))
      const urls = valuesOf('url').length > 0 ? valuesOf('url') : settings.url
      const connect = (url: string | undefined): Connection => connectWith(openConnection, { ...args, url }, terminal)
      const connections = urls.length > 0 ? urls.map(connect) : [connect(undefined)]
      const signal = terminal.interruption()
      const agent = await startAgent({
        settings: { ...settings, paths },
        connections,
        version: readPackage().version,
        logger: createLogger(args['log-level']),
        stdin: args.stdin === true ? terminal.stdin : undefined,
        commands,
        service: args.service,
        followsFiles: paths.length > 0,
      })
      const ready = { ready: true, agent: agent.agent, servers: connections.map(({ url }) => url), pid: process.pid }
      await terminal.out.write(`${JSON.stringify(ready)}\n`)
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      try {
        if (!signal.aborted) await Promise.race([agent.done, stopped])
      } finally {
        await agent.close()
        if (agent.isHeldUp()) endAtOnce()
      }
      return EXIT_OK
    } catch (error) {
      if (error instanceof AppError && error.code === 'CONFIG_INVALID')
        throw new UsageError(error.detail ?? error.title, error.hint)
      if (error instanceof AppError) throw new CommandFailure(error.detail ?? error.title, error.hint)
      if ((error as Error).name === 'AgentReplaced')
        throw new CommandFailure((error as Error).message, 'Two agents must not share one folder.')
      throw error
    }
  },
)

/** Node waits for calls into file systems that do not answer, the system does not. Supervisors take this for an end in order. */
function endAtOnce(): void {
  process.removeAllListeners('SIGTERM')
  process.kill(process.pid, 'SIGTERM')
}
