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
  /** Resolves with the number of bytes read, which is less than asked for only at the end of the file. */
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
  async read(fd, target, length, position) {
    let done = 0
    while (done < length) {
      const count = await readOnce(fd, target, done, length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  },
  close: (fd) => closeFile(fd),
}

function readOnce(fd: number, target: Buffer, at: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, at, length, position, (error, count) => (error ? reject(error) : resolve(count)))
  })
}

/** `ENOENT` and the like; empty for what is no error of the system. */
export function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
