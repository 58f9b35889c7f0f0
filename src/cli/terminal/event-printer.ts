import { type EventJson, OWN_ATTRIBUTES } from '../../core/event.ts'
import type { Level } from '../../core/severity.ts'
import type { ClockFace } from './clock-face.ts'
import { escapeText } from '../../core/escape.ts'
import type { Finder } from './highlight.ts'
import { paintLine, wrapSpans, type Span } from './spans.ts'
import type { Output } from './terminal.ts'
import { cut, displayWidth, padEnd } from './width.ts'

type Colors = Output['colors']
type PrintedEvent = Partial<EventJson>

export interface EventPrinterOptions {
  colors: Colors
  clock: ClockFace
  /** Long events are wrapped to this width under their message; without it each is one line, as programs want it. */
  columns: number | undefined
  /** Prints host, source, trace and span as well, and every line of an event. */
  isWide: boolean
  find: Finder
}

export interface EventPrinter {
  /** Whole lines, with the newline. */
  print(event: PrintedEvent): string
  /** So that the column of services is as wide as it has to be from the first event on. */
  prepare(events: readonly PrintedEvent[]): void
}

const LEVEL_COLUMNS = 6
const SERVICE_COLUMNS_MAX = 20
/** Narrower than this nothing is gained by wrapping under the message. */
const MESSAGE_COLUMNS_MIN = 24
/** Lines of one event that are shown unless `isWide`. */
const LINES_MAX = 12
const SERVICE_COLORS = ['cyan', 'magenta', 'blue', 'green', 'cyanBright', 'magentaBright', 'blueBright'] as const
const MORE_FIELDS = ['host', 'source', 'trace_id', 'span_id'] as const
const KNOWN_FIELDS: ReadonlySet<string> = new Set<string>([
  'id',
  'timestamp',
  'received',
  'severity',
  'level',
  'service',
  'message',
  'attributes',
  ...MORE_FIELDS,
])

export function createEventPrinter(options: EventPrinterOptions): EventPrinter {
  const { colors, clock, columns, isWide } = options
  let serviceColumns = 0
  let day = ''
  const widen = ({ service = '' }: PrintedEvent) => {
    serviceColumns = Math.max(serviceColumns, Math.min(SERVICE_COLUMNS_MAX, displayWidth(escapeText(service))))
  }
  const dayLine = (timestamp: string): string => {
    const found = escapeText(clock.day(timestamp))
    if (columns === undefined || found === day) return ''
    day = found
    return `${colors.dim(`── ${found} ${'─'.repeat(Math.max(0, Math.min(columns, 60) - found.length - 4))}`)}\n`
  }
  return {
    prepare(events) {
      for (const event of events) widen(event)
    },
    print(event) {
      widen(event)
      const { timestamp } = event
      const head = headOf(event, options, serviceColumns)
      const body = bodyOf(event, options)
      const separator = timestamp === undefined ? '' : dayLine(timestamp)
      if (columns === undefined || isWide) return `${separator}${paintLine([...head, ...oneLine(body)])}\n`
      return separator + wrapped(head, body, columns, colors)
    },
  }
}

function headOf(event: PrintedEvent, { colors, clock, columns }: EventPrinterOptions, serviceColumns: number): Span[] {
  const { timestamp, level, service } = event
  const spans: Span[] = []
  if (timestamp !== undefined) {
    const time = columns === undefined ? clock.full(timestamp) : clock.time(timestamp)
    spans.push({ text: `${escapeText(time)} `, paint: colors.dim })
  }
  if (level !== undefined)
    spans.push(
      { text: padEnd(level === 'unknown' ? '-' : escapeText(level), LEVEL_COLUMNS), paint: levelPaint(level, colors) },
      plain(' '),
    )
  if (service !== undefined && serviceColumns > 0) {
    const text = padEnd(cut(escapeText(service), SERVICE_COLUMNS_MAX), serviceColumns)
    spans.push({ text, paint: colors[serviceColor(service)] }, plain(' '))
  }
  return spans
}

/** The message, line by line, then the other fields. */
function bodyOf(event: PrintedEvent, options: EventPrinterOptions): Span[][] {
  const { colors, columns, find } = options
  const paint = messagePaint(event.level, colors)
  const message = columns === undefined ? (event.message ?? '') : (event.message ?? '').replaceAll('\t', '    ')
  const lines = message.replace(/[\r\n]+$/, '').split(/\r?\n/)
  const body = lines.map((line) => highlighted(escapeText(line), find, paint, colors))
  for (const [name, value] of fieldsOf(event, options.isWide)) {
    const last = body.at(-1) ?? []
    if (last.length > 0) last.push(plain(' '))
    last.push({ text: `${name}=${quoteValue(value)}`, paint: colors.dim })
  }
  return body
}

function* fieldsOf(event: PrintedEvent, isWide: boolean): Generator<[name: string, value: string]> {
  const isPart = event.message === undefined
  for (const name of MORE_FIELDS) {
    const value = event[name]
    if ((isWide || isPart) && value) yield [name, value]
  }
  // A `fields` pipe may bring names of its own.
  for (const [name, value] of Object.entries(event)) {
    if (!KNOWN_FIELDS.has(name)) yield [escapeText(name), typeof value === 'string' ? value : JSON.stringify(value)]
  }
  for (const [name, value] of Object.entries(event.attributes ?? {})) {
    if (isWide || !OWN_ATTRIBUTES.has(name)) yield [escapeText(name), value]
  }
}

function quoteValue(value: string): string {
  const escaped = escapeText(value)
  return escaped === '' || /[\s"=]/.test(escaped) ? `"${escaped.replaceAll('"', String.raw`\"`)}"` : escaped
}

function highlighted(text: string, find: Finder, paint: Span['paint'], colors: Colors): Span[] {
  const spans: Span[] = []
  let at = 0
  for (const [from, to] of find(text)) {
    if (from > at) spans.push({ text: text.slice(at, from), paint })
    spans.push({ text: text.slice(from, to), paint: (match) => colors.bold(colors.black(colors.bgYellow(match))) })
    at = to
  }
  if (at < text.length) spans.push({ text: text.slice(at), paint })
  return spans
}

function oneLine(body: readonly (readonly Span[])[]): Span[] {
  return body.flatMap((line, index) => (index === 0 ? line : [plain(String.raw`\n`), ...line]))
}

function wrapped(head: readonly Span[], body: readonly Span[][], columns: number, colors: Colors): string {
  const headColumns = head.reduce((sum, { text }) => sum + displayWidth(text), 0)
  const indent = columns - headColumns >= MESSAGE_COLUMNS_MIN ? headColumns : 4
  const [first = [], ...rest] = body
  const firstLines =
    indent === headColumns ? wrapSpans(first, columns - indent) : wrapSpans([...head, ...first], columns - indent)
  const lines = [...firstLines, ...rest.flatMap((line) => wrapSpans(line, columns - indent))]
  const shown = lines.slice(0, lines.length > LINES_MAX ? LINES_MAX - 1 : LINES_MAX)
  const margin = ' '.repeat(indent)
  let text = ''
  for (const [index, line] of shown.entries()) {
    if (index > 0) text += margin
    else if (indent === headColumns) text += paintLine([...head, plain('')])
    text += `${paintLine(line)}\n`
  }
  if (shown.length === lines.length) return text
  return `${text}${margin}${colors.dim(`… ${lines.length - shown.length} more lines (--wide shows all)`)}\n`
}

function plain(text: string): Span {
  return { text, paint: (same) => same }
}

function levelPaint(level: Level, colors: Colors): Span['paint'] {
  if (level === 'trace' || level === 'debug' || level === 'unknown') return colors.dim
  if (level === 'info') return colors.green
  if (level === 'notice') return colors.cyan
  if (level === 'warn') return colors.yellow
  if (level === 'error') return colors.red
  return (text) => colors.bold(colors.inverse(colors.red(text)))
}

function messagePaint(level: Level | undefined, colors: Colors): Span['paint'] {
  return level === 'debug' || level === 'trace' ? colors.dim : (text) => text
}

/** Always the same colour for the same service. */
function serviceColor(service: string): (typeof SERVICE_COLORS)[number] {
  let hash = 0
  for (let index = 0; index < service.length; index++) hash = (hash * 31 + service.charCodeAt(index)) >>> 0
  return SERVICE_COLORS[hash % SERVICE_COLORS.length] ?? 'cyan'
}
