import type { Counters } from '../../core/counters.ts'
import type { Folders } from './folders.ts'
import type { Handles } from './handles.ts'
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
  folders: number
  openFiles: number
  refusedFiles: number
  readBytes: number
  behindBytes: number
}

export function filesStatus(roster: Roster, folders: Folders, handles: Handles, counters: Counters): FilesStatus {
  const files = [...roster.files()].map((file) => {
    const size = file.isArchive ? file.position : Math.max(file.size, file.position + file.openBytes)
    const behindBytes = Math.max(0, size - file.delivered)
    return { path: file.path, offset: file.delivered, size, behindBytes, state: file.state, error: file.error ?? null }
  })
  const problems = [...roster.problems, ...folders.problems].map(([path, reason]) => ({ path, reason }))
  return {
    files,
    problems,
    folders: folders.size,
    openFiles: handles.size,
    refusedFiles: roster.refused,
    readBytes: counters.total('file_bytes_total'),
    behindBytes: files.reduce((sum, file) => sum + file.behindBytes, 0),
  }
}
