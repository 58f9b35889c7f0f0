import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { openConnection } from '../../client/connection.ts'
import { forwardFolder } from '../../client/eventlog/forward.ts'
import { escapeText } from '../../core/escape.ts'
import { formatCount } from '../../core/units.ts'
import { CommandFailure, defineCommand, EXIT_OK, UsageError } from '../command.ts'
import { connectWith, CONNECTION_FLAGS } from '../connection.ts'

export const command = defineCommand(
  {
    name: 'forward',
    summary: 'Deliver what applications log into a folder',
    notes: [
      'The event logger of an application (tailrace/eventlog) writes into a folder and starts a sender by itself. Run ' +
        'this instead where a supervisor is to do it, or to deliver what is left of an application that is gone. ' +
        'Events arrive in order and once, whatever dies when; a folder has one sender at a time.',
    ],
    examples: [
      ['tailrace forward --dir /var/spool/shop', 'Until Ctrl-C'],
      ['tailrace forward --dir /var/spool/shop --once', 'Until the folder is empty'],
    ],
  },
  {
    dir: { type: 'string', valueHint: 'folder', required: true, description: 'The folder' },
    once: { type: 'boolean', description: 'End when the folder is empty' },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal) => {
    if (args.dir === '') throw new UsageError('--dir is the folder that applications log into')
    const dir = resolve(terminal.cwd, args.dir)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const stopping = new AbortController()
    const onSignal = (): void => stopping.abort()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
    let told = Promise.resolve()
    const result = await forwardFolder({
      dir,
      connection: connectWith(openConnection, args, terminal),
      signal: stopping.signal,
      idleMsMax: args.once ? 0 : Infinity,
      onTrouble: (reason) => {
        const text = reason === null ? 'delivering again' : `not delivered for now: ${escapeText(reason)}`
        told = told.then(() => terminal.err.write(`${text}\n`))
      },
    })
    await told
    if ('pid' in result) throw new CommandFailure(`Process ${result.pid} delivers from this folder already`)
    const refused = result.refused === 0 ? '' : `, ${formatCount(result.refused)} refused: see refused.ndjson`
    await terminal.err.write(`${formatCount(result.delivered)} events delivered${refused}\n`)
    return EXIT_OK
  },
)
