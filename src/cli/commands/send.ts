import { hostname } from 'node:os'
import { severityFromName } from '../../core/severity.ts'
import { parseDuration } from '../../core/time.ts'
import { formatCount, formatSize } from '../../core/units.ts'
import type { RejectedLine } from '../../client/answers.ts'
import { ServerAway } from '../../client/failures.ts'
import type { HttpClient } from '../../client/http-client.ts'
import { connectClient, CONNECTION_FLAGS } from '../connection.ts'
import { defineCommand, EXIT_FAILED, EXIT_OK, UsageError } from '../command.ts'
import { explainFailure } from '../failure.ts'
import { deliver, type DeliveryFields } from '../send/delivery.ts'
import { BATCH_LIMITS, inputBatches, type LineBatch } from '../send/input-batches.ts'
import { escapeText } from '../../core/escape.ts'
import { showProgress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'

export const command = defineCommand(
  {
    name: 'send',
    summary: 'Send standard input to the server, an event a line',
    notes: [
      'A line that is a JSON object becomes an event with its fields; any other line becomes an event with that ' +
        'message. Both may be mixed. Lines go out within 0.2 s, so it can follow a file that grows.',
      'While the server is away or busy nothing more is read and the last batch is tried again: every line arrives at ' +
        'least once (twice only when an acknowledgement was lost on its way). Exit code 1 when a line was rejected or ' +
        'could not be sent.',
      '--sign keeps the key off the network where there is no TLS: the server checks a signature of each request. It ' +
        'hides nothing of the events, and needs clocks that agree within five minutes.',
    ],
    examples: [
      ['cat app.log | tailrace send --service app', 'A file'],
      ['tail -F /var/log/nginx/access.log | tailrace send --service nginx', 'A file that grows'],
      ['node server.js 2>&1 | tailrace send --service shop --level info', 'What a program says'],
      ['cat app.log | tailrace send --service app --key-file write.key --sign', 'Signed, over a network without TLS'],
      ['kubectl logs -f pod/api | tailrace send --service api --retry 1h', 'Waits for a server that is not there yet'],
    ],
  },
  {
    service: { type: 'string', valueHint: 'name', description: 'The program the lines come from' },
    host: { type: 'string', valueHint: 'name', description: 'The machine they come from [this one]' },
    source: { type: 'string', valueHint: 'name', description: 'The file or stream they come from' },
    level: { type: 'string', valueHint: 'level', description: 'Level of lines that name none' },
    retry: {
      type: 'string',
      valueHint: 'duration',
      description: 'How long to keep trying while the server is away [10m; not at all when it is away at the start]',
    },
    sign: { type: 'boolean', description: 'Sign each request with the key instead of showing it' },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    const { retry, service, host, source, level, sign } = args
    const retryMs = retry === undefined ? undefined : durationMs(retry)
    if (level !== undefined) checkLevel(level)
    const client = connectClient(args, terminal, { sign: sign === true })
    try {
      if (retryMs === undefined) await checkPresence(client)
      return await sendInput(
        client,
        { service, host: host ?? hostname(), source, level },
        retryMs ?? RETRY_MS_DEFAULT,
        terminal,
      )
    } finally {
      client.close()
    }
  },
)

const RETRY_MS_DEFAULT = 10 * 60_000
/** Rejected lines that are named one by one. */
const NAMED_MAX = 10

/** A wrong address should not wait for the first line. Whatever answers is fine: sending will tell. */
async function checkPresence(client: HttpClient): Promise<void> {
  try {
    await client.health()
  } catch (error) {
    if (error instanceof ServerAway) throw error
  }
}

interface Tally {
  accepted: number
  rejected: number
  named: RejectedLine[]
  bytes: number
}

async function sendInput(
  client: HttpClient,
  fields: DeliveryFields,
  retryMsMax: number,
  terminal: Terminal,
): Promise<number> {
  const { err } = terminal
  const tally: Tally = { accepted: 0, rejected: 0, named: [], bytes: 0 }
  const startedMs = performance.now()
  const stop = terminal.interruption()
  let isAway = false
  const progress = showProgress(err, () => {
    const seconds = (performance.now() - startedMs) / 1000
    const rate = formatCount(Math.round(tally.accepted / seconds))
    return isAway
      ? 'waiting for the server …'
      : `${counted(tally.accepted)} sent, ${formatSize(tally.bytes)}, ${rate}/s`
  })
  const say = (text: string) => {
    progress.clear()
    void err.write(`${text}\n`)
  }
  let failed: { error: unknown; batch: LineBatch } | undefined
  const batches = inputBatches(terminal.stdin, BATCH_LIMITS, (line) => reject(tally, [line], 1), stop)
  for await (const batch of batches) {
    try {
      const answer = await deliver(client, batch, {
        fields,
        retryMsMax,
        signal: stop,
        onOutage(reason) {
          isAway = true
          say(
            err.colors.yellow(`The server at ${client.url} does not take events (${escapeText(reason)}); trying again`),
          )
        },
        onRecovery() {
          isAway = false
          say(err.colors.green('The server takes events again'))
        },
      })
      tally.accepted += answer.accepted
      tally.bytes += batch.bytes
      const named = answer.rejected.map(({ line, reason }) => ({ line: batch.firstLine + line - 1, reason }))
      reject(tally, named, answer.rejectedTotal ?? named.length)
    } catch (error) {
      failed = { error, batch }
      break
    }
  }
  progress.stop()
  if (failed) {
    await explainFailure(failed.error, err, 'send')
    await err.write(`Not sent: everything from line ${formatCount(failed.batch.firstLine)} on.\n`)
  }
  await err.write(summary(tally, terminal))
  return failed || tally.rejected > 0 ? EXIT_FAILED : EXIT_OK
}

function reject(tally: Tally, lines: readonly RejectedLine[], count: number): void {
  tally.rejected += count
  tally.named.push(...lines.slice(0, NAMED_MAX - tally.named.length))
}

function summary({ accepted, rejected, named }: Tally, { err }: Terminal): string {
  const { red, dim } = err.colors
  const sent = `${counted(accepted)} sent`
  if (rejected === 0) return `${sent}\n`
  const reasons = named.map(({ line, reason }) => `  ${dim(`line ${formatCount(line)}:`)} ${escapeText(reason)}\n`)
  const more = rejected > named.length ? `  ${dim(`and ${formatCount(rejected - named.length)} more`)}\n` : ''
  return `${sent}, ${red(`${formatCount(rejected)} rejected`)}\n${reasons.join('')}${more}`
}

function counted(events: number): string {
  return events === 1 ? '1 event' : `${formatCount(events)} events`
}

function checkLevel(text: string): void {
  if (severityFromName(text) !== undefined) return
  throw new UsageError(
    `--level is a level, not ${JSON.stringify(text)}`,
    'One of trace, debug, info, notice, warn, error, crit, alert, fatal',
  )
}

function durationMs(text: string): number {
  const durationNs = parseDuration(text)
  if (durationNs === undefined)
    throw new UsageError(`--retry is a duration such as 30s or 10m, not ${JSON.stringify(text)}`)
  return Number(durationNs / 1_000_000n)
}
