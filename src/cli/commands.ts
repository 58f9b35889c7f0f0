import type { CliCommand } from './command.ts'

export interface CommandEntry {
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
