/** Logs as eight systems write them, a few days of each: every line is an event, with the time and level that are in it. */
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { place } from './testing/place.ts'

interface Shape {
  first: string
  /** Between two lines. */
  stepMs: number
  line: (at: Date, number: number) => string
  /** How exact the times in its lines are. */
  unitMs: 1 | 1000
  /** When the file was written to last; needed where lines have no year. */
  written?: string
  message?: (line: string) => string
}

const LINES = 500
const LEVELS = ['INFO', 'WARN', 'ERROR'] as const
const SEVERITIES = [9, 13, 17]
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

const two = (value: number, pad = '0'): string => String(value).padStart(2, pad)
const day = (at: Date): string => `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
const month = (at: Date): string => MONTHS[at.getUTCMonth()] ?? ''
const clock = (at: Date): string => at.toISOString().slice(11, 19)
const ms = (at: Date): string => at.toISOString().slice(20, 23)
const plain = (text: string): string => text.replaceAll(/[-:]/g, '').slice(-6)
const level = (number: number): string => LEVELS[number % 3] ?? ''
const syslog = (at: Date): string => `${month(at)} ${two(at.getUTCDate(), ' ')} ${clock(at)}`

const shapes: Record<string, Shape> = {
  apache: {
    first: '2024-02-28T23:10:02Z',
    stepMs: 61_000,
    unitMs: 1000,
    line: (at, number) =>
      `[${DAYS[at.getUTCDay()]} ${month(at)} ${two(at.getUTCDate())} ${clock(at)} ${at.getUTCFullYear()}] ` +
      `[${level(number).toLowerCase()}] worker ${number} in state 6`,
  },
  hdfs: {
    first: '2009-12-31T22:36:15Z',
    stepMs: 47_000,
    unitMs: 1000,
    line: (at, number) =>
      `${plain(day(at))} ${plain(clock(at))} ${number} ${level(number)} node.Responder: block blk_-${number * 7919} from /10.0.0.1:50010`,
  },
  hadoop: {
    first: '2015-10-18T18:01:47.978Z',
    stepMs: 3333,
    unitMs: 1,
    line: (at, number) =>
      `${day(at)} ${clock(at)},${ms(at)} ${level(number)} [Reader #1 for port ${number}] org.example.ipc.Client: retry ${number}, 2014-01-01 00:00:00 was before`,
  },
  linux: {
    first: '2025-06-28T15:16:01Z',
    stepMs: 977_000,
    unitMs: 1000,
    written: '2025-11-02T00:00:00Z',
    line: (at, number) => `${syslog(at)} box sshd(pam_unix)[${19_939 + number}]: check ${number}; user unknown`,
    message: (line) => line.slice(line.indexOf(': ') + 2),
  },
  openssh: {
    first: '2025-12-30T06:55:46Z',
    stepMs: 401_000,
    unitMs: 1000,
    written: '2026-01-03T10:00:00Z',
    line: (at, number) => `${syslog(at)} lab sshd[${24_200 + number}]: Invalid user u${number} from 10.0.0.9`,
    message: (line) => line.slice(line.indexOf(': ') + 2),
  },
  openstack: {
    first: '2017-05-16T00:00:00.008Z',
    stepMs: 1721,
    unitMs: 1,
    line: (at, number) =>
      `api.log.1.2017-05-16_13:53:08 ${day(at)} ${clock(at)}.${ms(at)} ${25_746 + number} ${level(number)} api.wsgi [req-${number} - - -] 10.0.0.1 "GET /v2 HTTP/1.1" status: 200`,
  },
  spark: {
    first: '2017-06-09T20:10:40Z',
    stepMs: 1000,
    unitMs: 1000,
    line: (at, number) =>
      `${day(at).slice(2).replaceAll('-', '/')} ${clock(at)} ${level(number)} executor.Executor: task ${number}.0 in stage 29.0`,
  },
  zookeeper: {
    first: '2015-07-29T17:41:44.747Z',
    stepMs: 86_399_999 / 24,
    unitMs: 1,
    line: (at, number) =>
      `${day(at)} ${clock(at)},${ms(at)} - ${level(number).padEnd(5)} [Peer[id=1]/0:0:0:0:0:0:0:0:2181:Election@774] - time out: ${number}`,
  },
}

test('the time of each line is the one that is in it, in all eight at once', async () => {
  const { dir, end, start } = place()
  const written = new Map<string, { at: number; message: string }[]>()
  for (const [name, shape] of Object.entries(shapes)) {
    const { first, stepMs, unitMs, line, written: writtenAt, message = (text) => text } = shape
    const times = Array.from(
      { length: LINES },
      (_, number) => new Date(Math.floor(Date.parse(first) + number * stepMs)),
    )
    const lines = times.map((at, number) => line(at, number))
    const path = join(dir, `${name}.log`)
    // The last line has no end, as in what is copied out of the middle of a log.
    writeFileSync(path, lines.join('\n'))
    if (writtenAt !== undefined) utimesSync(path, new Date(writtenAt), new Date(writtenAt))
    const timeOf = (at = new Date()): number => Math.floor(at.getTime() / unitMs) * unitMs
    written.set(
      path,
      lines.map((text, index) => ({ at: timeOf(times[index]), message: message(text) })),
    )
  }
  await start({ patterns: [{ path: join(dir, '*.log'), timeZone: 'UTC' }] })
  await expect.poll(() => end.events.length).toBe(LINES * written.size)
  for (const [path, expected] of written) {
    const events = end.events.filter(({ source }) => source === path)
    expect(events.map(({ timestampNs, message }) => ({ at: Number(timestampNs / 1_000_000n), message }))).toEqual(
      expected,
    )
    if (path.includes('linux') || path.includes('openssh')) continue
    expect(events.map(({ severity }) => severity)).toEqual(expected.map((_, number) => SEVERITIES[number % 3]))
  }
})
