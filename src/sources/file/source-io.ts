/** All that the source does with files it follows: it looks, opens for reading, reads, closes. It never writes to them. */
import { close, constants, type Dirent, fstat, open, read, type BigIntStats } from 'node:fs'
import { readdir, realpath, stat, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

/** What can go wrong with a disk can be tried with another one of these. */
export interface SourceIo {
  /** Follows links. */
  stat(path: string): Promise<BigIntStats>
  /** What is in a folder. */
  list(path: string): Promise<Dirent[]>
  /** The path without links. */
  realpath(path: string): Promise<string>
  /** The number of the type of file system that the path is on, as statfs has it. */
  fileSystem(path: string): Promise<number>
  /** For reading only. */
  open(path: string): Promise<number>
  statOpen(fd: number): Promise<BigIntStats>
  /**
   * Reads once, so that what is read was in the file at one moment. Resolves with the number of bytes, which may be less
   * than asked for; 0 is the end of the file.
   */
  read(fd: number, target: Buffer, length: number, position: number): Promise<number>
  close(fd: number): Promise<void>
}

const openFile = promisify(open)
/** A pipe that has taken the place of a file must not be waited for. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
const closeFile = promisify(close)

function statOpen(fd: number): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fstat(fd, { bigint: true }, (error, stats) => (error ? reject(error) : resolve(stats)))
  })
}

export const SOURCE_IO: SourceIo = {
  stat: (path) => stat(path, { bigint: true }),
  list: (path) => readdir(path, { withFileTypes: true }),
  realpath: (path) => realpath(path),
  fileSystem: async (path) => (await statfs(path)).type,
  open: (path) => openFile(path, FLAGS),
  statOpen,
  read: (fd, target, length, position) =>
    new Promise((resolve, reject) => {
      read(fd, target, 0, length, position, (error, count) => (error ? reject(error) : resolve(count)))
    }),
  close: (fd) => closeFile(fd),
}

/** `ENOENT` and the like; empty for what is no error of the system. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
