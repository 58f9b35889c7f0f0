import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessAlive } from '../../core/process.ts'

const FILE = 'sender.lock'

export interface SenderLock {
  /** False once another process has taken the folder: then this one has to stop. */
  isHeld(): boolean
  release(): void
}

/**
 * Takes the folder for this process; `undefined` when a living one has it. Of two processes that find the lock of a dead
 * one in the same instant both may get it, and one of them learns from `isHeld` that it has lost it again; what both
 * have sent meanwhile the server knows.
 */
export function takeSenderLock(dir: string): SenderLock | undefined {
  if (senderPid(dir) !== undefined) return undefined
  const path = join(dir, FILE)
  const own = `${path}.${process.pid}`
  const content = `${process.pid} ${beginning(process.pid)}\n`
  const isHeld = (): boolean => readLock(dir) === content
  rmSync(path, { force: true })
  // Linked into place, so that nobody reads a lock without its content.
  writeFileSync(own, content, { mode: 0o600 })
  try {
    linkSync(own, path)
    return {
      isHeld,
      release() {
        if (isHeld()) rmSync(path, { force: true })
      },
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** The living process that sends from this folder. */
export function senderPid(dir: string): number | undefined {
  const [pidText, begun] = (readLock(dir) ?? '').trimEnd().split(' ')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isProcessAlive(pid)) return undefined
  // After a restart of the machine the number may be anybody's.
  return begun === beginning(pid) ? pid : undefined
}

function readLock(dir: string): string | undefined {
  try {
    return readFileSync(join(dir, FILE), 'utf8')
  } catch {
    // There is none.
    return undefined
  }
}

/** When a process began, in the kernel's own measure; `-` where the system does not tell. */
function beginning(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, which comes second, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-'
  } catch {
    return '-'
  }
}
