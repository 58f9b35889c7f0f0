import { createHash } from 'node:crypto'
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownPlace, startOf } from '../access/file-lock.ts'
import type { Logger } from '../core/logger.ts'
import { isProcessAlive } from '../core/process.ts'

const PREFIX = 'tailrace-streams-'
/** Whose it is: number and start of the process, and where its number means something. */
const NAME = new RegExp(`^${PREFIX}(\\d{1,10})-(\\d+|-)-([0-9a-f]{12})-\\w{6}$`)

export interface StreamFolder {
  dir: string
  remove(): void
}

/** A folder for bytes of streams for as long as this process lives. Those that killed processes have left are removed. */
export function openStreamFolder(logger: Logger, parent: string = tmpdir()): StreamFolder {
  removeAbandoned(parent, logger)
  const dir = mkdtempSync(join(parent, `${PREFIX}${process.pid}-${startOf(process.pid)}-${placeText()}-`))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

function removeAbandoned(parent: string, logger: Logger): void {
  for (const name of readdirSync(parent)) {
    const [, pid, start, place] = NAME.exec(name) ?? []
    if (pid === undefined || place !== placeText() || isTheProcess(Number(pid), start)) continue
    const dir = join(parent, name)
    try {
      // Of a folder that others may write to: what somebody else put there is none of ours, whatever it is called.
      const found = lstatSync(dir)
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue
      rmSync(dir, { recursive: true, force: true })
      logger.info({ dir }, 'A folder of streams that a killed server had left was removed')
    } catch (err) {
      logger.warn({ err, dir }, 'A folder of streams that a killed server has left could not be removed')
    }
  }
}

function isTheProcess(pid: number, start: string | undefined): boolean {
  return isProcessAlive(pid) && startOf(pid) === start
}

function placeText(): string {
  return createHash('sha256').update(ownPlace()).digest('hex').slice(0, 12)
}
