/**
 * The event logger of an application: `log.error('payment declined', { userId, err })`. Every call appends one line to
 * a folder, with one write to the file system, before it returns: it neither waits for a network nor loses what was
 * logged when the process ends, however it ends. A sender process of its own delivers the lines in order; the server
 * stores each once. Start here; `appender.ts` is the way in, `sender.ts` the way out.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Appender, type FullPolicy } from './appender.ts'
import { createEventClock } from './clock.ts'
import { listFiles, plainName, readSent, writerName } from './folder.ts'
import { contextText, type Context } from './serialise.ts'
import { senderPid } from './sender-lock.ts'
import { readStatus } from './status.ts'
import { superviseSender } from './supervisor.ts'

export type { Context } from './serialise.ts'

export const EVENT_LEVELS = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const
export type EventLevel = (typeof EVENT_LEVELS)[number]

export interface EventLoggerOptions {
  /** The server. */
  url: string
  /** A key with role write. */
  key?: string
  /** Unique name of this application. */
  facility: string
  /** Folder for events on their way; processes may share it. Made if it is not there. */
  dir: string
  /** This machine's name unless given. */
  host?: string
  /** All events in the folder that are on their way; 256 MiB unless given. */
  bytesMax?: number
  /** What goes when there are more: the oldest (`drop-oldest`, unless given) or the new one. Both are counted. */
  policy?: FullPolicy
  /** File with the certificate authority of the server, PEM. */
  ca?: string
  /** SHA-256 of the server's certificate. */
  fingerprint?: string
  /** Whether a sender is started for the folder; without it run `tailrace forward --dir …`. */
  sender?: boolean
}

export interface EventLoggerStats {
  logged: number
  /** Calls whose event is not kept: the folder is full, or cannot be written. */
  refused: number
  /** Bytes of events dropped to make room for newer ones. */
  bytesDropped: number
  lastError: string | null
  /** What the sender of the folder says; `trouble` tells why it cannot deliver. */
  sender: { pid: number; delivered: number; refused: number; trouble: string | null } | null
}

/** Logs an event: a fixed text without variable parts, and what varies as context. False: it is not kept. Never throws. */
export type LogEventCall = (event: string, context?: Context) => boolean

export interface EventLogger extends Readonly<Record<EventLevel, LogEventCall>> {
  log(level: EventLevel, event: string, context?: Context): boolean
  /** Resolves when the server has stored all that was logged until now: true, or false when the time is over. */
  flush(timeoutMs?: number): Promise<boolean>
  /** Ends logging here. What is on its way stays on its way. */
  close(): void
  stats(): EventLoggerStats
}

const BYTES_MAX = 256 * 1024 * 1024
const FILE_BYTES_MAX = 4 * 1024 * 1024
const SUPERVISE_MS = 2000
const FLUSH_MS = 10_000
const FLUSH_LOOK_MS = 20
/** Longer texts are cut: an event is not a file. */
const TEXT_CHARS_MAX = 64 * 1024

export function createEventLogger(options: EventLoggerOptions): EventLogger {
  const { facility, host = hostname(), bytesMax = BYTES_MAX, policy = 'drop-oldest' } = options
  const dir = resolve(options.dir)
  if (facility === '') throw new TypeError('facility is missing: the unique name of the sender')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  // Two loggers of one process may say the same at the same time: these are two events.
  const instance = randomBytes(6).toString('hex')
  const writer = writerName(Date.now(), process.pid, instance)
  const appender = new Appender({ dir, writer, bytesMax, policy, fileBytesMax: FILE_BYTES_MAX })
  const clock = createEventClock(() => Date.now())
  const tail =
    `,"facility":${JSON.stringify(facility)},"host":${JSON.stringify(host)},"process.pid":${process.pid}` +
    `,"service.instance.id":"${instance}"`
  let isClosed = false
  let logged = 0
  let senderError: string | null = null
  const stopSupervising =
    options.sender === false
      ? () => undefined
      : superviseSender({
          dir,
          env: senderVariables(options),
          everyMs: SUPERVISE_MS,
          onFailure: (reason) => (senderError = reason),
        })

  function log(level: EventLevel, event: string, context?: Context): boolean {
    if (isClosed) return false
    // From JavaScript anything may come.
    const text = (typeof event === 'string' ? event : JSON.stringify(event ?? 'undefined')).slice(0, TEXT_CHARS_MAX)
    const extra = context === undefined ? '' : contextText(context)
    const time = clock.next()
    const { setBackTo } = clock
    const claim = setBackTo === undefined ? '' : `,"clock.set_back":"${setBackTo}"`
    const isKept = appender.append(
      `{"timestamp":"${time}","level":"${level}","event":${JSON.stringify(text)}${tail}${claim}${extra}}\n`,
    )
    if (isKept) logged++
    return isKept
  }

  const calls = Object.fromEntries(
    EVENT_LEVELS.map((level): [EventLevel, LogEventCall] => [level, (event, context) => log(level, event, context)]),
  ) as Record<EventLevel, LogEventCall>
  return {
    ...calls,
    log,
    flush: (timeoutMs = FLUSH_MS) => flushed(dir, writer, appender.position, timeoutMs),
    close() {
      if (isClosed) return
      isClosed = true
      stopSupervising()
      appender.close()
    },
    stats() {
      const { refused, bytesDropped, lastError } = appender.stats
      const status = readStatus(dir)
      const pid = senderPid(dir)
      const sender =
        status && pid !== undefined
          ? { pid, delivered: status.delivered, refused: status.refused, trouble: status.trouble }
          : null
      return { logged, refused, bytesDropped, lastError: lastError ?? senderError, sender }
    },
  }
}

function senderVariables({ url, key, ca, fingerprint }: EventLoggerOptions): Record<string, string | undefined> {
  return {
    TAILRACE_URL: url,
    TAILRACE_KEY: key,
    TAILRACE_CA: ca === undefined ? undefined : resolve(ca),
    TAILRACE_FINGERPRINT: fingerprint,
  }
}

/** Waits until all of this writer's files up to the position are sent. */
async function flushed(
  dir: string,
  writer: string,
  position: { name: string; bytes: number } | undefined,
  timeoutMs: number,
): Promise<boolean> {
  if (!position) return true
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const own = listFiles(dir).filter((file) => file.writer === writer)
    const sent = readSent(dir)
    const isDone = own.every(({ name }) => {
      const plain = plainName(name)
      if (plain > position.name) return true
      // An older file that is still there is not sent whole: the sender deletes what it has sent.
      if (plain < position.name) return false
      return (sent.get(plain) ?? 0) >= position.bytes
    })
    if (isDone) return true
    if (performance.now() >= endMs) return false
    await delay(FLUSH_LOOK_MS)
  }
}
