import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { link, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { isProcessAlive } from '../core/process.ts'

/** Whose turn it is to change a file, among processes. */
export interface FileLock {
  /** Still ours: to be asked right before what it guards becomes visible. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

export interface FileLockOptions {
  path: string
  /** Longest wait for another holder. */
  waitMsMax: number
}

/** A holder of whom nothing can be known, as it runs on another machine or in another container, has this long. */
export const STRANGER_MS_MAX = 30_000
const POLL_MS = 10

/**
 * Takes the lock file, which names its holder. One whose process has ended is taken over. Rejects with a plain error
 * after `waitMsMax`.
 */
export async function lockFile({ path, waitMsMax }: FileLockOptions): Promise<FileLock> {
  const content = `${ownIdentity()} ${randomUUID()}\n`
  const own = `${path}.${randomUUID()}`
  const giveUpMs = performance.now() + waitMsMax
  // Linked, not created: so the lock is never seen without its content. Others may read it: it holds nothing secret.
  await writeFile(own, content, { mode: 0o644, flag: 'wx' })
  try {
    while (!(await tryLink(own, path))) {
      const holder = await readIfThere(path)
      if (holder === undefined) continue
      if (await isAbandoned(path, holder)) await takeAway(path, holder, giveUpMs - performance.now())
      else if (performance.now() > giveUpMs) throw new Error(`${path} is held by ${holder.trim()}`)
      else await delay(POLL_MS)
    }
  } finally {
    await unlink(own)
  }
  const isHeld = async (): Promise<boolean> => (await readIfThere(path)) === content
  return {
    isHeld,
    async release() {
      if (await isHeld()) await unlinkIfThere(path)
    },
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function isAbandoned(path: string, holder: string): Promise<boolean> {
  const [pidText = '', start = '', place = ''] = holder.trim().split(' ')
  const pid = Number(pidText)
  if (place !== ownPlace() || !Number.isSafeInteger(pid) || pid <= 0) {
    const found = await stat(path).catch(() => undefined)
    return found !== undefined && Date.now() - found.mtimeMs > STRANGER_MS_MAX
  }
  return !isProcessAlive(pid) || startOf(pid) !== start
}

/**
 * Removes an abandoned lock. Only one process at a time may, so that what it looked at is what it removes: as long as
 * the abandoned one is there nobody can take its place.
 */
async function takeAway(path: string, abandoned: string, waitMsMax: number): Promise<void> {
  const takeover = await lockFile({ path: `${path}.takeover`, waitMsMax: Math.max(0, waitMsMax) })
  try {
    if ((await readIfThere(path)) === abandoned) await unlinkIfThere(path)
  } finally {
    await takeover.release()
  }
}

function ownIdentity(): string {
  return `${process.pid} ${startOf(process.pid)} ${ownPlace()}`
}

/** Process numbers mean the same to everybody of one place: a machine, or a container on it. */
export function ownPlace(): string {
  return `${hostname()}/${readQuietly(() => readlinkSync('/proc/self/ns/pid')) ?? '-'}`
}

/** When a process began, in the kernel's own measure: a number may have been given to another process since. */
export function startOf(pid: number): string {
  const fields = readQuietly(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.split(') ')
    .at(-1)
    ?.split(' ')
  return fields?.[19] ?? '-'
}

function readQuietly(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    // No /proc on this system, or the process has just ended: then the number alone has to do.
    return undefined
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** The system's code of an error (`ENOSPC`), if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
