import { formatCount } from '../../core/units.ts'
import { ServerProblem } from '../../client/failures.ts'
import type { TailInterruption, TailItem } from '../../client/tail.ts'
import { connectClient, CONNECTION_FLAGS, wholeNumber } from '../connection.ts'
import { defineCommand, EXIT_MISUSED, EXIT_OK } from '../command.ts'
import { underlineMistakes } from '../failure.ts'
import { clockFace } from '../terminal/clock-face.ts'
import { escapeJson, escapeText } from '../../core/escape.ts'
import { createEventPrinter } from '../terminal/event-printer.ts'
import { messageFinder } from '../terminal/highlight.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { refuseUdpFlags, UDP_FLAGS } from '../udp/remote.ts'
import { tailUdp } from '../udp/tail.ts'

export const command = defineCommand(
  {
    name: 'tail',
    summary: 'Watch events as they arrive',
    notes: [
      'Goes on until Ctrl-C. When the connection is lost it reconnects and resumes after the last event, without gap ' +
        'or repeat. The query may filter; see `tailrace query --help` for its words.',
    ],
    examples: [
      ['tailrace tail', 'Everything'],
      ["tailrace tail 'level:>=warn service:billing' --backlog 20", 'Warnings of a service, and the newest 20 before'],
      ["tailrace tail 'service:/shop/* level:>=warn' --udp logs:6102", "Over logd's protocol, with LOGD_READ_SECRET"],
      ["tailrace tail '-health' --format json | jq .message", 'All but health checks, for a program'],
    ],
  },
  {
    query: { type: 'positional', required: false, default: '', description: 'Which events; all without it' },
    backlog: {
      type: 'string',
      valueHint: 'n',
      alias: 'n',
      default: '0',
      description: 'Begin with the newest n events',
    },
    format: { type: 'enum', options: ['pretty', 'json'], default: 'pretty', description: 'json is an event a line' },
    wide: { type: 'boolean', description: 'All fields, on one long line per event' },
    utc: { type: 'boolean', description: 'Times in UTC instead of the local time zone' },
    ...CONNECTION_FLAGS,
    ...UDP_FLAGS,
  },
  async (args, terminal) => {
    const { query, backlog, format, wide, utc } = args
    const show = format === 'json' ? jsonWith(terminal) : await prettyWith(query, terminal, wide === true, utc === true)
    if (args.udp !== undefined) return tailUdp(args, show, terminal)
    refuseUdpFlags(args)
    const client = connectClient(args, terminal)
    const { err, out } = terminal
    const options = {
      query,
      backlog: wholeNumber('backlog', backlog),
      signal: terminal.interruption(),
      ...notices(terminal, client.url),
    }
    try {
      for await (const item of client.tail(options)) {
        if (item.kind === 'event') await out.write(show(item))
        else await err.write(`${err.colors.yellow(lossText(item))}\n`)
        if (out.isClosed) break
      }
      return EXIT_OK
    } catch (error) {
      const mistakes = error instanceof ServerProblem ? underlineMistakes(query, error, err) : undefined
      if (mistakes === undefined) throw error
      await err.write(mistakes)
      return EXIT_MISUSED
    } finally {
      client.close()
    }
  },
)

function lossText(item: Exclude<TailItem, { kind: 'event' }>): string {
  if (item.kind === 'skipped') {
    return `${formatCount(item.count)} events skipped: they came faster than this reader takes them`
  }
  const events = item.from === undefined ? 'Events' : `Events before ${escapeText(item.from)}`
  return `${events} may be missing: the server has no room for them any more`
}

type ShownItem = { event: Partial<Extract<TailItem, { kind: 'event' }>['event']> }

/** On a terminal nothing in it is obeyed; in a pipe it stays as it is. */
function jsonWith({ out }: Terminal) {
  const safe = out.isTerminal ? escapeJson : (json: string) => json
  return ({ event }: ShownItem): string => `${safe(JSON.stringify(event))}\n`
}

async function prettyWith(query: string, { out }: Terminal, isWide: boolean, isUtc: boolean) {
  const find = await messageFinder(query)
  const clock = clockFace(isUtc)
  const printerFor = (columns: number | undefined) =>
    createEventPrinter({ colors: out.colors, clock, columns, isWide, find })
  let columns = out.columns
  let printer = printerFor(columns)
  return ({ event }: ShownItem): string => {
    if (out.columns !== columns) printer = printerFor((columns = out.columns))
    return printer.print(event)
  }
}

function notices({ err }: Terminal, url: string) {
  const { dim, yellow, green } = err.colors
  return {
    onConnection(isAgain: boolean) {
      if (isAgain) void err.write(`${green('Connected again')}\n`)
      else if (err.isTerminal) void err.write(`${dim(`Watching ${url}; Ctrl-C ends`)}\n`)
    },
    onInterruption({ reason, attempt, hadConnection }: TailInterruption) {
      if (attempt > 0) return
      const what = hadConnection ? 'Connection lost' : 'The server does not take another tail now'
      void err.write(`${yellow(`${what} (${escapeText(reason)}); trying again`)}\n`)
    },
  }
}
