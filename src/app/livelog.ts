/** `tailrace livelog`: the original program, by environment alone. docs/sources/livestream.md#livelog */
import { timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { AppError } from '../core/errors.ts'
import { parseDuration } from '../core/time.ts'
import type { TlsMaterial } from '../net/tls.ts'
import { digestOf } from '../sources/livestream/log-door.ts'
import { denied, getHandler, putHandler } from '../sources/livestream/log-http.ts'
import { openLogServer, type LogServer } from '../sources/livestream/log-server.ts'
import { OneLog } from '../sources/livestream/one-log.ts'
import { LAG_BYTES_MAX } from '../sources/livestream/settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

const PUT_PORT = 60_022
const GET_PORT = 60_023
const LOOPBACK = '127.0.0.1'
/** How long a GET waits for the first PUT unless told otherwise. */
const GET_WAIT = '10s'
const READER_IDLE_MS = 3_600_000
const CLOSE_MS_MAX = 1000
const REASONS = {
  idle: 'A reader that took nothing for an hour was cut off',
  slow: 'A reader that fell too far behind was dropped',
}

export interface Livelog {
  putAddress: string
  getAddress: string
  close(): Promise<void>
}

/** What is wrong, and the code that the original ends with. */
export class LivelogFailure extends Error {
  override readonly name = 'LivelogFailure'
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Resolves when both ports listen; throws LivelogFailure. */
export async function openLivelog(env: Environment, say: (text: string) => void): Promise<Livelog> {
  const putPort = portOf(env, 'LIVELOG_PUT_PORT', PUT_PORT, 64)
  const getPort = portOf(env, 'LIVELOG_GET_PORT', GET_PORT, 66)
  const waitMs = waitOf(env)
  const lagBytesMax = lagOf(env)
  const tls = tlsOf(env, say)
  const log = new OneLog(env['LIVELOG_TEMP_DIR'] || undefined)
  const get = getHandler(getDoor(env, log, { waitMs, lagBytesMax, say }))
  const put = putHandler(() => log.take())
  const opened: LogServer[] = []
  const close = async (): Promise<void> => {
    log.close()
    await Promise.all(opened.map((server) => server.close(CLOSE_MS_MAX)))
  }
  try {
    const putServer = await openLogServer({ host: env['LIVELOG_PUT_HOST'] || LOOPBACK, port: putPort }, put)
    opened.push(putServer)
    const getServer = await openLogServer({ host: env['LIVELOG_GET_HOST'] ?? '', port: getPort, tls }, get)
    opened.push(getServer)
    return { putAddress: putServer.address, getAddress: getServer.address, close }
  } catch (error) {
    await close()
    if (error instanceof AppError) throw new LivelogFailure(1, error.message)
    throw error
  }
}

function getDoor(
  env: Environment,
  log: OneLog,
  { waitMs, lagBytesMax, say }: { waitMs: number; lagBytesMax: number; say: (text: string) => void },
): Parameters<typeof getHandler>[0] {
  const token = digestOf(env['ACCESS_TOKEN'] ?? '')
  return {
    hasCors: true,
    limits: { readerIdleMs: READER_IDLE_MS, lagBytesMax },
    onDropped: (reason) => say(REASONS[reason]),
    admit(_request, shown) {
      if (timingSafeEqual(digestOf(shown), token)) return {}
      throw denied()
    },
    async find({ method }, response) {
      const over = new AbortController()
      const timer = setTimeout(() => over.abort(), method === 'HEAD' ? 0 : waitMs)
      response.once('close', () => over.abort())
      try {
        return await log.find(over.signal)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** As the original reads it: an empty variable counts as none. */
function portOf(env: Environment, name: string, otherwise: number, exitCode: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  if (!/^[+-]?\d+$/.test(text)) throw new LivelogFailure(exitCode, `env var ${name} is not a number (${text})`)
  const port = Number(text)
  if (port >= 0 && port <= 65_535) return port
  throw new LivelogFailure(exitCode + 1, `env var ${name} is not between [0, 65535] (${text})`)
}

function waitOf(env: Environment): number {
  const text = env['LIVELOG_GET_WAIT'] || GET_WAIT
  const ns = text === '0' ? 0n : parseDuration(text)
  if (ns !== undefined) return Number(ns / 1_000_000n)
  throw new LivelogFailure(2, `env var LIVELOG_GET_WAIT is not a duration such as 10s, or 0 (${text})`)
}

function lagOf(env: Environment): number {
  const text = env['LIVELOG_SLOW_READERS'] || 'disk'
  if (text === 'disk') return Infinity
  if (text === 'drop') return LAG_BYTES_MAX
  throw new LivelogFailure(2, `env var LIVELOG_SLOW_READERS is not disk or drop (${text})`)
}

function tlsOf(env: Environment, say: (text: string) => void): TlsMaterial | undefined {
  const { SERVER_CRT_FILE: certFile = '', SERVER_KEY_FILE: keyFile = '' } = env
  if (certFile === '' && keyFile === '') return undefined
  if (certFile === '' || keyFile === '') {
    say('Only one of SERVER_CRT_FILE and SERVER_KEY_FILE is set: the log is served without TLS')
    return undefined
  }
  try {
    const material = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
    createSecureContext(material)
    return material
  } catch (error) {
    throw new LivelogFailure(1, `SERVER_CRT_FILE and SERVER_KEY_FILE cannot be used: ${(error as Error).message}`)
  }
}

/** Runs until SIGTERM or SIGINT, of which it then dies as the original does. Resolves with the exit code of a failure. */
export async function runLivelog(env: Environment, say: (text: string) => void): Promise<number> {
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
  let livelog: Livelog
  try {
    livelog = await openLivelog(env, say)
  } catch (error) {
    if (!(error instanceof LivelogFailure)) throw error
    say(error.message)
    return error.exitCode
  }
  say(`PUT http://${livelog.putAddress}/log, GET on ${livelog.getAddress}`)
  const signal = await stopped
  await livelog.close()
  process.kill(process.pid, signal)
  // The signal ends the process before this is over.
  return new Promise(() => undefined)
}
