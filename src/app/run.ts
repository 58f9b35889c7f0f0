import pico from 'picocolors'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { formatSize } from '../core/units.ts'
import { loadConfig, type Config, type ConfigInput } from './config.ts'
import { createLogger } from './log.ts'
import { startServer, type RunningServer } from './server.ts'

/** The end of an orderly stop: what has not ended by then is cut off. Below the 10 s that supervisors grant. */
const STOP_MS_MAX = 9000

/**
 * `tailrace serve`: loads the configuration, starts the server, prints the ready line on stdout and stays until
 * SIGTERM or SIGINT. Resolves with the exit code.
 */
export async function runServer(input: ConfigInput): Promise<number> {
  let config: Config
  try {
    config = loadConfig(input)
  } catch (error) {
    return complain(error)
  }
  const logger = createLogger(config.logLevel)
  for (const warning of config.warnings) logger.warn({}, warning)
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(kind, (error: unknown) => {
      logger.error({ err: error }, 'The server cannot go on: its state is in doubt')
      process.exit(1)
    })
  }
  const kept = config.storage === 'memory' ? '' : '; what was acknowledged is on disk'
  const stopped = stopSignal(logger, kept)
  let server: RunningServer | undefined
  // Without a listener the signal would end the process.
  process.on('SIGHUP', () => {
    const what = server?.tls() ? 'looking at the TLS certificate again' : 'nothing to reload'
    logger.info({}, `SIGHUP: ${what}`)
    void server?.reload()
  })
  try {
    server = await startServer(config, logger, showFirstKey)
  } catch (error) {
    return complain(error)
  }
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: server.url, listeners: server.listeners(), pid: process.pid })}\n`,
  )
  if (process.stderr.isTTY) process.stderr.write(welcome(server, config))
  else logger.info(readyFields(server, config), 'Ready')
  const signal = await stopped
  logger.info({ signal }, 'Stopping: finishing what was accepted')
  const deadline = setTimeout(() => {
    logger.error({}, `Stopping took too long${kept}`)
    process.exit(0)
  }, STOP_MS_MAX)
  await server.close()
  clearTimeout(deadline)
  logger.info({}, 'Stopped')
  return 0
}

/** Signals this soon after the first are the same wish: npm passes on a Ctrl-C that the terminal has sent already. */
const SAME_WISH_MS = 1000

/** Resolves with the first SIGTERM or SIGINT. A later second one ends the process at once; `kept` says what is not lost. */
function stopSignal(logger: Logger, kept: string): Promise<string> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        firstAtMs ??= performance.now()
        if (performance.now() - firstAtMs > SAME_WISH_MS) {
          logger.warn({ signal }, `Stopped at once${kept}`)
          process.exit(1)
        }
        resolve(signal)
      })
    }
  })
}

/** Not through the log, whose lines travel: for the person who looks at the very first start. */
function showFirstKey(key: string): void {
  const lines = [
    'Others can reach this server, so it takes a key. This one may do everything; it is shown this once:',
    '',
    `  ${pico.bold(key)}`,
    '',
    pico.dim('Commands take it from the variable TAILRACE_KEY; `tailrace keys create` makes further ones.'),
  ]
  process.stderr.write(`\n${lines.join('\n')}\n\n`)
}

function complain(error: unknown): number {
  if (!(error instanceof AppError)) throw error
  process.stderr.write(`${pico.red('error')} ${error.title} (${error.code})\n${error.detail ?? ''}\n`)
  if (error.hint) process.stderr.write(`${pico.dim(error.hint)}\n`)
  return error.code === 'CONFIG_INVALID' ? 2 : 1
}

/** Without the password that a URL may bear. */
function kindOfStore({ storage, store }: Config): string {
  if (storage === 'memory') return storage
  return store === 'embedded' ? store : new URL(store).host
}

function readyFields(server: RunningServer, config: Config): object {
  const { fingerprint } = server.tls() ?? {}
  const { url, version } = server
  return { url, ...(fingerprint && { fingerprint }), data: config.data, store: kindOfStore(config), version }
}

function dataText({ storage, data, live }: Config): string {
  if (storage === 'disk') return data
  return `in memory alone, up to ${formatSize(live.ringsBytesMax)}: gone when the server stops`
}

/** Where commands look for a server unless they are told. */
const CLIENT_URL = 'http://127.0.0.1:7575'

/** What the commands below need in another terminal. In a clone there is no command of that name yet. */
function firstCommands(tls: ReturnType<RunningServer['tls']>, url: string): string[] {
  const [, script = ''] = process.argv
  return [
    ...(script.endsWith('.js') ? [`alias tailrace="node ${script}"`] : []),
    ...(url === CLIENT_URL ? [] : [`export TAILRACE_URL=${url}`]),
    ...(tls?.kind === 'self-signed' ? [`export TAILRACE_FINGERPRINT=${tls.fingerprint}`] : []),
  ]
}

/** An address that listens everywhere leads nowhere in many browsers. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

function welcome(server: RunningServer, config: Config): string {
  const tls = server.tls()
  const url = reachable(server.url)
  const lines = [
    '',
    `  ${pico.bold('Tailrace')} ${server.version} is ready: open ${pico.cyan(url)} in a browser`,
    `  ${pico.dim('data')}   ${dataText(config)}`,
    ...(tls ? [`  ${pico.dim('cert')}   SHA-256 ${tls.fingerprint}`] : []),
    '',
    ...firstCommands(tls, url).map((text, index) => `  ${index === 0 ? pico.dim('first') : '     '}  ${text}`),
    `  ${pico.dim('try')}    tailrace demo --past 1h`,
    `  ${pico.dim('send')}   cat app.log | tailrace send --service app`,
    `  ${pico.dim('watch')}  tailrace tail`,
    `  ${pico.dim('find')}   tailrace query 'level:>=warn' --since 1h`,
    `  ${pico.dim('stop')}   Ctrl-C`,
    '',
  ]
  return `${lines.join('\n')}\n`
}
