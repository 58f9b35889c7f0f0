import { mkdir, stat } from 'node:fs/promises'
import type { KeyTable } from '../access/access.ts'
import { openAccess } from '../access/open.ts'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { checkFilter } from '../query/query.ts'
import { hasNode, unusableFolder } from './node.ts'

/** The keys of a data folder, whether a server runs on it or not. A running one sees changes within a second. */
export interface FolderKeys {
  readonly keys: KeyTable
  /** No server has run on this folder yet. */
  readonly isUnused: boolean
  close(): Promise<void>
}

/**
 * Opens the keys of a data folder without a server. `mayMake`: makes the folder if there is none. Throws CONFIG_INVALID
 * when there is none, or it cannot be used.
 */
export async function openFolderKeys(dataDir: string, { mayMake }: { mayMake: boolean }): Promise<FolderKeys> {
  try {
    if (mayMake) await mkdir(dataDir, { recursive: true, mode: 0o700 })
    else await stat(dataDir)
  } catch (cause) {
    throw unusableFolder(dataDir, 'used', cause)
  }
  const access = await openAccess({
    dir: dataDir,
    clock: Date.now,
    counters: new Counters(),
    logger: SILENT_LOGGER,
    checkFilter: (filter) => checkFilter(filter, BigInt(Date.now()) * NS_PER_MS),
  })
  return { keys: access.keys, isUnused: !hasNode(dataDir), close: () => access.close() }
}
