import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startOf } from '../access/file-lock.ts'
import { AppError } from '../core/errors.ts'
import { isProcessAlive } from '../core/process.ts'
import { unusableFolder } from './node.ts'

const FILE = 'lock'
/** A lock left by a crash is taken over; a second process doing the same at that moment may need this many tries. */
const TRIES = 5

/**
 * Keeps a second server off a data folder: two spools in one folder would load each other's files. Returns what gives
 * the folder free. A lock whose process has ended is taken over. Throws ENGINE_LOCKED while it lives.
 */
export function lockFolder(dataDir: string): () => void {
  const path = join(dataDir, FILE)
  const own = join(dataDir, `${FILE}.${process.pid}`)
  try {
    writeFileSync(own, `${process.pid} ${startOf(process.pid)}\n`, { mode: 0o600 })
  } catch (cause) {
    throw unusableFolder(dataDir, 'written', cause)
  }
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (tryLink(own, path)) return () => unlinkIfThere(path)
      const holder = livingHolder(path)
      if (holder !== undefined) throw locked(dataDir, holder)
      unlinkIfThere(path)
    }
    throw locked(dataDir, undefined)
  } finally {
    unlinkIfThere(own)
  }
}

/** A link is made whole or not at all, unlike a file that is created and then written. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** The process that holds the lock, `undefined` when it has ended. */
function livingHolder(path: string): number | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const [pidText = '', start = ''] = text.trim().split(' ')
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !isProcessAlive(pid)) return undefined
  return startOf(pid) === start ? pid : undefined
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function locked(dataDir: string, pid: number | undefined): AppError {
  return new AppError('ENGINE_LOCKED', {
    detail: `The data folder ${dataDir} is in use${pid === undefined ? '' : ` by process ${pid}`}.`,
    hint: 'Stop that server first, or choose another folder with --data.',
  })
}
