import type { AuditRecord } from '../../wire/audit/record.ts'
import type { SendOutcome } from './outcome.ts'

/** A call of a logger: what was logged, and at which level. */
export interface LoggedCall {
  level: string
  /** The text, with what it was formatted from. Empty where there is none. */
  message: string
  /** The fields that came with it. */
  fields: Readonly<Record<string, unknown>>
}

/** Which record a logged call is; `undefined`: none. */
export type AuditMapping = (call: LoggedCall) => AuditRecord | undefined

export interface AuditSender {
  send(record: AuditRecord): SendOutcome
}

export interface AuditConsoleOptions {
  client: AuditSender
  map: AuditMapping
  /** Gets every call as well, whether it is a record or not; `console` for instance. */
  also?: Partial<Record<ConsoleLevel, (...args: unknown[]) => void>>
  /** Told of records that were not taken. A line on stderr unless given. */
  onRefused?: (outcome: SendOutcome & { queued: false }, record: AuditRecord) => void
}

const CONSOLE_LEVELS = ['debug', 'log', 'info', 'warn', 'error'] as const
type ConsoleLevel = (typeof CONSOLE_LEVELS)[number]

/** The methods of a console that take calls; an object among the arguments has the fields, the rest is text. */
export type AuditConsole = Record<ConsoleLevel, (...args: unknown[]) => void>

/** Turns calls of a console into audit records. Never throws. */
export function auditConsole({ client, map, also, onRefused = say }: AuditConsoleOptions): AuditConsole {
  const at =
    (level: ConsoleLevel) =>
    (...args: unknown[]): void => {
      also?.[level]?.(...args)
      submit({ client, map, onRefused }, { level: level === 'log' ? 'info' : level, ...split(args) })
    }
  return { debug: at('debug'), log: at('log'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Sends the record that a call is, if it is one. */
export function submit(
  { client, map, onRefused = say }: Pick<AuditConsoleOptions, 'client' | 'map' | 'onRefused'>,
  call: LoggedCall,
): void {
  let record: AuditRecord | undefined
  try {
    record = map(call)
  } catch (error) {
    say({ error: error as Error })
  }
  if (!record) return
  const outcome = client.send(record)
  if (!outcome.queued) onRefused(outcome, record)
}

/** Nobody is waiting for an answer, and a problem must not be hidden. */
function say({ error }: { error: Error }): void {
  process.stderr.write(`audit: a record was not taken: ${error.message}\n`)
}

function split(args: readonly unknown[]): { message: string; fields: Record<string, unknown> } {
  const fields: Record<string, unknown> = {}
  const words: string[] = []
  for (const argument of args) {
    if (argument instanceof Error) fields['err'] = argument
    else if (typeof argument === 'object' && argument !== null) Object.assign(fields, argument)
    else words.push(String(argument))
  }
  return { message: words.join(' '), fields }
}
