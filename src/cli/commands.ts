import { didYouMean } from '../core/suggest.ts'
import { UsageError, type CliCommand } from './command.ts'

export interface CommandEntry {
  /** One word, or two where several commands are about the same thing: `keys list`. */
  name: string
  summary: string
  load(): Promise<CliCommand>
}

/** Every command, in the order of the help. Each is loaded when it is run. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'Run the server',
    load: async () => (await import('./commands/serve.ts')).command,
  },
  {
    name: 'send',
    summary: 'Send standard input, an event a line',
    load: async () => (await import('./commands/send.ts')).command,
  },
  {
    name: 'tail',
    summary: 'Watch events as they arrive',
    load: async () => (await import('./commands/tail.ts')).command,
  },
  {
    name: 'query',
    summary: 'Find events, or count them',
    load: async () => (await import('./commands/query.ts')).command,
  },
  {
    name: 'delete',
    summary: 'Delete events before their time',
    load: async () => (await import('./commands/delete.ts')).command,
  },
  {
    name: 'keys create',
    summary: 'Make a key: who may send, read or administer',
    load: async () => (await import('./commands/keys-create.ts')).command,
  },
  {
    name: 'keys list',
    summary: 'Show the keys there are',
    load: async () => (await import('./commands/keys-list.ts')).command,
  },
  {
    name: 'keys revoke',
    summary: 'End a key at once',
    load: async () => (await import('./commands/keys-revoke.ts')).command,
  },
  {
    name: 'forward',
    summary: 'Deliver what applications log into a folder',
    load: async () => (await import('./commands/forward.ts')).command,
  },
  {
    name: 'stream',
    summary: 'Write a live stream, and print where to watch it',
    load: async () => (await import('./commands/stream.ts')).command,
  },
  {
    name: 'livelog',
    summary: 'One log by PUT, shown to many while it grows: instead of livelog',
    load: async () => (await import('./commands/livelog.ts')).command,
  },
  {
    name: 'agent',
    summary: 'Ship log files of this machine',
    load: async () => (await import('./commands/agent.ts')).command,
  },
  {
    name: 'agent status',
    summary: 'Show how far an agent is with each file',
    load: async () => (await import('./commands/agent-status.ts')).command,
  },
  {
    name: 'doctor',
    summary: 'Say what is running, what is wrong and what to do',
    load: async () => (await import('./commands/doctor.ts')).command,
  },
  {
    name: 'demo',
    summary: 'Send a believable stream of sample events',
    load: async () => (await import('./commands/demo.ts')).command,
  },
]

/** Whether this is the first word of commands with two. */
export function isGroup(word: string): boolean {
  return COMMANDS.some(({ name }) => name.startsWith(`${word} `)) && !COMMANDS.some(({ name }) => name === word)
}

/** The first word of a command line, if it is one of those. */
export function groupOf([word = '']: readonly string[]): string | undefined {
  return isGroup(word) ? word : undefined
}

/** The command that a command line names, and what follows it. Throws UsageError with a suggestion. */
export function findCommand(given: readonly string[]): { entry: CommandEntry; rest: string[] } {
  const [first = ''] = given
  // `agent` is a command, and so is `agent status`.
  const isLonger = COMMANDS.some(({ name }) => name === given.slice(0, 2).join(' '))
  const words = isGroup(first) || isLonger ? 2 : 1
  const name = given.slice(0, words).join(' ')
  const entry = COMMANDS.find((candidate) => candidate.name === name)
  if (entry) return { entry, rest: given.slice(words) }
  const names = COMMANDS.map((candidate) => candidate.name).filter((known) => words === 1 || known.startsWith(first))
  const kind = name.startsWith('-') ? 'flag' : 'command'
  throw new UsageError(`There is no ${kind} ${name}${didYouMean(name, names)}`, `Commands: ${names.join(', ')}`)
}
