import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessAlive } from '../../core/process.ts'

const FILE = 'sender.lock'

/**
 * Takes the folder for this process; `undefined` when a living one has it. The returned function gives it back. Two
 * processes that find the lock of a dead one in the same instant may both get it: the server then knows the second copy
 * of each event.
 */
export function takeSenderLock(dir: string): (() => void) | undefined {
  if (senderPid(dir) !== undefined) return undefined
  const path = join(dir, FILE)
  const own = `${path}.${process.pid}`
  rmSync(path, { force: true })
  // Linked into place, so that nobody reads a lock without its number.
  writeFileSync(own, String(process.pid), { mode: 0o600 })
  try {
    linkSync(own, path)
    return () => rmSync(path, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** The living process that sends from this folder. */
export function senderPid(dir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dir, FILE), 'utf8'))
    return Number.isInteger(pid) && pid > 0 && isProcessAlive(pid) ? pid : undefined
  } catch {
    // There is none.
    return undefined
  }
}
