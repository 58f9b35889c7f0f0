import { createInterface } from 'node:readline'
import { escapeText } from '../../core/escape.ts'
import { formatCount } from '../../core/units.ts'
import { ServerProblem } from '../../client/failures.ts'
import { connectClient, CONNECTION_FLAGS } from '../connection.ts'
import { defineCommand, EXIT_FAILED, EXIT_MISUSED, EXIT_OK, UsageError } from '../command.ts'
import { underlineMistakes } from '../failure.ts'
import { showProgress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { timeParameter } from '../times.ts'

export const command = defineCommand(
  {
    name: 'delete',
    summary: 'Delete events before their time, for good',
    notes: [
      'Counts first, and asks before it deletes; where there is nobody to ask it deletes only with --yes. The filter is ' +
        'that of `tailrace query`, without pipes; * selects everything. Takes an admin key. What was deleted, and by ' +
        'whom, is in the audit trail: tailrace query service:tailrace.audit',
    ],
    examples: [
      ["tailrace delete 'level:debug' --before 2d", 'Debug events older than two days'],
      ["tailrace delete 'service:shop/billing user-id:42' --before now --dry-run", 'How many that would be'],
      ["tailrace delete '*' --before 2026-01-01 --yes", 'Everything of the years before, from a script'],
    ],
  },
  {
    query: { type: 'positional', required: true, description: 'Which events: a filter; * for all' },
    before: { type: 'string', valueHint: 'time', description: 'Only with a timestamp before this; has to be given' },
    'dry-run': { type: 'boolean', description: 'Only count' },
    yes: { type: 'boolean', description: 'Do not ask' },
    utc: { type: 'boolean', description: 'Times without a zone are in UTC' },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    if (args.before === undefined) {
      throw new UsageError('--before is missing', 'Such as 30d (ago) or 2026-01-05; now for everything there is.')
    }
    const isDryRun = args['dry-run'] === true
    const mayAsk = isTerminal(terminal)
    if (!isDryRun && args.yes !== true && !mayAsk) {
      throw new UsageError('There is nobody to ask', 'Add --yes to delete without a question, or --dry-run to count.')
    }
    const before = timeParameter('before', args.before, Date.now(), args.utc === true)
    const { out, err } = terminal
    const client = connectClient(args, terminal)
    try {
      const counted = await client.deleteEvents({ q: args.query, before, isDryRun: true })
      const what = `${events(counted.deleted)} before ${counted.before}`
      if (isDryRun || counted.deleted === 0) {
        await out.write(`${what}\n`)
        return EXIT_OK
      }
      if (args.yes !== true && !(await isConfirmed(`Delete ${what} for good? Type yes: `, terminal))) {
        await err.write('Nothing was deleted.\n')
        return EXIT_FAILED
      }
      const startedMs = Date.now()
      const progress = showProgress(err, () => `deleting … ${Math.round((Date.now() - startedMs) / 1000)} s`)
      const { deleted, state } = await client
        .deleteEvents({ q: args.query, before: counted.before, isDryRun: false })
        .finally(progress.stop)
      await out.write(
        state === 'running'
          ? `${events(deleted)} are being deleted; the server goes on with it\n`
          : `${events(deleted)} deleted\n`,
      )
      return EXIT_OK
    } catch (error) {
      const mistakes = error instanceof ServerProblem ? underlineMistakes(args.query, error, err) : undefined
      if (mistakes === undefined) throw error
      await err.write(mistakes)
      return EXIT_MISUSED
    } finally {
      client.close()
    }
  },
)

function events(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'event' : 'events'}`
}

function isTerminal({ stdin, err }: Terminal): boolean {
  return (stdin as { isTTY?: boolean }).isTTY === true && err.isTerminal
}

async function isConfirmed(question: string, { stdin, err }: Terminal): Promise<boolean> {
  await err.write(escapeText(question))
  const lines = createInterface({ input: stdin })
  try {
    for await (const line of lines) return line.trim().toLowerCase() === 'yes'
    return false
  } finally {
    lines.close()
  }
}
