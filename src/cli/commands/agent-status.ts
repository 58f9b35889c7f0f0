import { resolve } from 'node:path'
import { CommandFailure, defineCommand, EXIT_OK } from '../command.ts'

const DEFAULT_STATE = './tailrace-agent'

export const command = defineCommand(
  {
    name: 'agent status',
    summary: 'Show how far an agent is with each file',
    notes: [
      'Asks the agent that runs with this folder; fails when there is none. Files with errors come first, then those that ' +
        'are furthest behind.',
    ],
    examples: [
      ['tailrace agent status', 'Of the agent in ./tailrace-agent'],
      ['tailrace agent status --all --state /var/lib/tailrace-agent', 'Every file of another one'],
      ['tailrace agent status --format json', 'For a program'],
    ],
  },
  {
    state: {
      type: 'string',
      valueHint: 'folder',
      description: `The folder of the agent, or TAILRACE_AGENT_STATE [${DEFAULT_STATE}]`,
    },
    all: { type: 'boolean', description: 'Every file, and not only the first ones' },
    format: { type: 'enum', options: ['pretty', 'json'], default: 'pretty', description: 'json for a program' },
  },
  async ({ state: wanted, format, all = false }, { cwd, env, out }) => {
    const [{ askAgentStatus }, { agentStatusText }] = await Promise.all([
      import('../../app/agent-status.ts'),
      import('../agent/status-text.ts'),
    ])
    const state = wanted ?? (env['TAILRACE_AGENT_STATE'] || DEFAULT_STATE)
    const status = await askAgentStatus(resolve(cwd, state)).catch((error: NodeJS.ErrnoException) => {
      throw new CommandFailure(
        `The agent of the folder ${state} cannot be asked: ${error.message}`,
        error.code === 'EACCES' ? 'Ask as the user under which it runs, or as root.' : undefined,
      )
    })
    if (!status) {
      throw new CommandFailure(
        `No agent runs with the folder ${state}`,
        'The folder is the one it was started with: --state, or the setting `state`.',
      )
    }
    if (format === 'json') await out.write(`${JSON.stringify(status)}\n`)
    else {
      const { colors, columns } = out
      await out.write(agentStatusText(status, { colors, columns, isAll: all, nowMs: Date.now() }))
    }
    return EXIT_OK
  },
)
