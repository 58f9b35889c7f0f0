/**
 * The folder that applications append to and one sender empties:
 *
 *     <start>-<pid>-<random>-<n>.log       events of one writer in order, one JSON object a line; only appended to
 *     <start>-<pid>-<random>-<n>.done.log  the same when its writer has closed it
 *     sent.json                            file → bytes of it that are stored by the server; written by the sender
 *     sender.lock                          process id of the sender, and when it began
 *     refused.ndjson                       lines that the server will not take, with the reason
 *
 * `start` is the milliseconds of the writer's start in base 36, so that names sort by age as far as the clock is right:
 * nothing but the choice of what to drop first depends on it. `random` tells writers apart, whatever the clock says.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const NAME = /^([0-9a-z]{9})-(\d{1,10})-([0-9a-z]{1,12})-(\d{6,})(\.done)?\.log$/

export interface LogFile {
  name: string
  /** Who writes it: files of one writer are sent in order. */
  writer: string
  pid: number
  number: number
  /** The writer will not append to it any more. */
  isDone: boolean
}

/** The largest that nine digits hold. */
const START_MS_MAX = 36 ** 9 - 1

/** `unique`: up to 12 digits and small letters that no other writer has. */
export function writerName(startMs: number, pid: number, unique: string): string {
  const start = Math.min(Math.max(0, startMs), START_MS_MAX)
  return `${start.toString(36).padStart(9, '0')}-${pid}-${unique}`
}

export function fileName(writer: string, number: number): string {
  return `${writer}-${String(number).padStart(6, '0')}.log`
}

export function doneName(name: string): string {
  return name.replace(/\.log$/, '.done.log')
}

export function parseFileName(name: string): LogFile | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const [, start = '', pid = '', unique = '', number = '', done] = match
  return {
    name,
    writer: `${start}-${pid}-${unique}`,
    pid: Number(pid),
    number: Number(number),
    isDone: done !== undefined,
  }
}

/** Files of all writers, oldest writer first, each writer's in order. */
export function listFiles(dir: string): LogFile[] {
  return readdirSync(dir)
    .flatMap((name) => parseFileName(name) ?? [])
    .sort((a, b) => (a.writer === b.writer ? a.number - b.number : a.writer < b.writer ? -1 : 1))
}

const SENT = 'sent.json'

/** How much of each file the server has. By the file's plain name, whether it is done or not. */
export function readSent(dir: string): Map<string, number> {
  try {
    const content = JSON.parse(readFileSync(join(dir, SENT), 'utf8')) as Record<string, number>
    return new Map(Object.entries(content).filter(([, bytes]) => Number.isSafeInteger(bytes) && bytes >= 0))
  } catch {
    // Missing or damaged: everything is sent again, and the server knows what it has.
    return new Map()
  }
}

export function writeSent(dir: string, sent: ReadonlyMap<string, number>): void {
  const path = join(dir, SENT)
  writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(sent)), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** The name by which a file stands in `sent.json`. */
export function plainName(name: string): string {
  return name.replace(/\.done\.log$/, '.log')
}
