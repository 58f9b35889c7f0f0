import { formatCount } from '../../core/units.ts'
import { parseDuration } from '../../core/time.ts'
import { PATIENCE } from '../../client/backoff.ts'
import type { HttpClient } from '../../client/http-client.ts'
import { connectClient, CONNECTION_FLAGS, wholeNumber } from '../connection.ts'
import { defineCommand, EXIT_OK, UsageError } from '../command.ts'
import { createRandom } from '../demo/random.ts'
import { DemoStream } from '../demo/stream.ts'
import type { DemoEvent } from '../demo/trace.ts'
import { deliver } from '../send/delivery.ts'
import { escapeText } from '../../core/escape.ts'
import { showProgress } from '../terminal/progress.ts'
import type { Terminal } from '../terminal/terminal.ts'

export const command = defineCommand(
  {
    name: 'demo',
    summary: 'Send a believable stream of sample events',
    notes: [
      'An outdoor shop with ten services: requests with one trace id through all of them, access logs, slow queries, ' +
        'and every minute or two something that goes wrong for a while. All events bear the source "demo".',
    ],
    examples: [
      ['tailrace demo', 'About 50 events a second until Ctrl-C'],
      ['tailrace demo --past 1h', 'First what happened within the last hour, so that there is something to search'],
      ['tailrace demo --rate 2000 --duration 30s', 'A lot of them for half a minute'],
      ["tailrace tail 'source:demo level:>=warn'", 'Watch it in another terminal'],
      ["tailrace query 'source:demo | stats count() n, p95(duration_ms) by service'", 'And look back at it'],
    ],
  },
  {
    rate: { type: 'string', valueHint: 'n', default: '50', description: 'Events a second, about' },
    past: {
      type: 'string',
      valueHint: 'duration',
      description: 'Begins with what happened for so long before, at once',
    },
    duration: { type: 'string', valueHint: 'duration', description: 'Ends after this long; without it Ctrl-C ends it' },
    seed: { type: 'string', valueHint: 'n', default: '1', description: 'Another number tells another story' },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    const { rate, past, duration, seed } = args
    const eventsPerSecond = wholeNumber('rate', rate, 1)
    if (eventsPerSecond > RATE_MAX) throw new UsageError(`--rate is at most ${RATE_MAX}`)
    const durationMs = duration === undefined ? Infinity : readDuration('duration', duration)
    const pastMs = past === undefined ? 0 : readDuration('past', past)
    if ((pastMs / 1000) * eventsPerSecond > PAST_EVENTS_MAX) {
      throw new UsageError(`--past is at most ${formatCount(PAST_EVENTS_MAX)} events at this --rate`)
    }
    const random = createRandom(wholeNumber('seed', seed))
    const client = connectClient(args, terminal)
    try {
      // A wrong address is told at once.
      await client.health()
      const startedMs = Date.now() - pastMs
      const stream = new DemoStream(random, eventsPerSecond, startedMs)
      const sent = await sendStream(client, stream, { startedMs, durationMs }, terminal)
      await terminal.err.write(`${formatCount(sent)} events sent\n`)
      return EXIT_OK
    } finally {
      client.close()
    }
  },
)

const RATE_MAX = 100_000
const PAST_EVENTS_MAX = 10_000_000
/** Of the past, in one request. */
const BATCH_EVENTS = 5000
/** The stream does not catch up with more at once. */
const PAST_STEP_MS = 1000
const TICK_MS = 100
const RETRY_MS_MAX = 10 * 60_000

async function sendStream(
  client: HttpClient,
  stream: DemoStream,
  { startedMs, durationMs }: { startedMs: number; durationMs: number },
  terminal: Terminal,
): Promise<number> {
  const { err } = terminal
  const signal = terminal.interruption()
  const endMs = Date.now() + durationMs
  let sent = 0
  if (err.isTerminal) await err.write(err.colors.dim(`Sending to ${client.url}; Ctrl-C ends\n`))
  const progress = showProgress(err, () => `${formatCount(sent)} events sent`)
  try {
    const presentMs = Date.now()
    let toldMs = startedMs
    for (let nowMs = Date.now(); nowMs < endMs && !signal.aborted; nowMs = Date.now()) {
      const isPast = toldMs < presentMs
      const events = isPast ? [] : stream.take(nowMs)
      while (toldMs < presentMs && events.length < BATCH_EVENTS) {
        toldMs += PAST_STEP_MS
        events.push(...stream.take(Math.min(toldMs, presentMs)))
      }
      if (events.length > 0) {
        const answer = await deliver(client, batchOf(events), {
          fields: { source: 'demo' },
          retryMsMax: RETRY_MS_MAX,
          signal,
          onOutage(reason) {
            progress.clear()
            void err.write(`The server does not take events (${escapeText(reason)}); trying again\n`)
          },
        })
        sent += answer.accepted
      }
      const pauseMs = isPast ? 0 : Math.min(TICK_MS, endMs - Date.now())
      // An abort while waiting ends the loop by its condition.
      if (pauseMs > 0) await PATIENCE.wait(pauseMs, signal).catch(() => undefined)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    progress.stop()
  }
  return sent
}

function batchOf(events: readonly DemoEvent[]) {
  const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  return {
    contentType: 'application/x-ndjson' as const,
    pieces: [bytes],
    bytes: bytes.length,
    lines: events.length,
    events: events.length,
    firstLine: 1,
  }
}

function readDuration(flag: string, text: string): number {
  const durationNs = parseDuration(text)
  if (durationNs === undefined) throw new UsageError(`--${flag} is such as 30s or 10m, not ${JSON.stringify(text)}`)
  return Number(durationNs / 1_000_000n)
}
