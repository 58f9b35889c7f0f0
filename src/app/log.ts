import pico from 'picocolors'
import { pino } from 'pino'
import { escapeText } from '../core/escape.ts'
import type { Logger } from '../core/logger.ts'

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const LEVEL_ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/**
 * What the server says about itself, on stderr: JSON lines for machines, short lines for a terminal, which obeys
 * nothing in them.
 */
export function createLogger(level: LogLevel, stderr: NodeJS.WriteStream = process.stderr): Logger {
  if (!stderr.isTTY) return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }))
  const say = (own: LogLevel, mark: string) => (fields: object, text: string) => {
    if (LEVEL_ORDER.indexOf(own) < LEVEL_ORDER.indexOf(level)) return
    const time = pico.dim(new Date().toTimeString().slice(0, 8))
    stderr.write(`${time} ${mark} ${escapeText(text)}${pico.dim(escapeText(fieldsText(fields)))}\n`)
  }
  return {
    debug: say('debug', pico.dim('debug')),
    info: say('info', pico.green('info ')),
    warn: say('warn', pico.yellow('warn ')),
    error: say('error', pico.red('error')),
  }
}

function fieldsText(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${value instanceof Error ? errorText(value) : plainText(value)}`)
    .join('')
}

function errorText(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${errorText(error.cause)})` : error.message
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
