/** The few calls on open files that streams are made of, as promises without the cost of `FileHandle`. */
import * as fs from 'node:fs'

export function openFile(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(fd)))
  })
}

export function closeFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fs.close(fd, (error) => (error ? reject(error) : resolve())))
}

export function syncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fs.fdatasync(fd, (error) => (error ? reject(error) : resolve())))
}

/** Reads at most `length` bytes; fewer only at the end of the file. */
export async function readFully(fd: number, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const count = await readOnce(fd, bytes, filled, position)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}

function readOnce(fd: number, bytes: Buffer, filled: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, bytes, filled, bytes.length - filled, position + filled, (error, count) =>
      error ? reject(error) : resolve(count),
    )
  })
}

/** Most buffers that one call of the system takes (IOV_MAX of Linux and macOS). */
const BUFFERS_MAX = 1024

/** Writes all of it. */
export async function writeFully(fd: number, position: number, buffers: readonly Buffer[]): Promise<void> {
  let rest = [...buffers]
  while (rest.length > 0) {
    let written = await writeOnce(fd, position, rest.slice(0, BUFFERS_MAX))
    position += written
    let whole = 0
    for (; whole < rest.length && written >= (rest[whole]?.length ?? 0); whole++) written -= rest[whole]?.length ?? 0
    rest = rest.slice(whole)
    const [first] = rest
    if (first && written > 0) rest[0] = first.subarray(written)
  }
}

function writeOnce(fd: number, position: number, buffers: Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, buffers, position, (error, written) => {
      if (error) reject(error)
      else if (written === 0) reject(new Error('nothing could be written'))
      else resolve(written)
    })
  })
}
