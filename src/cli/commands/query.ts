import { StringDecoder } from 'node:string_decoder'
import type { Problem } from '../../core/errors.ts'
import { formatCount } from '../../core/units.ts'
import { ServerAway, ServerProblem } from '../../client/failures.ts'
import type { HttpClient, QueryOptions } from '../../client/http-client.ts'
import { connectClient, CONNECTION_FLAGS, wholeNumber } from '../connection.ts'
import { defineCommand, EXIT_MISUSED, EXIT_OK } from '../command.ts'
import { underlineMistakes } from '../failure.ts'
import { layOut } from '../query/layout.ts'
import { describeNothing } from '../query/nothing.ts'
import { fetchPages, ordersItself, type Found } from '../query/pages.ts'
import { clockFace, type ClockFace } from '../terminal/clock-face.ts'
import { escapeJson, escapeLines, escapeText } from '../../core/escape.ts'
import { createEventPrinter } from '../terminal/event-printer.ts'
import { messageFinder } from '../terminal/highlight.ts'
import { showProgress } from '../terminal/progress.ts'
import { formatTable } from '../terminal/table.ts'
import type { Output, Terminal } from '../terminal/terminal.ts'
import { timeParameter } from '../times.ts'
import { queryUdp } from '../udp/query.ts'
import { refuseUdpFlags, UDP_FLAGS } from '../udp/remote.ts'

export const command = defineCommand(
  {
    name: 'query',
    summary: 'Find events, or count them',
    notes: [
      'Words: reset or "connection reset" (in the message), /took [0-9]+ms/ (RE2), service:billing, host:web-*, ' +
        'level:>=warn, status:500..599, user_id:*, -health or NOT health, a OR b, ( ). Pipes: | stats count() by ' +
        'service, bin(5m) | sort by … | limit n | fields … | where … | top 10 … | extract … | parse json. All of it is ' +
        'in docs/query.md.',
      'Shows the newest events, the newest of them last; --order desc puts the newest first, --order asc begins with ' +
        'the oldest. json, ndjson and csv are newest first unless --order says otherwise. ndjson and csv are streamed, ' +
        'however many there are.',
    ],
    examples: [
      ["tailrace query 'level:>=error' --since 1h", 'Errors of the last hour'],
      ['tailrace query \'service:billing "connection reset" -health\'', 'A phrase, without some noise'],
      ["tailrace query 'status:500..599 | stats count() n by service | sort by n desc'", 'A table'],
      ['tailrace query --since 2026-01-05 --until 2026-01-06 --format csv > day.csv', 'A day'],
    ],
  },
  {
    query: { type: 'positional', required: false, default: '', description: 'The query; everything without it' },
    since: { type: 'string', valueHint: 'time', description: 'From this time on: 15m or 2d (ago), 10:30, 2026-01-05' },
    until: { type: 'string', valueHint: 'time', description: 'Before this time' },
    limit: {
      type: 'string',
      valueHint: 'n',
      alias: 'n',
      description: 'At most this many [100 events, all rows of a table]',
    },
    order: { type: 'enum', options: ['desc', 'asc'], description: 'Newest first, or oldest first' },
    format: {
      type: 'enum',
      options: ['pretty', 'json', 'ndjson', 'csv'],
      default: 'pretty',
      description: 'How it is printed',
    },
    wide: { type: 'boolean', description: 'All fields, nothing wrapped or cut' },
    utc: { type: 'boolean', description: 'Times in UTC instead of the local time zone' },
    ...CONNECTION_FLAGS,
    ...UDP_FLAGS,
  },
  async (args, terminal) => {
    const { query, since, until, limit, order, format, wide, utc } = args
    if (args.udp !== undefined) return queryUdp(args, terminal)
    refuseUdpFlags(args)
    const nowMs = Date.now()
    const question: QueryOptions & { query: string } = {
      query,
      ...(since === undefined ? {} : { start: timeParameter('since', since, nowMs, utc === true) }),
      ...(until === undefined ? {} : { end: timeParameter('until', until, nowMs, utc === true) }),
      ...(order === undefined ? {} : { order }),
    }
    const count = limit === undefined ? undefined : wholeNumber('limit', limit, 1)
    const client = connectClient(args, terminal)
    const progress = showProgress(terminal.err, () => `searching … ${Math.round((Date.now() - nowMs) / 1000)} s`)
    try {
      if (format === 'ndjson' || format === 'csv') {
        const hasAny = await stream(client, format, { ...question, limit: count }, terminal, progress.stop)
        progress.stop()
        // Somebody who looks at an empty screen; programs see that nothing came.
        if (!hasAny && terminal.err.isTerminal) await sayNothing(client, question, clockFace(utc === true), terminal)
        return EXIT_OK
      }
      const found = await fetchPages(client, count, question)
      progress.stop()
      if (format === 'json') await terminal.out.write(safeJson(asJson(found), terminal.out))
      else await printPretty(client, found, { question, isWide: wide === true, isUtc: utc === true }, terminal)
      return EXIT_OK
    } catch (error) {
      progress.stop()
      const mistakes = error instanceof ServerProblem ? underlineMistakes(query, error, terminal.err) : undefined
      if (mistakes === undefined) throw error
      await terminal.err.write(mistakes)
      return EXIT_MISUSED
    } finally {
      client.close()
    }
  },
)

interface Shown {
  question: QueryOptions
  isWide: boolean
  isUtc: boolean
}

async function printPretty(client: HttpClient, found: Found, shown: Shown, { out, err }: Terminal): Promise<void> {
  const { question, isWide, isUtc } = shown
  const clock = clockFace(isUtc)
  const columns = isWide ? undefined : out.columns
  const { dim } = err.colors
  const count = found.rows?.length ?? found.events?.length ?? 0
  if (count === 0) return sayNothing(client, question, clock, { err })
  if (found.rows) {
    const table = { columns: found.columns ?? [], rows: found.rows }
    const shown = columns === undefined ? table : layOut(table, clock, columns)
    await out.write(formatTable(shown.columns, shown.rows, { colors: out.colors, clock, columns }))
  } else {
    const events = found.events ?? []
    const find = await messageFinder(question.query ?? '')
    const printer = createEventPrinter({ colors: out.colors, clock, columns: out.columns, isWide, find })
    const isTurned = question.order === undefined && !ordersItself(question.query ?? '')
    const ordered = isTurned ? events.toReversed() : events
    printer.prepare(ordered)
    for (const event of ordered) await out.write(printer.print(event))
  }
  const kind = found.rows ? ['row', 'rows'] : ['event', 'events']
  const more = found.hasMore ? `; there ${found.cursor === null ? 'may be' : 'are'} more: --limit shows them` : ''
  const took = `${formatCount(Math.round(found.stats.elapsedMs))} ms`
  await err.write(dim(`${formatCount(count)} ${count === 1 ? kind[0] : kind[1]} in ${took}${more}\n`))
}

async function sayNothing(
  client: HttpClient,
  question: QueryOptions,
  clock: ClockFace,
  { err }: Pick<Terminal, 'err'>,
): Promise<void> {
  await err.write(`${escapeText(await describeNothing(client, question, clock))}\n`)
}

function jsonLines(items: readonly unknown[]): string {
  return `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]`
}

/** As the API answers, with an event or row a line. */
function asJson({ columns, events, rows, cursor, stats }: Found): string {
  const parts = [
    ...(columns ? [`"columns":${JSON.stringify(columns)}`] : []),
    ...(rows
      ? [`"rows":${jsonLines(rows)}`]
      : [`"events":${jsonLines(events ?? [])}`, `"cursor":${JSON.stringify(cursor)}`]),
    `"stats":${JSON.stringify(stats)}`,
  ]
  return `{${parts.join(',\n')}}\n`
}

/** Whether anything came. */
async function stream(
  client: HttpClient,
  format: 'ndjson' | 'csv',
  question: QueryOptions,
  { out }: Terminal,
  onFirst: () => void,
): Promise<boolean> {
  const response = await client.queryStream(format, question)
  const write = format === 'ndjson' ? writeLines : writeCsv
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let hasAny = false
  try {
    for await (const bytes of response) {
      onFirst()
      hasAny = true
      // Whole lines only: an ndjson answer that fails on its way says so in its last line.
      const text = rest + decoder.write(bytes as Buffer)
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      await write(text.slice(0, end), out)
      if (out.isClosed) return true
    }
    await write(rest, out)
    return hasAny
  } catch (error) {
    throw error instanceof ServerProblem ? error : new ServerAway(client.url, error)
  }
}

/** No event and no row looks like this: their values are texts and numbers. */
const FAILURE = '{"error":{'

async function writeLines(lines: string, out: Output): Promise<void> {
  const at = lines.startsWith(FAILURE) ? 0 : lines.indexOf(`\n${FAILURE}`) + 1
  const hasFailed = lines.startsWith(FAILURE, at)
  await out.write(safeJson(hasFailed ? lines.slice(0, at) : lines, out))
  if (!hasFailed) return
  const { error } = JSON.parse(lines.slice(at)) as { error: Partial<Problem> }
  throw new ServerProblem({ ...error, status: error.status ?? 500 })
}

/** On a terminal it is looked at; in a file or pipe every byte stays as it is. */
async function writeCsv(text: string, out: Output): Promise<void> {
  await out.write(out.isTerminal ? escapeLines(text.replaceAll('\r\n', '\n')) : text)
}

/** The same for JSON: its values stay what they are in any case. */
function safeJson(json: string, out: Output): string {
  return out.isTerminal ? escapeJson(json) : json
}
