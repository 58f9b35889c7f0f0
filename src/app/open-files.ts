import { readFileSync } from 'node:fs'
import type { Logger } from '../core/logger.ts'

/** Files that are not connections to the main port: those of the engine, the spool, and of other listeners. */
const RESERVE = 512
const CONNECTIONS_MIN = 64

/** Files that this process may have open at once, as Linux tells; `undefined` elsewhere. */
export function openFilesMax(path = '/proc/self/limits'): number | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  const [, soft] = /^Max open files +(\d+) /m.exec(text) ?? []
  return soft === undefined ? undefined : Number(soft)
}

/**
 * Each connection takes a file: as many as leave enough for everything else. Where that is fewer, it is said: as a
 * warning where it is less than was asked for, or less than half of the default.
 */
export function affordableConnections(
  { connectionsMax, isWanted }: { connectionsMax: number; isWanted: boolean },
  filesMax: number | undefined,
  logger: Logger,
): number {
  if (filesMax === undefined || connectionsMax + RESERVE <= filesMax) return connectionsMax
  const affordable = Math.min(connectionsMax, Math.max(CONNECTIONS_MIN, filesMax - RESERVE))
  if (affordable === connectionsMax) return affordable
  const say = isWanted || affordable < connectionsMax / 2 ? logger.warn : logger.debug
  say.call(
    logger,
    { connectionsMax, openFilesMax: filesMax, connections: affordable },
    'There may be fewer connections than http.connectionsMax: raise the limit of open files (ulimit -n, LimitNOFILE)',
  )
  return affordable
}

/** As many files as an agent may hold open: half of what this process may, at most. */
export function affordableFiles(wanted: number, filesMax: number | undefined): number {
  return filesMax === undefined ? wanted : Math.max(4, Math.min(wanted, Math.floor(filesMax / 2)))
}
