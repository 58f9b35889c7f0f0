import type { Counters } from '../../core/counters.ts'
import type { Folders } from './folders.ts'
import type { Handles } from './handles.ts'
import type { Journal } from './journal.ts'
import type { Lanes } from './lanes.ts'
import type { Roster } from './roster.ts'

export interface FileStatus {
  path: string
  /** Everything before is in the server. */
  offset: number
  size: number
  behindBytes: number
  state: string
  error: string | null
}

export interface FilesStatus {
  files: FileStatus[]
  /** Files and folders that cannot be looked at. */
  problems: { path: string; reason: string }[]
  /** Paths and globs that select no file now. */
  unmatched: string[]
  folders: number
  openFiles: number
  refusedFiles: number
  readBytes: number
  behindBytes: number
}

export interface StatusParts {
  roster: Roster
  folders: Folders
  handles: Handles
  lanes: Lanes
  journal: Journal
  counters: Counters
}

export function filesStatus({ roster, folders, handles, lanes, journal, counters }: StatusParts): FilesStatus {
  const files = [...roster.files()].map((file) => {
    const size = file.isArchive ? file.position : Math.max(file.size, file.position + file.openBytes)
    const behindBytes = Math.max(0, size - file.delivered)
    return { path: file.path, offset: file.delivered, size, behindBytes, state: file.state, error: file.error ?? null }
  })
  const problems = [...roster.problems, ...folders.problems].map(([path, reason]) => ({ path, reason }))
  problems.push(...lanes.hung().map((path) => ({ path, reason: 'the file system does not answer' })))
  // Nothing is delivered while it is so: that comes first.
  if (journal.problem !== undefined) problems.unshift({ path: journal.path, reason: journal.problem })
  return {
    files,
    problems,
    unmatched: [...folders.unmatched],
    folders: folders.size,
    openFiles: handles.size,
    refusedFiles: roster.refused,
    readBytes: counters.total('file_bytes_total'),
    behindBytes: files.reduce((sum, file) => sum + file.behindBytes, 0),
  }
}
