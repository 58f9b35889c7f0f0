import type { FieldRow } from '../transcode/field-row.ts'
import type { RowFound } from '../transcode/row-writer.ts'
import { isDigit } from './byte-kinds.ts'
import { TimePattern } from './time-pattern.ts'
import type { WallClock } from './wall-clock.ts'
import { createWallTime } from './wall-time.ts'

const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const DASH = 0x2d

/** Attributes of a line of an access log. */
export const CLF_NAMES = [
  'client.address',
  'http.user',
  'http.host',
  'http.method',
  'http.path',
  'http.protocol',
  'http.status',
  'http.bytes',
  'http.referer',
  'http.user_agent',
] as const

/**
 * Common and combined Log Format, as Apache and nginx write them, perhaps with more at the end:
 *
 *     10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "referer" "user agent" …
 *
 * The message is the whole line, its parts are attributes.
 */
export class ClfParser {
  readonly found: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }
  readonly #pattern = new TimePattern('%d/%b/%Y:%T %z')
  readonly #time = createWallTime()

  /** `row.begin` has taken the line. False when it is not of this form. */
  read(row: FieldRow, clock: WallClock): boolean {
    const { bytes, start, end } = row
    const host = wordEnd(bytes, start, end)
    // With `%v:%p` in front, as Apache's vhost_combined has it, the client comes second.
    const hasHost = bytes[host + 1] !== DASH && isPort(bytes, start, host)
    const clientStart = hasHost ? host + 1 : start
    const client = hasHost ? wordEnd(bytes, clientStart, end) : host
    const identity = wordEnd(bytes, client + 1, end)
    // A user's name may have spaces in it.
    const bracket = bracketStart(bytes, identity, end)
    if (bracket < 0) return false
    const afterTime = this.#pattern.match(bytes, bracket + 2, end, this.#time)
    if (afterTime < 0 || bytes[afterTime] !== 0x5d || bytes[afterTime + 1] !== SPACE) return false
    const request = afterTime + 3
    if (bytes[request - 1] !== QUOTE || request >= end) return false
    const requestEnd = quotedEnd(bytes, request, end)
    if (requestEnd < 0 || bytes[requestEnd + 1] !== SPACE) return false
    const status = requestEnd + 2
    const statusEnd = wordEnd(bytes, status, end)
    if (statusEnd - status !== 3 || !isDigit(bytes[status])) return false
    if (!clock.read(this.#time)) return false
    this.found.seconds = clock.seconds
    this.found.nanoseconds = clock.nanoseconds
    row.field('message', start, end)
    if (hasHost) row.attribute('http.host', start, host)
    row.attribute('client.address', clientStart, client)
    if (identity < bracket) tell(row, 'http.user', identity + 1, bracket)
    this.#request(row, request, requestEnd)
    row.attribute('http.status', status, statusEnd)
    const size = statusEnd + 1
    const sizeEnd = wordEnd(bytes, size, end)
    if (size < end) tell(row, 'http.bytes', size, sizeEnd)
    const afterReferer = this.#quoted(row, 'http.referer', sizeEnd + 1)
    if (afterReferer > 0) this.#quoted(row, 'http.user_agent', afterReferer + 1)
    return true
  }

  /** `GET /a HTTP/1.0`; anything else, as scanners send it, is the path. */
  #request(row: FieldRow, from: number, to: number): void {
    const { bytes } = row
    const method = wordEnd(bytes, from, to)
    const path = method + 1
    let pathEnd = to
    while (pathEnd > path && bytes[pathEnd] !== SPACE) pathEnd--
    if (method >= to) return tell(row, 'http.path', from, to)
    row.attribute('http.method', from, method)
    if (pathEnd <= path) return tell(row, 'http.path', path, to)
    row.attribute('http.path', path, pathEnd)
    tell(row, 'http.protocol', pathEnd + 1, to)
  }

  /** A part in quotes that begins at `at`. Where it ended, 0 when there is none. */
  #quoted(row: FieldRow, name: (typeof CLF_NAMES)[number], at: number): number {
    const { bytes, end } = row
    if (at >= end || bytes[at] !== QUOTE) return 0
    const close = quotedEnd(bytes, at + 1, end)
    if (close < 0) return 0
    tell(row, name, at + 1, close)
    return close + 1
  }
}

/** An attribute, unless it is empty or a dash. */
function tell(row: FieldRow, name: (typeof CLF_NAMES)[number], from: number, to: number): void {
  if (to <= from || (to === from + 1 && row.bytes[from] === DASH)) return
  row.attribute(name, from, to)
}

/** Where the space before the bracket of the time is. */
function bracketStart(bytes: Buffer, at: number, end: number): number {
  for (; at + 2 < end; at++) if (bytes[at + 1] === 0x5b && bytes[at] === SPACE) return at
  return -1
}

/** Whether a word ends with a colon and digits. */
function isPort(bytes: Buffer, from: number, to: number): boolean {
  let at = to
  while (at > from && isDigit(bytes[at - 1])) at--
  return at < to && at - 1 > from && bytes[at - 1] === 0x3a
}

function wordEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end && bytes[at] !== SPACE) at++
  return Math.min(at, end)
}

function quotedEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    if (bytes[at] === QUOTE) return at
    at += bytes[at] === BACKSLASH ? 2 : 1
  }
  return -1
}
