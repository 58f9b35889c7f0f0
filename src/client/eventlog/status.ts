import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SenderStats } from './sender.ts'

const FILE = 'sender.json'

/** What the sender of a folder last said about itself. */
export interface SenderStatus extends SenderStats {
  pid: number
  /** RFC 3339. */
  at: string
  /** Why events cannot be delivered now; null: they can. */
  trouble: string | null
}

export function writeStatus(dir: string, status: SenderStatus): void {
  const path = join(dir, FILE)
  writeFileSync(`${path}.new`, JSON.stringify(status), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function readStatus(dir: string): SenderStatus | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, FILE), 'utf8')) as SenderStatus
  } catch {
    // No sender has run yet.
    return undefined
  }
}
