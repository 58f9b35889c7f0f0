import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openConnection, type Connection } from '../../client/connection.ts'
import { StreamGap, StreamUpload } from '../../client/stream-upload.ts'
import { escapeText } from '../../core/escape.ts'
import { parseDuration } from '../../core/time.ts'
import { formatSize } from '../../core/units.ts'
import { CommandFailure, defineCommand, EXIT_FAILED, EXIT_OK, UsageError } from '../command.ts'
import { connectWith, CONNECTION_FLAGS } from '../connection.ts'
import { explainFailure } from '../failure.ts'
import { runChild } from '../stream/child.ts'
import type { Terminal } from '../terminal/terminal.ts'

export const command = defineCommand(
  {
    name: 'stream',
    summary: 'Write a live stream and print where to watch it',
    notes: [
      'The address is printed at once; open it in a browser or with curl. Its lines become events of a service with the ' +
        'name of the stream.',
      'When the connection is cut it goes on where the server has come to: bytes neither get lost nor come twice. ' +
        'With a command the exit code is that of the command.',
    ],
    examples: [
      ['make 2>&1 | tailrace stream ci/build-42', 'What a pipe says'],
      ['tailrace stream ci/build-42 --echo -- make test', 'A command, shown here as well'],
      ['tailrace stream deploy --share 12h -- ./deploy.sh', 'With a link for all'],
    ],
    takesCommand: true,
  },
  {
    name: { type: 'positional', required: false, description: 'The stream [the command or host, and the time]' },
    echo: { type: 'boolean', description: 'Show here what goes into the stream' },
    share: { type: 'string', valueHint: 'duration', description: 'Print a link that needs no key, for so long' },
    host: { type: 'string', valueHint: 'name', description: 'The machine it comes from [this one]' },
    index: { type: 'boolean', description: 'Lines become events; --no-index: they do not' },
    retry: {
      type: 'string',
      valueHint: 'duration',
      description: 'How long to keep trying while the server is away [10m]',
    },
    ...CONNECTION_FLAGS,
  },
  async (args, terminal, _valuesOf, commandLine) => {
    const retryMsMax = args.retry === undefined ? RETRY_MS_DEFAULT : durationMs('retry', args.retry)
    if (args.share !== undefined) durationMs('share', args.share)
    const name = checkedName(args.name ?? defaultName(commandLine))
    const connection = connectWith(openConnection, args, terminal)
    const say = (text: string): void => void terminal.err.write(`${text}\n`)
    const upload = new StreamUpload({
      connection,
      name,
      isIndexed: args.index,
      host: args.host ?? hostname(),
      retryMsMax,
      onOutage: (reason) =>
        say(terminal.err.colors.yellow(`Not streaming for now (${escapeText(reason)}); trying again`)),
      onRecovery: () => say(terminal.err.colors.green('Streaming again')),
    })
    try {
      return await stream(upload, { ...args, name, connection, commandLine, say }, terminal)
    } finally {
      connection.close()
    }
  },
)

const RETRY_MS_DEFAULT = 10 * 60_000

interface StreamOptions {
  name: string
  echo?: boolean | undefined
  share?: string | undefined
  connection: Connection
  commandLine: readonly string[]
  say: (text: string) => void
}

async function stream(upload: StreamUpload, options: StreamOptions, terminal: Terminal): Promise<number> {
  const { name, connection, commandLine, share, echo = false, say } = options
  // Before anything is started: whether there is a server, whether it knows us, and whether the name is free.
  if (await upload.ask())
    throw new CommandFailure(`There is a stream ${escapeText(name)} already`, 'Choose another name.')
  const running = upload.run()
  const outcome = running.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  )
  const url = share === undefined ? connection.url + upload.path : await sharedUrl(upload, connection, share, outcome)
  // What is echoed is the output then.
  if (url !== undefined) await (echo ? terminal.err : terminal.out).write(`${url}\n`)
  const status = await feed(upload, commandLine, echo, terminal)
  upload.end()
  const ended = await outcome
  if ('result' in ended) {
    say(terminal.err.colors.dim(`${formatSize(ended.result.size)} in ${escapeText(name)}`))
    return status
  }
  if (ended.error instanceof StreamGap) say(ended.error.message)
  else await explainFailure(ended.error, terminal.err, 'stream')
  return status === EXIT_OK ? EXIT_FAILED : status
}

/** Writes until the input ends. What a command does must not depend on whether it can be streamed. */
async function feed(
  upload: StreamUpload,
  commandLine: readonly string[],
  echo: boolean,
  terminal: Terminal,
): Promise<number> {
  const { out, err, stdin } = terminal
  let isFailed = false
  const write = async (bytes: Buffer): Promise<void> => {
    if (!isFailed) await upload.write(bytes).catch(() => (isFailed = true))
  }
  if (commandLine.length === 0) {
    const interruption = terminal.interruption()
    interruption.addEventListener('abort', () => stdin.destroy(), { once: true })
    try {
      for await (const bytes of stdin as AsyncIterable<Buffer>) {
        if (echo) await out.write(bytes.toString('latin1'), 'latin1')
        await write(bytes)
        if (isFailed && !echo) break
      }
    } catch (error) {
      if (!interruption.aborted) throw error
    }
    return EXIT_OK
  }
  // Ctrl-C reaches the command as well: its end is ours.
  terminal.interruption()
  const { cwd, env } = terminal
  return runChild(commandLine, {
    cwd,
    env,
    async onOutput(bytes, isError) {
      if (echo) await (isError ? err : out).write(bytes.toString('latin1'), 'latin1')
      await write(bytes)
    },
  })
}

/** `undefined` when it cannot be made: the upload itself tells why, if it is over. */
async function sharedUrl(
  upload: StreamUpload,
  connection: Connection,
  expires: string,
  over: Promise<unknown>,
): Promise<string | undefined> {
  const ended = over.then(() => 'ended')
  while (!(await upload.ask())) if ((await Promise.race([ended, wait(SHARE_POLL_MS)])) === 'ended') return undefined
  const body = [Buffer.from(JSON.stringify({ expires }))]
  const headers = { 'content-type': 'application/json' }
  const { url } = await connection.json<{ url: string }>(`${upload.path}/share`, { method: 'POST', headers, body })
  return url
}

const SHARE_POLL_MS = 50

/** What an address would make another one of; the server says what else is wrong. */
function checkedName(name: string): string {
  if (!name.split('/').some((part) => part === '' || part === '.' || part === '..')) return name
  throw new UsageError(`The name of a stream is a path such as ci/build-42, not ${JSON.stringify(name)}`)
}

function defaultName([program]: readonly string[]): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return `${program === undefined ? hostname() : basename(program)}/${time}-${randomBytes(2).toString('hex')}`
}

function durationMs(flag: string, text: string): number {
  const durationNs = parseDuration(text)
  if (durationNs !== undefined && durationNs > 0n) return Number(durationNs / 1_000_000n)
  throw new UsageError(`--${flag} is a duration such as 30s or 10m, not ${JSON.stringify(text)}`)
}
