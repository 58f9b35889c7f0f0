import type { AgentStatusText } from '../../app/agent-status.ts'
import { escapeText } from '../../core/escape.ts'
import { formatDuration, NS_PER_SECOND } from '../../core/time.ts'
import { formatCount, formatSize } from '../../core/units.ts'
import { paintLine, wrapSpans } from '../terminal/spans.ts'
import type { Output } from '../terminal/terminal.ts'
import { cutMiddle, displayWidth, padEnd } from '../terminal/width.ts'

/** Files that are shown on a terminal unless all are asked for. */
const FILES_SHOWN = 20
const LABEL_COLUMNS = 8
const PATH_COLUMNS_MIN = 16
const GAP = '  '

export interface StatusTextOptions extends Pick<Output, 'colors' | 'columns'> {
  isAll: boolean
  /** Milliseconds since 1970. */
  nowMs: number
}

type File = AgentStatusText['files'][number]

/** What needs somebody first: files with errors, then those that are furthest behind. */
export function sortFiles(files: readonly File[]): File[] {
  const rank = (file: File): number => (file.error === null ? 1 : 0)
  return files.toSorted(
    (a, b) => rank(a) - rank(b) || b.behindBytes - a.behindBytes || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  )
}

/** On a terminal as wide as it is; in a pipe nothing is cut, and every file is there. */
export function agentStatusText(status: AgentStatusText, options: StatusTextOptions): string {
  return [
    ...summary(status, options),
    '',
    ...fileTable(status, options),
    ...problemLines(status, options),
    ...unmatchedLines(status, options),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

function summary(status: AgentStatusText, options: StatusTextOptions): string[] {
  const { colors } = options
  const { agent, host, version, pid, residentBytes, phase } = status
  const starting = 'starting: the servers are asked what arrived last'
  return [
    ...labelled('agent', [`${host}, version ${version}, process ${pid}, ${formatSize(residentBytes)}`], options),
    ...labelled('', [`id ${agent}`], options, colors.dim),
    ...(phase === 'starting' ? labelled('', [starting], options, colors.yellow) : []),
    ...status.servers.flatMap((server, index) => serverLines(server, index === 0 ? 'server' : '', options)),
    ...labelled('events', [`${formatCount(status.delivered)} delivered since the start`], options),
    ...(status.refused > 0
      ? labelled('', [`${formatCount(status.refused)} refused, set aside in refused/`], options, colors.red)
      : []),
    ...filesLine(status, options),
    ...status.inputs.flatMap((input, index) => inputLines(input, index === 0 ? 'inputs' : '', options)),
    ...(status.spoolBytes > 0
      ? labelled('spool', [`${formatSize(status.spoolBytes)} wait on disk`], options, colors.yellow)
      : []),
  ]
}

function filesLine(status: AgentStatusText, options: StatusTextOptions): string[] {
  const { files, openFiles } = status
  if (!followsFiles(status)) return []
  const failing = files.filter(({ error }) => error !== null).length
  const behind = files.filter(({ behindBytes }) => behindBytes > 0).length
  const parts = [
    `${formatCount(files.length)} followed`,
    ...(behind > 0 ? [`${formatCount(behind)} behind by ${formatSize(behindBytesOf(files))}`] : []),
    ...(failing > 0 ? [`${formatCount(failing)} failing`] : []),
    `${formatCount(openFiles)} open`,
  ]
  return labelled('files', parts, options)
}

/** Or there are other inputs alone. */
function followsFiles({ files, inputs, unmatched, problems }: AgentStatusText): boolean {
  return files.length > 0 || inputs.length === 0 || unmatched.length > 0 || problems.length > 0
}

function behindBytesOf(files: readonly File[]): number {
  return files.reduce((sum, { behindBytes }) => sum + behindBytes, 0)
}

function serverLines(
  { url, isCurrent, trouble }: AgentStatusText['servers'][number],
  label: string,
  options: StatusTextOptions,
): string[] {
  const { colors, nowMs } = options
  const what = isCurrent ? (trouble ? '' : ' in use') : ' in reserve'
  const first = labelled(label, [url + what], options, isCurrent ? undefined : colors.dim)
  if (!trouble) return first
  const since = BigInt(Math.max(0, Math.round((nowMs - Date.parse(trouble.since)) / 1000))) * NS_PER_SECOND
  const text = `${trouble.reason} For ${formatDuration(since)}; events wait.`
  return [
    ...first,
    ...labelled('', [isCurrent ? text : trouble.reason], options, isCurrent ? colors.red : colors.dim),
    ...(trouble.hint !== undefined && isCurrent ? labelled('', [trouble.hint], options, colors.dim) : []),
  ]
}

function inputLines(
  { kind, name, events, rejected, note }: AgentStatusText['inputs'][number],
  label: string,
  options: StatusTextOptions,
): string[] {
  const lost = Object.entries(rejected).map(([reason, count]) => `${formatCount(count)} ${reason}`)
  return [
    ...labelled(label, [`${kind === 'stdin' ? '' : `${kind} `}${name}: ${formatCount(events)} events`], options),
    ...(lost.length > 0 ? labelled('', [`not taken: ${lost.join(', ')}`], options, options.colors.yellow) : []),
    ...(note === null ? [] : labelled('', [note], options, options.colors.yellow)),
  ]
}

/** Lines with a name before the first; a long text goes on below itself. */
function labelled(
  label: string,
  parts: readonly string[],
  { colors, columns }: StatusTextOptions,
  paint: (text: string) => string = (text) => text,
): string[] {
  const text = escapeText(parts.join(', '))
  const width = columns === undefined ? Infinity : Math.max(PATH_COLUMNS_MIN, columns - LABEL_COLUMNS)
  const lines = width === Infinity ? [paint(text)] : wrapSpans([{ text, paint }], width).map(paintLine)
  return lines.map(
    (line, at) => (at === 0 ? colors.bold(padEnd(label, LABEL_COLUMNS)) : ' '.repeat(LABEL_COLUMNS)) + line,
  )
}

function fileTable(status: AgentStatusText, options: StatusTextOptions): string[] {
  const { files, phase } = status
  const { colors, columns, isAll } = options
  if (!followsFiles(status)) return []
  if (files.length === 0) return phase === 'starting' ? [] : [colors.dim('no file is followed')]
  const sorted = sortFiles(files)
  const shown = isAll || columns === undefined ? sorted : sorted.slice(0, FILES_SHOWN)
  const rows = shown.map((file) => ({ file, numbers: numbersOf(file), note: noteOf(file) }))
  const heads = ['read', 'of', 'behind']
  const widths = heads.map((head, column) =>
    rows.reduce((widest, { numbers }) => Math.max(widest, numbers[column]?.length ?? 0), head.length),
  )
  const taken = widths.reduce((sum, width) => sum + GAP.length + width, 0)
  const longest = rows.reduce((widest, { file }) => Math.max(widest, displayWidth(escapeText(file.path))), 4)
  const pathWidth = columns === undefined ? longest : Math.min(longest, Math.max(PATH_COLUMNS_MIN, columns - taken))
  const line = (path: string, numbers: readonly string[], paint: (text: string, column: number) => string): string =>
    padEnd(path, pathWidth) +
    numbers.map((text, column) => GAP + ' '.repeat((widths[column] ?? 0) - text.length) + paint(text, column)).join('')
  const lines = rows.flatMap(({ file, numbers, note }) => {
    const path = cutMiddle(escapeText(file.path), pathWidth)
    const paint = (text: string, column: number): string =>
      column < 2 ? text : file.behindBytes > 0 ? colors.yellow(text) : colors.dim(text)
    return [line(path, numbers, paint), ...noteLines(note, file.error === null ? colors.dim : colors.red, options)]
  })
  const hidden = sorted.slice(shown.length)
  return [
    colors.bold(line('file', heads, (text) => text)),
    ...lines,
    ...(hidden.length > 0 ? [colors.dim(hiddenText(hidden))] : []),
  ]
}

function numbersOf({ offset, size, behindBytes }: File): string[] {
  return [formatSize(offset), formatSize(size), behindBytes === 0 ? '-' : formatSize(behindBytes)]
}

function noteOf({ error, state }: File): string {
  return error ?? (state === 'live' ? '' : state)
}

function noteLines(note: string, paint: (text: string) => string, { columns }: StatusTextOptions): string[] {
  if (note === '') return []
  const text = escapeText(note)
  const lines =
    columns === undefined ? [text] : wrapSpans([{ text, paint: (same) => same }], columns - GAP.length).map(paintLine)
  return lines.map((line) => GAP + paint(line))
}

function hiddenText(hidden: readonly File[]): string {
  const behind = hidden.filter(({ behindBytes }) => behindBytes > 0).length
  const which = behind === 0 ? 'up to date' : `${formatCount(behind)} of them behind`
  return `and ${formatCount(hidden.length)} more, ${which} (--all shows them)`
}

/** Files and folders that cannot be looked at at all. */
function problemLines({ problems }: AgentStatusText, options: StatusTextOptions): string[] {
  const { colors, columns, isAll } = options
  if (problems.length === 0) return []
  const shown = isAll || columns === undefined ? problems : problems.slice(0, FILES_SHOWN)
  const rest = problems.length - shown.length
  return [
    '',
    colors.bold('cannot be read'),
    ...shown.flatMap(({ path, reason }) => [
      columns === undefined ? escapeText(path) : cutMiddle(escapeText(path), columns),
      ...noteLines(reason, colors.red, options),
    ]),
    ...(rest > 0 ? [colors.dim(`and ${formatCount(rest)} more (--all shows them)`)] : []),
  ]
}

/** Paths and globs that select nothing now. */
function unmatchedLines({ unmatched }: AgentStatusText, { colors, columns }: StatusTextOptions): string[] {
  if (unmatched.length === 0) return []
  const paths = unmatched.map((path) =>
    columns === undefined ? escapeText(path) : cutMiddle(escapeText(path), columns),
  )
  return ['', colors.bold('select no file'), ...paths.map((path) => colors.dim(path))]
}
