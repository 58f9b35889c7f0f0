import { resolve } from 'node:path'
import { escapeText } from '../../core/escape.ts'
import { formatCount, formatSize } from '../../core/units.ts'
import { CommandFailure, defineCommand, EXIT_OK } from '../command.ts'

export const command = defineCommand(
  {
    name: 'agent status',
    summary: 'Show how far an agent is with each file',
    notes: ['Asks the agent that runs with this folder; fails when there is none.'],
    examples: [
      ['tailrace agent status', 'Of the agent in ./tailrace-agent'],
      ['tailrace agent status --state /var/lib/agent --format json', 'For a program'],
    ],
  },
  {
    state: {
      type: 'string',
      valueHint: 'folder',
      default: './tailrace-agent',
      description: 'The folder of the agent [./tailrace-agent]',
    },
    format: { type: 'enum', options: ['pretty', 'json'], default: 'pretty', description: 'json for a program' },
  },
  async ({ state, format }, { cwd, out }) => {
    const { askAgentStatus } = await import('../../app/agent-status.ts')
    const status = await askAgentStatus(resolve(cwd, state))
    if (!status)
      throw new CommandFailure(
        `No agent runs with the folder ${state}`,
        'The folder is the one it was started with: --state.',
      )
    if (format === 'json') {
      await out.write(`${JSON.stringify(status)}\n`)
      return EXIT_OK
    }
    const { bold, dim, yellow, red } = out.colors
    const lines = [
      `${bold('agent')} ${status.agent} ${dim(`version ${status.version}, process ${status.pid}`)}`,
      `${bold('server')} ${status.server}${status.trouble === null ? '' : ` ${red(escapeText(status.trouble))}`}`,
      `${bold('events')} ${formatCount(status.delivered)} delivered${status.refused > 0 ? red(`, ${formatCount(status.refused)} refused`) : ''}, ` +
        `${formatSize(status.behindBytes)} behind`,
      '',
      ...status.files.map(({ path, offset, size, behindBytes, state: where, error }) => {
        const behind = behindBytes === 0 ? dim('up to date') : yellow(`${formatSize(behindBytes)} behind`)
        const note = error === null ? (where === 'live' ? '' : dim(` ${where}`)) : ` ${red(escapeText(error))}`
        return `${escapeText(path)}  ${formatSize(offset)} of ${formatSize(size)}  ${behind}${note}`
      }),
      ...status.problems.map(({ path, reason }) => `${escapeText(path)}  ${red(escapeText(reason))}`),
      ...status.unmatched.map((path) => dim(`${escapeText(path)}  selects no file`)),
    ]
    await out.write(`${lines.join('\n')}\n`)
    return EXIT_OK
  },
)
