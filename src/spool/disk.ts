import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises'

/** What the spool asks of a file system. A parameter, so that tests can let it fail or stop at any step. */
export interface Disk {
  /** Makes the folder and those above it; no error if it exists. */
  makeFolder(path: string): Promise<void>
  list(path: string): Promise<{ name: string; isFolder: boolean }[]>
  bytes(path: string): Promise<number>
  /** Makes a new file with these contents; resolves when the contents are on the medium (fdatasync). */
  write(path: string, contents: readonly Uint8Array[]): Promise<void>
  /** Hands over the contents piece by piece. A piece is valid only during the call. */
  read(path: string, each: (piece: Uint8Array) => void): Promise<void>
  /** Atomic. */
  rename(from: string, to: string): Promise<void>
  removeFile(path: string): Promise<void>
  removeFolder(path: string): Promise<void>
  /** Resolves when the names in the folder are on the medium. */
  syncFolder(path: string): Promise<void>
  /** What unprivileged programs may still write. */
  freeBytes(path: string): Promise<number>
}

/** Readv and writev take at most this many buffers (IOV_MAX on Linux and macOS). */
const BUFFERS_MAX = 1024
const READ_BYTES = 1024 * 1024

/** The real file system. Files and folders are for this user alone. */
export function createDisk(): Disk {
  // One read at a time uses it; a second one at the same moment gets its own.
  let spare: Buffer | undefined
  return {
    makeFolder: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
    list: async (path) =>
      (await readdir(path, { withFileTypes: true })).map((entry) => ({
        name: entry.name,
        isFolder: entry.isDirectory(),
      })),
    bytes: async (path) => (await stat(path)).size,
    write: writeSynced,
    async read(path, each) {
      const buffer = spare ?? Buffer.allocUnsafeSlow(READ_BYTES)
      spare = undefined
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
      try {
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
          if (bytesRead === 0) break
          each(buffer.subarray(0, bytesRead))
        }
      } finally {
        spare = buffer
        await file.close()
      }
    },
    rename,
    removeFile: unlink,
    removeFolder: rmdir,
    async syncFolder(path) {
      const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
    async freeBytes(path) {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    },
  }
}

async function writeSynced(path: string, contents: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    for (let first = 0; first < contents.length; first += BUFFERS_MAX) {
      let rest = contents.slice(first, first + BUFFERS_MAX)
      // A disk or a limit that is nearly reached takes a part; the next call then says why.
      while (rest.length > 0) rest = without(rest, (await file.writev(rest)).bytesWritten)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** What is left of the buffers when their first `bytes` are gone. */
function without(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0
  let left = bytes
  for (let size = buffers[0]?.length; size !== undefined && left >= size; size = buffers[++index]?.length) left -= size
  const rest = buffers.slice(index)
  if (rest[0] && left > 0) rest[0] = rest[0].subarray(left)
  return rest
}

/** The system's code of an error (`ENOSPC`), if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Removes a folder and the files in it; nothing to do if it is not there. Subfolders are not expected. */
export async function removeWhole(disk: Disk, path: string): Promise<void> {
  try {
    for (const { name } of await disk.list(path)) await disk.removeFile(`${path}/${name}`)
    await disk.removeFolder(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}
