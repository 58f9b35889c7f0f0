import { Console } from 'node:console'
import type { LogdLevel } from '../../wire/logd/fields.ts'
import { LEVELS, LOGD_PORT } from '../../wire/logd/fields.ts'
import type { LogdMessage } from '../../wire/logd/message.ts'
import { formatTimestamp } from '../../core/time.ts'
import { contentOf, type LogdContent } from './content.ts'
import { sealerOf, type LogdCredentials } from './credentials.ts'
import { PacketClock } from './packet-clock.ts'
import { PacketSender } from './packet-sender.ts'
import { payloadsOf } from './parts.ts'
import { TokenBucket, type RateLimit } from './token-bucket.ts'

export interface LoggerOptions extends LogdCredentials {
  /** 127.0.0.1 unless given. A name is looked up once, and again after errors. */
  host?: string | undefined
  /** 6102 unless given. */
  port?: number | undefined
  /** Where messages belong: `/prod/shop`. Begins with a slash; the original wants two names at least. */
  key: string
  /** Messages below are not sent. */
  level?: Exclude<LogdLevel, 'unknown'> | undefined
  /** Whether each message is shown on stdout as well. */
  stdout?: boolean | undefined
  /** Messages beyond are not sent, but counted, and told of in a message of their own. No limit unless given. */
  rateLimit?: RateLimit | undefined
  /**
   * Longest datagram; longer messages are sent in numbered parts. 1400 unless given, which fits into Ethernet frames and the read buffers
   * of most versions of logd (from 0.15.94 to 0.15.99 it has 1024). Tailrace takes up to 65507.
   */
  packetBytesMax?: number | undefined
  /** For messages that wait for the host's name or for their turn. 8 MiB unless given. */
  queueBytesMax?: number | undefined
}

/** Everything that became of the messages so far, in this logger and its children. */
export interface LoggerStats {
  /** Calls that were to be sent: not those below the level. */
  messages: number
  /** Datagrams that the kernel took, and their bytes. Nobody knows which of them arrived. */
  sent: number
  sentBytes: number
  /** Datagrams that wait. */
  queued: number
  /** Messages that were sent in parts. */
  split: number
  /** How often the other side said that nothing listens there. */
  refused: number
  /** What was not sent, by reason. All but `failed` (datagrams) count messages. */
  dropped: {
    rateLimit: number
    queueFull: number
    tooLarge: number
    /** Not a message: a text that is no string, a time that is no bigint. */
    invalid: number
    closed: number
    failed: number
  }
}

/** One method per level: a format and values as of `util.format`, an object first or last. None of them throws. */
export interface Logger {
  readonly key: string
  trace(...args: unknown[]): void
  debug(...args: unknown[]): void
  info(...args: unknown[]): void
  warn(...args: unknown[]): void
  error(...args: unknown[]): void
  fatal(...args: unknown[]): void
  /** A message with everything said. Its time is now unless it has one. */
  write(level: LogdLevel, content: LogdContent & { timeNs?: bigint }): void
  /** Writes under a longer key: `/http` or `http`. Shares everything else. */
  child(suffix: string | number): Logger
  /** Resolves when everything so far is handed to the kernel, or after `timeoutMs` (2 s). */
  flush(timeoutMs?: number): Promise<void>
  /** Flushes, then frees the socket, for the children as well. Not needed before the process ends. */
  close(): Promise<void>
  stats(): LoggerStats
}

/** Servers take no longer ones. */
const KEY_BYTES_MAX = 1024
const PACKET_BYTES = 1400
const PACKET_BYTES_LEAST = 256
const PACKET_BYTES_MOST = 65_507
const QUEUE_BYTES = 8 * 1024 * 1024
const FLUSH_MS = 2000
/** Messages about messages that were not sent come no faster. */
const NOTICE_MS = 1000

/** Throws TypeError for options that cannot work; from then on nothing does. */
export function createLogger(options: LoggerOptions): Logger {
  const key = options.key
  if (typeof key !== 'string' || !/^\/[^/]/.test(key)) throw new TypeError('logd: key begins with a slash: /prod/shop')
  if (isTooLong(key)) throw new TypeError(`logd: key has at most ${KEY_BYTES_MAX} bytes`)
  return loggerOf(new Channel(options), key)
}

function loggerOf(channel: Channel, key: string): Logger {
  const at =
    (level: LogdLevel) =>
    (...args: unknown[]): void =>
      channel.log(level, key, args)
  return {
    key,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    write: (level, content) => channel.write(level, key, content),
    child: (suffix) => loggerOf(channel, childKey(key, String(suffix))),
    flush: (timeoutMs) => channel.flush(timeoutMs),
    close: () => channel.close(),
    stats: () => channel.stats(),
  }
}

function isTooLong(key: string): boolean {
  // Most keys need not be counted.
  return key.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(key) > KEY_BYTES_MAX
}

function childKey(key: string, suffix: string): string {
  return `${key.replace(/\/+$/, '')}/${suffix.replace(/^\/+/, '')}`
}

/** What a logger and its children share. */
class Channel {
  readonly #sender: PacketSender
  readonly #clock = new PacketClock()
  readonly #bucket: TokenBucket | undefined
  readonly #console: Console | undefined
  readonly #levelMin: number
  readonly #payloadBytesMax: number
  readonly #dropped = { rateLimit: 0, queueFull: 0, tooLarge: 0, invalid: 0, closed: 0 }
  #messages = 0
  #split = 0
  #isClosed = false
  /** Drops that no message has told of. */
  #untold = 0
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(options: LoggerOptions) {
    const { host = '127.0.0.1', port = LOGD_PORT, level = 'trace', rateLimit, stdout } = options
    const bytesMax = options.packetBytesMax ?? PACKET_BYTES
    const queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES
    const seal = sealerOf(options, 'write')
    checkRange('port', port, 1, 65_535)
    checkRange('packetBytesMax', bytesMax, PACKET_BYTES_LEAST, PACKET_BYTES_MOST)
    checkRange('queueBytesMax', queueBytesMax, 1, Number.MAX_SAFE_INTEGER)
    if (rateLimit && !(rateLimit.perSecond > 0 && (rateLimit.burst ?? 1) >= 1)) {
      throw new TypeError('logd: rateLimit has a perSecond above 0 and a burst from 1 on')
    }
    this.#levelMin = LEVELS.indexOf(level)
    if (this.#levelMin < 1) throw new TypeError(`logd: level is one of ${LEVELS.slice(1).join(', ')}`)
    this.#bucket = rateLimit && new TokenBucket(rateLimit, performance.now())
    // Its own, so that a program that sends what its console says here does not go round in circles.
    this.#console = stdout === true ? new Console({ stdout: process.stdout, ignoreErrors: true }) : undefined
    this.#payloadBytesMax = bytesMax - seal(new Uint8Array(), 0n).length
    this.#sender = new PacketSender({ host, port, seal, clock: this.#clock, queueBytesMax })
  }

  log(level: LogdLevel, key: string, args: readonly unknown[]): void {
    if (this.#isBelow(level)) return
    let content: LogdContent
    try {
      content = contentOf(args)
    } catch (error) {
      // A getter, a toString or a toJSON of what was to be logged has thrown.
      content = { text: `[what was to be said here cannot be shown: ${reasonOf(error)}]` }
    }
    this.write(level, key, content)
  }

  write(level: LogdLevel, key: string, content: LogdContent & { timeNs?: bigint }): void {
    if (this.#isBelow(level)) return
    try {
      this.#write({ timeNs: this.#clock.nowNs(), ...content, level, key })
    } catch {
      // Only what is no message at all gets here.
      this.#drop('invalid')
    }
  }

  #isBelow(level: LogdLevel): boolean {
    return level !== 'unknown' && LEVELS.indexOf(level) < this.#levelMin
  }

  #write(message: LogdMessage): void {
    if (typeof message.text !== 'string') throw new TypeError('a text')
    this.#messages++
    this.#console?.log(lineOf(message))
    if (this.#isClosed) return this.#drop('closed')
    const nowMs = performance.now()
    if (this.#bucket?.take(nowMs) === false) return this.#drop('rateLimit')
    if (this.#untold > 0 && nowMs - this.#toldAtMs > NOTICE_MS) this.#tell(message.key, nowMs)
    const payloads = payloadsOf(message, this.#payloadBytesMax)
    if (payloads.length === 0 || isTooLong(message.key)) return this.#drop('tooLarge')
    if (payloads.length > 1) this.#split++
    for (const payload of payloads) {
      if (!this.#sender.enqueue(payload)) return this.#drop('queueFull')
    }
  }

  #drop(reason: Exclude<keyof LoggerStats['dropped'], 'failed'>): void {
    this.#dropped[reason]++
    this.#untold++
  }

  /** Who reads the log learns that something is missing. */
  #tell(key: string, nowMs: number): void {
    const text = `${this.#untold} messages before this one were not sent`
    const [payload] = payloadsOf({ timeNs: this.#clock.nowNs(), level: 'warn', key, text }, this.#payloadBytesMax)
    if (!payload || !this.#sender.enqueue(payload)) return
    this.#untold = 0
    this.#toldAtMs = nowMs
  }

  flush(timeoutMs = FLUSH_MS): Promise<void> {
    return this.#sender.flush(timeoutMs)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.flush()
    this.#sender.close()
  }

  stats(): LoggerStats {
    const { sent, sentBytes, failed, refused, queued } = this.#sender.figures
    return {
      messages: this.#messages,
      sent,
      sentBytes,
      queued,
      split: this.#split,
      refused,
      dropped: { ...this.#dropped, failed },
    }
  }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new TypeError(`logd: ${name} is a whole number from ${least} to ${most}, not ${value}`)
}

function reasonOf(error: unknown): string {
  try {
    return String(error)
  } catch {
    // What was thrown cannot be shown either.
    return 'no reason'
  }
}

/** What `stdout` shows: one line, and the stack trace below it. */
function lineOf({ timeNs = 0n, level, key, text, stackTrace }: LogdMessage): string {
  const trace = stackTrace === undefined ? '' : `\n${stackTrace}`
  return `${formatTimestamp(timeNs)} ${level.toUpperCase().padEnd(5)} ${key} ${text}${trace}`
}
