import type { ArgDef, ArgsDef } from 'citty'
import { aliasesOf } from './arguments.ts'
import type { CliCommand, Example } from './command.ts'
import { COMMANDS } from './commands.ts'
import type { Output } from './terminal/terminal.ts'
import { wrapWords } from './terminal/width.ts'

type Colors = Output['colors']

/** What citty's own usage cannot do: examples, text wrapped to the terminal, flags in a column that lines up. */
const WIDTH = { fallback: 80, max: 100 }
const MARGIN = '  '

const TOP_EXAMPLES: readonly Example[] = [
  ['tailrace serve', 'Run the server on port 7575, data in ./tailrace-data'],
  ['cat app.log | tailrace send --service app', 'Put a file in'],
  ["tailrace tail 'level:>=warn'", 'Watch warnings and worse as they arrive'],
  ["tailrace query 'timeout' --since 1h", 'Find what mentioned a timeout'],
]

export function programUsage(version: string, { colors, columns }: Output): string {
  const width = usageWidth(columns)
  return [
    `${colors.bold('tailrace')} ${version}: pipe anything in, watch it live, find it next month\n`,
    section('Usage', [`tailrace ${colors.cyan('<command>')} [options]`], colors),
    section(
      'Commands',
      columnsOf(
        COMMANDS.map(({ name, summary }) => [name, summary]),
        width,
        colors,
      ),
      colors,
    ),
    section(
      'Options',
      columnsOf(
        [
          ['--help, -h', 'Help, also for every command'],
          ['--version, -v', 'The version'],
        ],
        width,
        colors,
      ),
      colors,
    ),
    examples(TOP_EXAMPLES, width, colors),
    `${colors.dim('Help for one command:')} tailrace <command> --help\n`,
  ].join('\n')
}

/** Commands whose names begin with the same word. */
export async function groupUsage(group: string, { colors, columns }: Output): Promise<string> {
  const width = usageWidth(columns)
  const entries = COMMANDS.filter(({ name }) => name.startsWith(`${group} `))
  const commands = await Promise.all(entries.map(({ load }) => load()))
  return [
    section('Usage', [`tailrace ${group} ${colors.cyan('<command>')} [options]`], colors),
    section(
      'Commands',
      columnsOf(
        entries.map(({ name, summary }) => [name, summary]),
        width,
        colors,
      ),
      colors,
    ),
    examples(
      commands.flatMap((command) => command.examples.slice(0, 1)),
      width,
      colors,
    ),
    `${colors.dim('Help for one command:')} tailrace ${group} <command> --help\n`,
  ].join('\n')
}

/** `isAll`: with every flag, where there are so many that some are left out otherwise. */
export async function commandUsage(command: CliCommand, { colors, columns }: Output, isAll = false): Promise<string> {
  const width = usageWidth(columns)
  const all = Object.entries(await command.flags())
  const { mainFlags } = command
  const entries = isAll || !mainFlags ? all : all.filter(([name]) => mainFlags.includes(name))
  const leftOut = all.length - entries.length
  const positionals = entries.filter(([, { type }]) => type === 'positional')
  const flags = entries.filter(([, { type }]) => type !== 'positional')
  const places = positionals.map(([name, { required }]) => (required === false ? `[${name}]` : `<${name}>`))
  const line = ['tailrace', command.name, ...places, ...(flags.length > 0 ? ['[options]'] : [])].join(' ')
  const parts = [`${command.summary}\n`, section('Usage', [line], colors)]
  if (positionals.length > 0) {
    const rows = positionals.map(([name, argument]) => [name, describe(argument)] as const)
    parts.push(section('Arguments', columnsOf(rows, width, colors), colors))
  }
  const help = [
    ['--help, -h', 'This help'],
    ...(leftOut > 0 ? [['--help --all', `With the ${leftOut} other settings`] as const] : []),
  ] as const
  parts.push(section('Options', columnsOf([...flagRows(flags), ...help], width, colors), colors))
  for (const note of command.notes ?? []) parts.push(`${wrapWords(note, width).join('\n')}\n`)
  parts.push(examples(command.examples, width, colors))
  return parts.join('\n')
}

function flagRows(flags: readonly (readonly [string, ArgsDef[string]])[]): (readonly [string, string])[] {
  return flags.map(([name, argument]) => {
    const aliases = aliasesOf(argument)
    const value = argument.type === 'boolean' ? '' : ` <${valueOf(argument)}>`
    return [[`--${name}${value}`, ...aliases.map((alias) => `-${alias}`)].join(', '), describe(argument)]
  })
}

function valueOf(argument: ArgDef): string {
  if (argument.type === 'enum' && argument.options) return argument.options.join('|')
  return argument.valueHint ?? 'text'
}

function describe({ description = '', default: value }: ArgDef): string {
  return value === undefined || value === false || value === '' ? description : `${description} [${String(value)}]`
}

function section(title: string, lines: readonly string[], colors: Colors): string {
  return ['', colors.bold(title), ...lines.map((line) => MARGIN + line), ''].join('\n').replace(/^\n/, '')
}

function examples(list: readonly Example[], width: number, colors: Colors): string {
  const lines = list.flatMap(([command, meaning]) => [
    ...wrapWords(meaning, width - 4).map((line) => colors.dim(`# ${line}`)),
    command,
  ])
  return section('Examples', lines, colors)
}

/** Two columns; a name that is too long for its column stands on a line of its own. */
function columnsOf(rows: readonly (readonly [string, string])[], width: number, colors: Colors): string[] {
  const longest = Math.max(...rows.map(([name]) => name.length))
  const nameColumns = Math.min(longest, Math.floor(width * 0.4))
  const gap = nameColumns + MARGIN.length
  return rows.flatMap(([name, text]) => {
    const lines = wrapWords(text, width - gap - MARGIN.length)
    const indent = ' '.repeat(gap)
    if (name.length > nameColumns) return [colors.cyan(name), ...lines.map((line) => indent + line)]
    return lines.map((line, index) => (index === 0 ? colors.cyan(name) + ' '.repeat(gap - name.length) : indent) + line)
  })
}

function usageWidth(columns: number | undefined): number {
  return Math.max(40, Math.min(columns ?? WIDTH.fallback, WIDTH.max))
}
