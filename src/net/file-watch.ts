import { createHash } from 'node:crypto'
import { watch, type FSWatcher } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface FileWatchTimes {
  /** What was read has to be the same after this long before it counts: whoever writes several files is not done at once. */
  settleMs: number
  /** How often the files are read without being told: not every file system tells, and none tells of a link's target. */
  pollMs: number
}

export const FILE_WATCH_TIMES: FileWatchTimes = { settleMs: 300, pollMs: 30_000 }

/** Larger files are not read: they do not change. */
const BYTES_MAX = 1024 * 1024

/**
 * Calls `onChange` whenever the contents of these files have changed, however that came about: written, renamed into
 * place, or a link somewhere above turned to another folder (as Kubernetes does). Resolves once the first state is
 * known. The returned function ends it.
 */
export async function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  { settleMs, pollMs }: FileWatchTimes = FILE_WATCH_TIMES,
): Promise<() => void> {
  const judge = createSettling(await stateOf(paths))
  let isClosed = false
  let isLooking = false
  let isStale = false
  let timer: NodeJS.Timeout | undefined

  const look = async (): Promise<void> => {
    timer = undefined
    isLooking = true
    isStale = false
    const state = await stateOf(paths)
    isLooking = false
    if (isClosed) return
    const verdict = judge(state)
    if (verdict === 'changed') onChange()
    if (verdict === 'unsettled' || isStale) schedule()
  }
  const schedule = (): void => {
    isStale = true
    if (isClosed || isLooking) return
    timer ??= setTimeout(() => void look(), settleMs)
    timer.unref()
  }
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((folder) => watchFolder(folder, schedule))
  const poll = setInterval(schedule, pollMs)
  poll.unref()
  return () => {
    isClosed = true
    clearInterval(poll)
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** Judges states as they are seen: one counts when it was seen twice in a row and is not the one that counted last. */
export function createSettling(known: string): (state: string) => 'unchanged' | 'unsettled' | 'changed' {
  let told = known
  let seen = known
  return (state) => {
    const isSettled = state === seen
    seen = state
    if (!isSettled) return 'unsettled'
    if (state === told) return 'unchanged'
    told = state
    return 'changed'
  }
}

/** The folder rather than the file: a file that is replaced takes its watcher with it. */
function watchFolder(folder: string, onEvent: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent)
    // The folder went away: it is still looked at now and then.
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    // No such folder yet, or the system has no watches left: the same.
    return []
  }
}

async function stateOf(paths: readonly string[]): Promise<string> {
  const states = await Promise.all(paths.map(async (path) => `${path} ${await contentOf(path)}`))
  return states.join('\n')
}

async function contentOf(path: string): Promise<string> {
  try {
    const found = await stat(path)
    if (!found.isFile() || found.size > BYTES_MAX) return 'no file of a key or certificate'
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable'
  }
}
