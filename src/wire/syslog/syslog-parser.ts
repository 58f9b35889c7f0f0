import { severityFromSyslog } from '../../core/severity.ts'
import { isDigit } from '../lines/byte-kinds.ts'
import { TimePattern } from '../lines/time-pattern.ts'
import { createWallTime } from '../lines/wall-time.ts'
import type { WallClock } from '../lines/wall-clock.ts'
import type { FieldRow } from '../transcode/field-row.ts'
import { readLevel } from '../transcode/level.ts'
import type { RowFound } from '../transcode/row-writer.ts'
import { readStructuredData } from './structured-data.ts'

const FACILITIES =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
const FACILITY_NAMES: readonly string[] = FACILITIES.split(' ')

/** Attributes of a syslog message. */
export const SYSLOG_NAMES = ['syslog.facility', 'process.pid', 'syslog.msgid'] as const

/** Times of RFC 3164 and of the daemons that have come since. */
const TIMES: readonly TimePattern[] = [
  new TimePattern('%b %e %T%E'),
  new TimePattern('%Y-%m-%dT%T%E%O'),
  new TimePattern('%b %e %Y %T%E'),
  new TimePattern('%Y-%m-%d %T%E%O'),
]
const ISO_TIME = TIMES[1] as TimePattern
/** Longest tag of RFC 3164 programs that is believed to be one. */
const TAG_BYTES_MAX = 64
/** A host's name is no longer than this (RFC 1035). */
const HOST_BYTES_MAX = 255

const SPACE = 0x20

/** What a message looks like. */
export type SyslogKind = 'rfc5424' | 'rfc3164' | 'none'

/**
 * One syslog message, after RFC 5424 or RFC 3164, → fields of a row. Whatever cannot be understood stays in the
 * message: nothing is rejected and nothing lost.
 */
export class SyslogParser {
  /** What was found beside the fields. */
  readonly found: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0 }
  /** Whether it has the name of a program followed by a colon (or, in RFC 5424, any). */
  hasTag = false
  readonly #time = createWallTime()
  /** Which of the forms the last time had. */
  #form = 0

  /** `row.begin` has taken the line. Fills it. */
  read(row: FieldRow, clock: WallClock): SyslogKind {
    const { found } = this
    found.seconds = Number.NaN
    found.nanoseconds = 0
    found.severity = 0
    this.hasTag = false
    const { bytes, start, end } = row
    const afterPriority = this.#priority(row)
    if (afterPriority > start && bytes[afterPriority] === 0x31 && bytes[afterPriority + 1] === SPACE) {
      if (this.#rfc5424(row, afterPriority + 2, clock)) return 'rfc5424'
    }
    const isDated = this.#rfc3164(row, afterPriority, end, clock)
    return isDated || afterPriority > start ? 'rfc3164' : 'none'
  }

  /** `<34>`: facility and severity. Where it ended. */
  #priority(row: FieldRow): number {
    const { bytes, start, end } = row
    if (bytes[start] !== 0x3c || start >= end) return start
    let at = start + 1
    let value = 0
    for (; at < end && at < start + 4 && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] as number) - 0x30
    if (bytes[at] !== 0x3e || at >= end || at === start + 1 || value > 191) return start
    this.found.severity = severityFromSyslog(value & 7) ?? 0
    const name = row.append(FACILITY_NAMES[value >> 3] ?? '')
    row.attribute('syslog.facility', name, row.appended)
    return at + 1
  }

  /** From the timestamp on. False, with nothing told but the priority, when it is not in this form. */
  #rfc5424(row: FieldRow, from: number, clock: WallClock): boolean {
    const { bytes, end } = row
    const time = wordEnd(bytes, from, end)
    const host = wordEnd(bytes, time + 1, end)
    const app = wordEnd(bytes, host + 1, end)
    const process = wordEnd(bytes, app + 1, end)
    const id = wordEnd(bytes, process + 1, end)
    if (id >= end && bytes[end - 1] !== 0x2d) return false
    const hasTime = ISO_TIME.match(bytes, from, time, this.#time) === time && clock.read(this.#time)
    if (!hasTime && !isNil(bytes, from, time)) return false
    const { count } = row.table
    const afterData = readStructuredData(row, id + 1)
    if (afterData < 0) {
      row.table.count = count
      return false
    }
    if (hasTime) this.#takeTime(clock)
    if (!isNil(bytes, time + 1, host)) row.field('host', time + 1, host)
    if (!isNil(bytes, host + 1, app)) row.field('service', host + 1, app)
    if (!isNil(bytes, app + 1, process)) row.attribute('process.pid', app + 1, process)
    if (!isNil(bytes, process + 1, id)) row.attribute('syslog.msgid', process + 1, id)
    this.hasTag = true
    let message = afterData
    if (row.bytes[message] === SPACE && message < end) message++
    // A byte order mark says that the message is UTF-8, which it is.
    if (row.bytes[message] === 0xef && row.bytes[message + 1] === 0xbb && row.bytes[message + 2] === 0xbf) message += 3
    row.field('message', Math.min(message, end), end)
    return true
  }

  /** `Jun 14 15:16:01 host tag[pid]: message`, each part if it is there. Whether it has a time. */
  #rfc3164(row: FieldRow, from: number, end: number, clock: WallClock): boolean {
    const { bytes } = row
    let at = this.#date(bytes, from, end, clock)
    const isDated = at > from
    if (isDated) {
      this.#takeTime(clock)
      while (at < end && bytes[at] === SPACE) at++
      const host = hostEnd(bytes, at, end)
      if (host > at) {
        row.field('host', at, host)
        at = host
        while (at < end && bytes[at] === SPACE) at++
      }
    }
    if (isDated || from > row.start) at = this.#tag(row, at, end)
    row.field('message', at, end)
    if (this.found.severity === 0) this.found.severity = readLevel(bytes, at, end)
    return isDated
  }

  /** Where the time ends that begins at `from`, `from` when none does. */
  #date(bytes: Buffer, from: number, end: number, clock: WallClock): number {
    // Cisco marks a clock that is not set, or not sure.
    const at = bytes[from] === 0x2a || bytes[from] === 0x2e ? from + 1 : from
    for (let tries = 0; tries < TIMES.length; tries++) {
      const pattern = TIMES[this.#form] as TimePattern
      const after = pattern.match(bytes, at, end, this.#time)
      const isWhole = after >= end || bytes[after] === SPACE || bytes[after] === 0x3a
      if (after >= 0 && isWhole && clock.read(this.#time)) return bytes[after] === 0x3a ? after + 1 : after
      // A sender stays with its form.
      this.#form = this.#form + 1 === TIMES.length ? 0 : this.#form + 1
    }
    return from
  }

  /** `sshd[123]: `, `sshd: `, `%ASA-6-302013: `. Where the message begins. */
  #tag(row: FieldRow, from: number, end: number): number {
    const { bytes } = row
    const limit = Math.min(end, from + TAG_BYTES_MAX)
    let at = from
    while (at < limit && KINDS[bytes[at] as number] !== OTHER_BYTE) at++
    if (at === from) return from
    const tagEnd = at
    let pid = 0
    if (bytes[at] === 0x5b && at < end) {
      pid = ++at
      while (at < limit && bytes[at] !== 0x5d && bytes[at] !== SPACE) at++
      if (bytes[at] !== 0x5d || at >= end) return from
      at++
    }
    if (at >= end || bytes[at] !== 0x3a) return from
    if (pid > 0) row.attribute('process.pid', pid, at - 1)
    row.field('service', from, tagEnd)
    this.hasTag = true
    at++
    return at < end && bytes[at] === SPACE ? at + 1 : at
  }

  #takeTime(clock: WallClock): void {
    this.found.seconds = clock.seconds
    this.found.nanoseconds = clock.nanoseconds
  }
}

/** The end of the word at `at`. */
function wordEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end && bytes[at] !== SPACE) at++
  return Math.min(at, end)
}

function isNil(bytes: Buffer, from: number, to: number): boolean {
  return to <= from || (to === from + 1 && bytes[from] === 0x2d)
}

/** The end of a host name or address; `at` when the word is something else, such as a tag. */
function hostEnd(bytes: Buffer, at: number, end: number): number {
  const after = wordEnd(bytes, at, Math.min(end, at + HOST_BYTES_MAX))
  if (after >= end || bytes[after] !== SPACE || bytes[after - 1] === 0x3a) return at
  for (let i = at; i < after; i++) if ((KINDS[bytes[i] as number] as number) < HOST_BYTE) return at
  return after
}

const OTHER_BYTE = 0
/** What programs use in their names: anything but white space, brackets, colons, quotes and control characters. */
const TAG_BYTE = 1
/** The same without parentheses. */
const HOST_BYTE = 2
const KINDS = new Uint8Array(256).fill(HOST_BYTE)
KINDS.fill(OTHER_BYTE, 0, SPACE + 1)
for (const byte of Buffer.from(':[]"=,')) KINDS[byte] = OTHER_BYTE
for (const byte of Buffer.from('()')) KINDS[byte] = TAG_BYTE
