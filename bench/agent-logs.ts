/** Seeded log files of the forms that agents meet most. The same seed gives the same bytes. */
import { closeSync, openSync, writeSync } from 'node:fs'

export const LOG_FORMATS = ['text', 'syslog', 'json', 'logfmt', 'clf', 'java'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** A file that is larger than this repeats it. */
const BLOCK_BYTES = 16 * 1024 * 1024
const START_MS = Date.UTC(2026, 10, 21, 10)
const LEVELS = ['INFO', 'INFO', 'INFO', 'INFO', 'DEBUG', 'WARN', 'ERROR'] as const
const CLASSES = ['com.example.shop.OrderService', 'com.example.shop.cart.CartFilter', 'org.acme.http.Dispatcher']
const PROGRAMS = ['sshd', 'systemd', 'kernel', 'CRON', 'postfix/smtpd'] as const
const BROWSERS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36',
  'curl/8.5.0',
] as const

/** xorshift32: good enough for log lines. */
function randomSource(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const one = (values: readonly string[], number: number): string => values[number % values.length] ?? ''

function messageOf(a: number, b: number): string {
  switch (a % 4) {
    case 0:
      return `user ${b % 100_000} logged in from 10.${a & 255}.${b & 255}.${(a ^ b) & 255}`
    case 1:
      return `order ${b % 1_000_000} was paid, amount ${a % 500}.${10 + (b % 90)} EUR, in ${a % 900} ms`
    case 2:
      return `cache miss for key session:${b.toString(16)}, loading from database took ${a % 300} ms`
    default:
      return `GET /api/v2/orders/${b % 1_000_000} completed with 200 in ${a % 2000} ms`
  }
}

const FRAMES = 12

/** What each program writes about one moment: a line, or now and then several. */
const WRITERS: Readonly<Record<LogFormat, (ms: number, a: number, b: number) => string>> = {
  text: (ms, a, b) =>
    `${new Date(ms).toISOString()} ${one(LEVELS, a).padEnd(5)} [worker-${b % 16}] ${one(CLASSES, b)} ${messageOf(a, b)}`,
  syslog(ms, a, b) {
    const [, day, month, , time] = new Date(ms).toUTCString().split(' ')
    return `${month} ${day} ${time} web-${b % 50} ${one(PROGRAMS, a)}[${b % 32_768}]: ${messageOf(a, b)}`
  },
  json: (ms, a, b) =>
    JSON.stringify({
      timestamp: new Date(ms).toISOString(),
      level: one(LEVELS, a).toLowerCase(),
      logger: one(CLASSES, b),
      message: messageOf(a, b),
      user_id: `u${b % 20_000}`,
      status: 200 + (a % 300),
      duration_ms: a % 2000,
    }),
  logfmt: (ms, a, b) =>
    `ts=${new Date(ms).toISOString()} level=${one(LEVELS, a).toLowerCase()} caller=store.go:${a % 900} ` +
    `msg="${messageOf(a, b)}" user=u${b % 20_000} status=${200 + (a % 300)} duration_ms=${a % 2000}`,
  clf(ms, a, b) {
    const [, day, month, year, time] = new Date(ms).toUTCString().split(' ')
    return (
      `10.${a & 255}.${b & 255}.7 - - [${day}/${month}/${year}:${time} +0000] "GET /api/v2/orders/${b % 1_000_000} ` +
      `HTTP/1.1" ${200 + (a % 300)} ${b % 90_000} "https://shop.example/cart" "${one(BROWSERS, a)}"`
    )
  },
  java(ms, a, b) {
    const line = `${new Date(ms).toISOString().replace('T', ' ').slice(0, 23)} ${one(LEVELS, a)} ${one(CLASSES, b)} - `
    if (a % 8 > 0) return line + messageOf(a, b)
    const frames = Array.from(
      { length: FRAMES },
      (_, n) => `\tat ${one(CLASSES, a + n)}.call(Call.java:${(b + n) % 900})`,
    )
    return [`${line}the order ${b % 1_000_000} failed`, 'java.lang.IllegalStateException: no stock', ...frames].join(
      '\n',
    )
  },
}

/** Text of about `bytes` bytes that ends with a line end, a millisecond from one event to the next. */
export function logText(format: LogFormat, bytes: number, seed: number): Buffer {
  const random = randomSource(seed)
  const write = WRITERS[format]
  const block = Buffer.allocUnsafe(bytes + 8192)
  let length = 0
  for (let ms = START_MS; length < bytes; ms++)
    length += block.write(`${write(ms, random(), random())}\n`, length, 'latin1')
  return block.subarray(0, length)
}

/** Writes a log file of about `bytes` bytes; returns how many there are. */
export function writeLog(path: string, format: LogFormat, bytes: number, seed: number): number {
  const block = logText(format, Math.min(bytes, BLOCK_BYTES), seed)
  const fd = openSync(path, 'w')
  let written = 0
  try {
    while (written < bytes) written += writeSync(fd, block)
  } finally {
    closeSync(fd)
  }
  return written
}

/** One line of so many bytes. */
export function writeLongLine(path: string, bytes: number): void {
  const block = Buffer.alloc(1024 * 1024, 'all of this is one line, ')
  const fd = openSync(path, 'w')
  try {
    writeSync(fd, '2026-11-21T10:00:00.000Z INFO ')
    for (let left = bytes; left > 0; left -= block.length) writeSync(fd, block, 0, Math.min(left, block.length))
    writeSync(fd, '\n')
  } finally {
    closeSync(fd)
  }
}
