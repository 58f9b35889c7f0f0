import { eventOfMessage, type ShownEvent } from '../../client/logd/event.ts'
import { LogdSilence, query, type LogdQueryOptions } from '../../client/logd/query.ts'
import { parseTime } from '../../core/time.ts'
import { formatCount } from '../../core/units.ts'
import { CommandFailure, EXIT_OK, UsageError } from '../command.ts'
import { wholeNumber } from '../connection.ts'
import { clockFace } from '../terminal/clock-face.ts'
import { escapeJson, escapeText } from '../../core/escape.ts'
import { createEventPrinter } from '../terminal/event-printer.ts'
import { messageFinder } from '../terminal/highlight.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { timeParameter } from '../times.ts'
import { udpFilter } from './filter.ts'
import { explainLookup, udpRemote, type HttpArguments, type UdpArguments } from './remote.ts'

export interface UdpQuery extends UdpArguments {
  query: string
  since?: string | undefined
  until?: string | undefined
  limit?: string | undefined
  order?: string | undefined
  format: string
  wide?: boolean | undefined
  utc?: boolean | undefined
}

const LIMIT = 100

/** `query --udp`: what the server has in memory, over logd's protocol. */
export async function queryUdp(given: UdpQuery, ofHttp: HttpArguments, terminal: Terminal): Promise<number> {
  const { out, err } = terminal
  const asked = questionOf(given, Date.now())
  const remote = await udpRemote(given, ofHttp, terminal)
  const onNotice = (text: string): void => void err.write(`${err.colors.yellow(escapeText(text))}\n`)
  const answer = query({ ...remote, query: asked, onNotice, signal: terminal.interruption() })
  const events: ShownEvent[] = []
  try {
    for await (const message of answer) {
      const event = eventOfMessage(message)
      if (given.format !== 'ndjson') events.push(event)
      else await out.write(`${escapeJson(JSON.stringify(event))}\n`)
      if (out.isClosed) break
    }
  } catch (error) {
    // What came is shown, so that it can be used, and then that it is not all.
    await show(events, given, terminal)
    if (error instanceof LogdSilence) throw new CommandFailure(`${error.message}.`)
    throw explainLookup(error, remote)
  }
  await show(events, given, terminal)
  return EXIT_OK
}

function questionOf(given: UdpQuery, nowMs: number): NonNullable<LogdQueryOptions['query']> {
  const { order, format } = given
  if (order === 'asc') throw new UsageError("logd's protocol has no --order asc: it answers newest first")
  if (format === 'csv') throw new UsageError("logd's protocol has no --format csv", 'ndjson is an event a line')
  const startNs = timeNs('since', given.since, nowMs, given.utc)
  const endNs = timeNs('until', given.until, nowMs, given.utc)
  return {
    ...udpFilter(given.query, 'query'),
    limit: given.limit === undefined ? LIMIT : wholeNumber('limit', given.limit, 1),
    ...(startNs === undefined ? {} : { startNs }),
    // The protocol's end belongs to the range, that of --until does not.
    ...(endNs === undefined ? {} : { endNs: endNs - 1n }),
  }
}

function timeNs(flag: string, text: string | undefined, nowMs: number, isUtc = false): bigint | undefined {
  return text === undefined ? undefined : parseTime(timeParameter(flag, text, nowMs, isUtc), BigInt(nowMs) * 1_000_000n)
}

async function show(events: readonly ShownEvent[], given: UdpQuery, { out, err }: Terminal): Promise<void> {
  if (given.format === 'ndjson') return
  if (given.format === 'json') {
    const lines = events.map((event) => escapeJson(JSON.stringify(event)))
    await out.write(`{"events":[\n${lines.join(',\n')}\n]}\n`)
    return
  }
  const find = await messageFinder(given.query)
  const clock = clockFace(given.utc === true)
  const printer = createEventPrinter({
    colors: out.colors,
    clock,
    columns: out.columns,
    isWide: given.wide === true,
    find,
  })
  const ordered = given.order === undefined ? events.toReversed() : events
  printer.prepare(ordered)
  for (const event of ordered) await out.write(printer.print(event))
  const count = `${formatCount(events.length)} ${events.length === 1 ? 'event' : 'events'}`
  const more = given.limit === undefined && events.length === LIMIT ? '; there may be more: --limit shows them' : ''
  await err.write(err.colors.dim(`${count} in the memory of ${given.udp}${more}\n`))
}
