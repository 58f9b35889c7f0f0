import { closeSync, openSync, readSync } from 'node:fs'

/**
 * The text of a file, or of a pipe such as a shell makes for `<(…)`; `undefined` when it is longer than `bytesMax`.
 * Reads no more than that: whatever the file is, it may be one without end. Throws what the system says.
 */
export function readShortFile(path: string, bytesMax: number): string | undefined {
  const bytes = Buffer.alloc(bytesMax + 1)
  let length = 0
  const file = openSync(path, 'r')
  try {
    let read = -1
    while (read !== 0 && length < bytes.length) {
      read = readSync(file, bytes, length, bytes.length - length, null)
      length += read
    }
  } finally {
    closeSync(file)
  }
  return length > bytesMax ? undefined : bytes.toString('utf8', 0, length)
}
